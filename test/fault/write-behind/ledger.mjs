/**
 * What is known of rows that are written by one writer each, and what may therefore be found in them.
 *
 * A row has the columns `n`, `a` and `b`. Change number `i` of a row sets `n` and one of the others to `i`, or deletes the row. A change is
 * acknowledged, refused, or unknown: it may be there from then on or not. So for each column there are the values that may be found; what is
 * found once narrows them, since nothing goes back.
 */
export class Ledger {
  #rows = new Map();
  #counters = new Map();
  #records = new Map();
  /** Acknowledged changes. */
  acknowledged = 0;
  /** Changes of which nobody knows. */
  unknown = 0;
  refused = 0;
  /** What is wrong: { kind, key, text }. */
  problems = [];

  get rows() {
    return this.#rows.keys();
  }

  get counters() {
    return this.#counters.keys();
  }

  get streams() {
    return this.#records.keys();
  }

  /** Rows, counters and records. */
  get size() {
    let records = 0;
    for (const { next } of this.#records.values()) records += next - 1;
    return this.#rows.size + this.#counters.size + records;
  }

  /** How many rows were changed once and never again. */
  get once() {
    let count = 0;
    for (const { changes } of this.#rows.values()) if (changes === 1) count++;
    return count;
  }

  /** A change that is about to be sent; `index` and `column` are what its command has to say. */
  write(key) {
    const row = this.#row(key);
    const index = ++row.changes;
    const column = index % 2 === 0 ? 'a' : 'b';
    return { key, index, column, sets: { n: index, [column]: index } };
  }

  remove(key) {
    this.#row(key).changes++;
    return { key, sets: { n: null, a: null, b: null } };
  }

  ok({ key, sets }) {
    this.acknowledged++;
    const row = this.#row(key);
    for (const [column, value] of Object.entries(sets)) row[column] = withLate(row, column, value);
  }

  /** @param mayStillCome whoever has the change is not known to be gone: it can be made at any time */
  lost(change, mayStillCome = false) {
    this.unknown++;
    const row = this.#row(change.key);
    row.isUnknown = true;
    if (mayStillCome) row.late = [...(row.late ?? []), change.sets];
    for (const [column, value] of Object.entries(change.sets)) {
      if (!row[column].includes(value)) row[column] = [...row[column], value];
    }
  }

  /** It was said that the change was not made. */
  refuse() {
    this.refused++;
  }

  /** Rows of which something is unknown. */
  unknownRows() {
    return [...this.#rows].filter(([, { isUnknown }]) => isUnknown).map(([key]) => key);
  }

  mayStillCome(key) {
    return this.#rows.get(key)?.late !== undefined;
  }

  /**
   * @param found `{ n, a, b }` of numbers and nulls, undefined for no row
   * @param where for the message. @param settles nothing older can be found from now on
   * @returns whether it is right
   */
  see(key, found, where, settles = true) {
    const row = this.#row(key);
    const is = found ?? { n: null, a: null, b: null };
    const wrong = ['n', 'a', 'b'].filter((column) => !row[column].includes(is[column]));
    if (wrong.length > 0) {
      this.#problem(kindOf(row, is, wrong), key, `${where}: ${text(is)}; possible ${text(row)}`);
      return false;
    }
    if (is.n !== null && is[is.n % 2 === 0 ? 'a' : 'b'] !== is.n) {
      this.#problem('torn', key, `${where}: ${text(is)}`);
      return false;
    }
    if (settles) {
      for (const column of ['n', 'a', 'b']) row[column] = withLate(row, column, is[column]);
      row.isUnknown = row.late !== undefined;
    }
    return true;
  }

  increment(key) {
    this.#counter(key);
    return { key };
  }

  /** @param sum what was answered */
  incremented({ key }, sum) {
    this.acknowledged++;
    const counter = this.#counter(key);
    const { known, unknown } = counter;
    if (sum <= known || sum > known + unknown + 1)
      this.#problem(
        sum <= known ? 'lost' : 'doubled',
        key,
        `the answer ${sum}, after ${known} and ${unknown} that are unknown`,
      );
    counter.known = sum;
    counter.unknown = counter.late;
  }

  /** The same where the sum is not told. */
  counted({ key }) {
    this.acknowledged++;
    this.#counter(key).known++;
  }

  incrementLost({ key }, mayStillCome = false) {
    this.unknown++;
    const counter = this.#counter(key);
    counter.unknown++;
    if (mayStillCome) counter.late++;
  }

  /** @param sum undefined for no row */
  seeCounter(key, sum, where) {
    const { known, unknown } = this.#counter(key);
    const is = sum ?? 0;
    if (is >= known && is <= known + unknown) return true;
    this.#problem(is < known ? 'lost' : 'doubled', key, `${where}: ${is}, not ${known} to ${known + unknown}`);
    return false;
  }

  /** A record that is about to be sent; `index` is what it has to say. */
  append(key) {
    const stream = this.#records.get(key) ?? { next: 1, unknown: new Set(), refused: new Set() };
    this.#records.set(key, stream);
    return { key, index: stream.next++ };
  }

  appended() {
    this.acknowledged++;
  }

  appendLost({ key, index }) {
    this.unknown++;
    this.#records.get(key).unknown.add(index);
  }

  appendRefused({ key, index }) {
    this.refused++;
    this.#records.get(key).refused.add(index);
  }

  /** @param found what the records of a stream say, in the order in which they came to be there */
  seeRecords(key, found, where) {
    const { next, unknown, refused } = this.#records.get(key);
    const before = this.problems.length;
    const there = new Set();
    let most = 0;
    for (const index of found) {
      if (there.has(index)) this.#problem('doubled', key, `${where}: record ${index}`);
      else if (index >= next || refused.has(index)) this.#problem('invented', key, `${where}: record ${index}`);
      else if (index < most && !unknown.has(index))
        this.#problem('disordered', key, `${where}: record ${index} after ${most}`);
      there.add(index);
      most = Math.max(most, index);
    }
    for (let index = 1; index < next; index++) {
      if (!there.has(index) && !unknown.has(index) && !refused.has(index))
        this.#problem('lost', key, `${where}: record ${index}`);
    }
    return this.problems.length === before;
  }

  #problem(kind, key, text) {
    this.problems.push({ kind, key, text });
  }

  #row(key) {
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { changes: 0, n: [null], a: [null], b: [null], isUnknown: false, late: undefined };
      this.#rows.set(key, row);
    }
    return row;
  }

  #counter(key) {
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = { known: 0, unknown: 0, late: 0 };
      this.#counters.set(key, counter);
    }
    return counter;
  }
}

