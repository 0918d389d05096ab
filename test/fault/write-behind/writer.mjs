import { RespConnection } from '../support/resp.mjs';
import { sleep } from './servers.mjs';

/** Commands in flight; never two of one key. */
const BATCH = 16;
const HOT = 4;
const COUNTERS = 2;
/** A batch that takes so long is given up, ms. */
const PATIENCE = 4_000;
/** Answers that say that nothing was changed. */
const REFUSED = /^(?:LOADING|ERR SLUICE_OVERLOADED|OOM|BUSY|ERR SLUICE_READ_ONLY)/;

/**
 * One client with keys of its own. Four of five of its keys are written once and never again, so that no later write hides a loss; of the others
 * most are written again or deleted soon after, a few all the time. It reads what it writes.
 */
export class Writer {
  #name;
  #ledger;
  #random;
  #address;
  #settleMs;
  #shapes;
  /** By number: which of the keys of that number is in use. One of which something may still come is left alone. */
  #generations = Array.from({ length: HOT }, () => 0);
  #next = 0;
  /** Rows that are changed some more. */
  #warm = [];
  /** In the batch that is made. */
  #taken = new Set();
  #isStopped = false;
  #isPaused = false;
  #done;
  /** Errors that should not have been answered, by text. */
  errors = new Map();

  /**
   * @param address the port of a node that runs, undefined when there is none
   * @param shapes of keys: row, counter, record
   * @param settleMs how long after an unknown change the next one is sent, so that it cannot overtake
   */
  constructor({ name, ledger, random, address, shapes, settleMs = 0 }) {
    this.#name = name;
    this.#ledger = ledger;
    this.#random = random;
    this.#address = address;
    this.#settleMs = settleMs;
    this.#shapes = shapes;
  }

  start() {
    this.#done = this.#run();
  }

  async stop() {
    this.#isStopped = true;
    await this.#done;
  }

  pause(isPaused) {
    this.#isPaused = isPaused;
  }

  /** Keys that are changed all the time. */
  get hot() {
    return this.#generations.map((generation, i) => `${this.#name}-hot-${i}-${generation}`);
  }

  async #run() {
    while (!this.#isStopped) {
      const port = this.#address();
      const connection = port === undefined ? undefined : await RespConnection.connect(port).catch(() => undefined);
      if (connection === undefined) {
        await sleep(5);
        continue;
      }
      try {
        await this.#look(connection);
        while (!this.#isStopped) {
          if (this.#isPaused) await sleep(5);
          else {
            await this.#batch(connection);
            await sleep(this.#random() * 6);
          }
        }
      } catch {
        // The connection is lost; what is unknown is in the ledger.
        await sleep(this.#settleMs);
      } finally {
        connection.close();
      }
    }
  }

  /** What became of changes that were not answered. @throws when the node does not answer */
  async #look(connection) {
    const mine = this.#ledger.unknownRows().filter((key) => key.startsWith(`${this.#name}-`));
    const keys = [...new Set([...this.hot, ...mine])];
    const replies = await inTime(connection.send(keys.map((key) => ['HGETALL', `row:${key}`])));
    const error = replies.find((reply) => reply instanceof Error);
    if (error !== undefined) {
      this.#note(error);
      await sleep(5);
      throw error;
    }
    for (const [i, key] of keys.entries()) this.#ledger.see(key, rowOf(replies[i]), 'read after a connection was lost');
  }

  async #batch(connection) {
    const steps = [];
    this.#taken.clear();
    while (steps.length < BATCH) {
      const step = this.#step();
      if (step === undefined) continue;
      this.#taken.add(step.key);
      steps.push(step);
    }
    let failure;
    let isLate = false;
    const timer = setTimeout(() => {
      // Whoever has the commands may wake up again.
      isLate = true;
      connection.close();
    }, PATIENCE);
    const replies = connection.sendEach(steps.map(({ command }) => command));
    for (const [i, step] of steps.entries()) {
      try {
        const reply = await replies[i];
        if (!(reply instanceof Error)) step.ok(reply);
        else if (REFUSED.test(reply.message)) {
          step.refused();
          this.#note(reply);
        } else {
          this.#note(reply);
          step.lost(isTimeout(reply));
          failure ??= reply;
        }
      } catch (error) {
        step.lost(isLate);
        failure ??= error;
      }
    }
    clearTimeout(timer);
    if (failure !== undefined) throw failure;
  }

