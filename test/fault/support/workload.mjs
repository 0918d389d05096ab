/**
 * What one connection does, as a pure function of the number of the command, and the state it leaves after the first `n` commands.
 *
 * Keys are written once, with values that say themselves where they belong; old ones are deleted again, so that the state stays
 * small and a resurrected key is noticed. A connection's commands reach the journal in order, so after a crash the state must be
 * exactly that after some `n`, not less than what was acknowledged.
 */

/** Commands after which a key is deleted again; several blocks. */
const WINDOW = 2048;
const BLOCK = 256;
const KEPT_BLOCKS = WINDOW / BLOCK;

const pad = (text, length) => text.padEnd(length, '.');
/** Grows and shrinks, so that values wander between cells of the slab. */
const value = (c, i) => pad(`v:${c}:${i}:${(i * 2654435761) % 4294967296}`, 40 + ((i * 37) % 200));
const blockOf = (i) => Math.floor(i / BLOCK);

/** Command number `i` of connection `c`. */
export function commandOf(c, i) {
  switch (i % 8) {
    case 3: {
      const keys = [3, 2, 1]
        .map((back) => i - back - WINDOW)
        .filter((old) => old >= 0)
        .map((old) => `k:${c}:${old}`);
      const block = blockOf(i) - KEPT_BLOCKS - 1;
      if (i % BLOCK === 3 && block >= 0) for (const type of ['h', 'l', 'z']) keys.push(`${type}:${c}:${block}`);
      return ['DEL', ...(keys.length > 0 ? keys : [`none:${c}`])];
    }
    case 4:
      return ['HSET', `h:${c}:${blockOf(i)}`, `f:${i}`, value(c, i)];
    case 5:
      return ['RPUSH', `l:${c}:${blockOf(i)}`, `e:${i}`];
    case 6:
      return ['INCR', `n:${c}`];
    case 7:
      return ['ZADD', `z:${c}:${blockOf(i)}`, String(i), `m:${i}`];
    default:
      return ['SET', `k:${c}:${i}`, value(c, i)];
  }
}

/** The state of connection `c` after its first `n` commands: key to canonical text. */
export function stateAfter(c, n) {
  const state = new Map();
  // Everything older is deleted.
  const from = Math.max(0, (blockOf(n) - KEPT_BLOCKS - 3) * BLOCK);
  const collections = new Map();
  for (let i = from; i < n; i++) {
    const [name, key, ...rest] = commandOf(c, i);
    if (name === 'SET') state.set(key, rest[0]);
    else if (name === 'DEL') for (const old of [key, ...rest]) for (const map of [state, collections]) map.delete(old);
    else if (name === 'HSET' || name === 'RPUSH' || name === 'ZADD') {
      const elements = collections.get(key);
      const element = name === 'RPUSH' ? rest[0] : `${rest[0]}=${rest[1]}`;
      if (elements === undefined) collections.set(key, [element]);
      else elements.push(element);
    }
  }
  for (const [key, elements] of collections) state.set(key, (key[0] === 'h' ? elements.sort() : elements).join(' '));
  const increments = Math.floor(n / 8) + (n % 8 > 6 ? 1 : 0);
  if (increments > 0) state.set(`n:${c}`, String(increments));
  return state;
}

/** How many of the first commands can have been done when the counter stands at `count`. */
export function candidates(count) {
  const fewest = count === 0 ? 0 : (count - 1) * 8 + 7;
  return Array.from({ length: 8 }, (_, more) => fewest + more).filter((n) => n < count * 8 + 7);
}

/** The command that reads a key, and what makes canonical text of its answer. */
export function readOf(key) {
  switch (key[0]) {
    case 'h':
      return [
        ['HGETALL', key],
        (flat) =>
          pairs(flat)
            .map(([field, text]) => `${field}=${text}`)
            .sort()
            .join(' '),
      ];
    case 'l':
      return [['LRANGE', key, '0', '-1'], (elements) => elements.join(' ')];
    case 'z':
      return [
        ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
        (flat) =>
          pairs(flat)
            .map(([member, score]) => `${score}=${member}`)
            .join(' '),
      ];
    default:
      return [['GET', key], (text) => text];
  }
}

function pairs(flat) {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}

/**
 * Compares what was found with what must be there.
 * @param found key to canonical text. @param acknowledged commands known to be done.
 * @returns the number of commands done, and what is wrong: commands or keys lost, keys resurrected, values torn.
 */
export function judge(c, found, acknowledged) {
  const count = Number(found.get(`n:${c}`) ?? 0);
  let best;
  for (const n of candidates(count)) {
    const expected = stateAfter(c, n);
    const verdict = { n, lost: Math.max(0, acknowledged - n), resurrected: 0, torn: 0, examples: [] };
    for (const [key, text] of expected) {
      if (!found.has(key)) note(verdict, 'lost', key);
      else if (found.get(key) !== text) note(verdict, 'torn', key);
    }
    for (const key of found.keys()) if (!expected.has(key)) note(verdict, 'resurrected', key);
    verdict.wrong = verdict.lost + verdict.resurrected + verdict.torn;
    if (best === undefined || verdict.wrong < best.wrong || (verdict.wrong === best.wrong && n > best.n))
      best = verdict;
  }
  return best;
}

function note(verdict, kind, key) {
  verdict[kind]++;
  if (verdict.examples.length < 5) verdict.examples.push(`${kind} ${key}`);
}