/** A table that is looked at while it is written to: no row of it may go back. */
export class TableWatch {
  #rows = new Map();
  problems = [];
  looks = 0;

  /** @param rows key to `n`, of rows that are there. */
  look(keys, rows) {
    this.looks++;
    for (const key of keys) {
      const n = rows.get(key);
      const before = this.#rows.get(key) ?? { most: 0, isGone: false };
      if (n === undefined) before.isGone = before.most > 0;
      else {
        if (n < before.most || (before.isGone && n === before.most))
          this.problems.push({
            kind: before.isGone ? 'resurrected' : 'stale',
            key,
            text: `in the table ${n} after ${before.most}${before.isGone ? ' and none' : ''}`,
          });
        before.isGone = false;
        before.most = Math.max(n, before.most);
      }
      this.#rows.set(key, before);
    }
  }
}

function withLate({ late = [] }, column, value) {
  const more = late.flatMap((sets) => (column in sets && sets[column] !== value ? [sets[column]] : []));
  return [value, ...more];
}

function kindOf(row, is, wrong) {
  const mustBeGone = wrong.every((column) => row[column].length === 1 && row[column][0] === null);
  if (mustBeGone) return 'resurrected';
  const invented = wrong.some((column) => is[column] !== null && is[column] > row.changes);
  return invented ? 'invented' : 'lost';
}

function text({ n, a, b }) {
  return JSON.stringify({ n, a, b });
}