  #step() {
    const kind = this.#random();
    if (kind < 0.6) return this.#write(this.#new());
    const number = this.#below(HOT);
    const hot = this.hot[number];
    if (this.#ledger.mayStillCome(hot)) this.#generations[number]++;
    else if (kind < 0.68) return this.#write(hot);
    else if (kind < 0.7) return this.#remove(hot);
    else if (kind < 0.76) return this.#read(hot);
    if (kind < 0.8) return this.#increment('count', `${this.#name}-${this.#below(COUNTERS)}`);
    if (kind < 0.83 && this.#shapes.includes('counter'))
      return this.#increment('total', `${this.#name}-${this.#below(COUNTERS)}`);
    if (kind < 0.86 && this.#shapes.includes('record')) return this.#append(`${this.#name}-${this.#below(COUNTERS)}`);
    if (this.#warm.length === 0) return undefined;
    const at = Math.max(0, this.#warm.length - 1 - this.#below(60));
    const [key] = kind < 0.96 ? this.#warm.splice(at, 1) : [this.#warm[at]];
    return kind < 0.93 ? this.#remove(key) : this.#write(key);
  }

  #new() {
    const number = this.#next++;
    const key = `${this.#name}-${number}`;
    if (number % 5 === 0) this.#warm.push(key);
    return key;
  }

  #write(key) {
    if (this.#taken.has(key) || this.#ledger.mayStillCome(key)) return undefined;
    const change = this.#ledger.write(key);
    const { index, column } = change;
    const command = ['HSET', `row:${key}`, 'n', String(index), column, String(index)];
    return this.#change(key, command, change);
  }

  #remove(key) {
    if (this.#taken.has(key) || this.#ledger.mayStillCome(key)) return undefined;
    return this.#change(key, ['DEL', `row:${key}`], this.#ledger.remove(key));
  }

  #change(key, command, change) {
    return {
      key,
      command,
      ok: () => this.#ledger.ok(change),
      refused: () => this.#ledger.refuse(),
      lost: (mayStillCome) => this.#ledger.lost(change, mayStillCome),
    };
  }

  #read(key) {
    if (this.#taken.has(key)) return undefined;
    return {
      key,
      command: ['HGETALL', `row:${key}`],
      ok: (reply) => this.#ledger.see(key, rowOf(reply), 'read while it is written'),
      refused: () => {},
      lost: () => {},
    };
  }

  /** `count`: a number in a row, `total`: a counter. */
  #increment(kind, name) {
    const key = `${kind}:${name}`;
    if (this.#taken.has(key)) return undefined;
    const change = this.#ledger.increment(key);
    return {
      key,
      command: ['HINCRBY', key, 'n', '1'],
      ok: (sum) => (kind === 'count' ? this.#ledger.incremented(change, sum) : this.#ledger.counted(change)),
      refused: () => this.#ledger.refuse(),
      lost: (mayStillCome) => this.#ledger.incrementLost(change, mayStillCome),
    };
  }

  #append(name) {
    const key = `event:${name}`;
    if (this.#taken.has(key)) return undefined;
    const record = this.#ledger.append(name);
    return {
      key,
      command: ['RPUSH', key, JSON.stringify({ n: record.index })],
      ok: () => this.#ledger.appended(),
      refused: () => this.#ledger.appendRefused(record),
      lost: () => this.#ledger.appendLost(record),
    };
  }

  #below(n) {
    return Math.floor(this.#random() * n);
  }

  #note({ message }) {
    const text = message.replaceAll(/\d+/g, 'N').slice(0, 160);
    this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
  }
}

/** The answer to HGETALL. */
export function rowOf(flat) {
  if (flat.length === 0) return undefined;
  const row = { n: null, a: null, b: null };
  for (let at = 0; at < flat.length; at += 2) row[flat[at]] = Number(flat[at + 1]);
  return row;
}

/** Whoever has the command did not end. */
function isTimeout({ message }) {
  return /UNKNOWN.*(?:in time|after \d+|timed? ?out)/i.test(message);
}

function inTime(promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer')), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
