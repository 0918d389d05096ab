import { say } from './tools.mjs';

const HEAD = ['updates/s', 'rows/s', 'reads/s', 'from table/s', 'waiting', 'lag', 'updates per row'];

/** Prints every second what is going on. */
export class Board {
  /** Rows of scooters that were written, over all processes of Sluice. */
  written = 0;
  /** Rows that were read from the table because Sluice did not know them. */
  loaded = 0;
  #sluice;
  #ledger;
  #reader;
  #timer;
  #printed;
  #last = { updates: 0, reads: 0, written: 0, loaded: 0, at: performance.now() };
  #seen = { written: 0, loaded: 0 };

  constructor(sluice, ledger, reader) {
    this.#sluice = sluice;
    this.#ledger = ledger;
    this.#reader = reader;
  }

  start() {
    say(lineOf(HEAD));
    this.#timer = setInterval(() => {
      this.#printed = this.#print();
    }, 1000);
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#printed;
  }

  /** Asks Sluice; what it counts begins with each of its processes. @returns what it tells; undefined: it is away */
  async look(timeout = 900) {
    const row = (await this.#sluice.status(timeout).catch(() => undefined))?.['scooter:*'];
    if (row === undefined) return undefined;
    for (const count of ['written', 'loaded']) {
      this[count] += row[count] < this.#seen[count] ? row[count] : row[count] - this.#seen[count];
      this.#seen[count] = row[count];
    }
    return row;
  }

  async #print() {
    const row = await this.look();
    const now = { written: this.written, loaded: this.loaded, at: performance.now() };
    now.updates = this.#ledger.counts.accepted;
    now.reads = this.#reader.answers;
    const seconds = (now.at - this.#last.at) / 1000;
    const rate = (what) => Math.round((now[what] - this.#last[what]) / seconds);
    const rates = ['updates', 'written', 'reads', 'loaded'].map(rate);
    const reduction = row?.reduction;
    const saved = reduction ? `${reduction.achieved.toFixed(1)} (predicted ${reduction.predicted.toFixed(1)})` : '';
    const rest = row === undefined ? ['Sluice is away'] : [row.pending, `${row.lagSeconds.toFixed(1)} s`, saved];
    say(lineOf([...rates, ...rest]));
    this.#last = now;
  }
}

function lineOf(cells) {
  return cells.map((cell, i) => `${cell}`.padStart(HEAD[i].length)).join('  ');
}
