import { setTimeout as sleep } from 'node:timers/promises';
import { randomWait } from './tools.mjs';

/** Questions at a time, and of each about so many a second. */
const READERS = 50;
const RATE = 8;
/** One of so many goes over HTTP, the others over the protocol of Redis; and one of so many is for a parked scooter. */
const OVER_HTTP = 10;
const PARKED = 5;

/** Asks all the time where scooters are, and looks at every answer: what was accepted before the question must be in it. */
export class Reader {
  answers = 0;
  parked = 0;
  overHttp = 0;
  /** Questions without an answer: Sluice went away, or the database was and only it knows the row. */
  unanswered = 0;
  wrong = [];
  #client;
  #http;
  #ledger;
  #isReading = true;
  #done;

  /** @param http such as http://127.0.0.1:8080 */
  constructor(client, http, ledger) {
    this.#client = client;
    this.#http = http;
    this.#ledger = ledger;
  }

  start() {
    this.#done = Promise.all(Array.from({ length: READERS }, () => this.#read()));
  }

  async stop() {
    this.#isReading = false;
    await this.#done;
  }

  async #read() {
    while (this.#isReading) {
      await sleep(randomWait(RATE));
      if (this.#client.isReady) await this.ask(this.#pick());
    }
  }

  #pick() {
    const { riding, size } = this.#ledger;
    const isParked = below(PARKED) === 0 && size > riding;
    return isParked ? riding + below(size - riding) : below(riding);
  }

  /** One question. */
  async ask(id) {
    const oldest = this.#ledger.oldestFor(id);
    let row;
    const isHttp = below(OVER_HTTP) === 0;
    try {
      row = isHttp ? await this.#overHttp(id) : await this.#client.hGetAll(`scooter:${id}`);
    } catch {
      this.unanswered++;
      return;
    }
    this.answers++;
    if (isHttp) this.overHttp++;
    if (id >= this.#ledger.riding) this.parked++;
    const problem = this.#ledger.judge(id, oldest, row);
    if (problem !== undefined) this.wrong.push(problem);
  }

  async #overHttp(id) {
    const response = await fetch(`${this.#http}/scooter:${id}`);
    if (response.status === 404) return {};
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  }
}

function below(count) {
  return Math.floor(Math.random() * count);
}
