import { type KeyUse, Need } from '../guard/acl/permissions.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { ReplyValue } from '../resp/reply-decoder.ts';

/** Where the keys of a command are, as Redis 7's COMMAND tells it (key specifications). */
export interface KeySpec {
  /** What is done to them. */
  readonly need: Need;
  /** False: it only says which server to go to, as the channel of SPUBLISH. */
  readonly isKey: boolean;
  readonly begin: { readonly index: number } | { readonly keyword: string; readonly from: number };
  readonly find:
    | { readonly lastKey: number; readonly step: number; readonly limit: number }
    | { readonly countAt: number; readonly firstKey: number; readonly step: number };
}

/** The specifications in one entry of COMMAND's reply (RESP3); not `complete` when it has some that cannot be followed (SORT … STORE). */
export function commandKeySpecs(entry: readonly ReplyValue[]): { specs: readonly KeySpec[]; complete: boolean } {
  const [, , , first, last, step, , , described] = entry;
  if (described === undefined) return { specs: rangeOf(Number(first), Number(last), Number(step)), complete: true };
  const list = described instanceof Set || Array.isArray(described) ? [...(described as Iterable<ReplyValue>)] : [];
  const specs = list.map(specOf).filter((spec) => spec !== undefined);
  return { specs, complete: specs.length === list.length };
}

/** What a key specification's flags say is done to the keys. */
export function needOf(flags: readonly string[]): Need {
  const reads = flags.includes('access');
  const writes = ['insert', 'update', 'delete'].some((flag) => flags.includes(flag));
  if (reads) return writes ? Need.both : Need.read;
  return writes ? Need.write : Need.none;
}

/** The keys in the words of a command, and what is done to them. */
export function usesOf(specs: readonly KeySpec[], argv: readonly ByteString[]): KeyUse[] {
  return specs
    .filter(({ isKey }) => isKey)
    .flatMap((spec) => positionsOf([spec], argv).map((position) => ({ position, need: spec.need })));
}

/** Positions of all keys in the words of a command, in the order of the specifications. */
export function positionsOf(specs: readonly KeySpec[], argv: readonly ByteString[]): number[] {
  const positions: number[] = [];
  for (const { begin, find } of specs) {
    const start = 'index' in begin ? begin.index : keywordAt(argv, begin.keyword, begin.from);
    if (start <= 0 || start >= argv.length) continue;
    if ('lastKey' in find) {
      let end = find.lastKey >= 0 ? start + find.lastKey : argv.length + find.lastKey;
      // A limit says that the keys end part of the way: with 2 they take half of what is left.
      if (find.lastKey === -1 && find.limit > 1) end = start + Math.floor((argv.length - start) / find.limit) - 1;
      for (let at = start; at <= end && at < argv.length; at += find.step) positions.push(at);
    } else {
      const count = Number(argv[start + find.countAt]);
      if (!Number.isSafeInteger(count)) continue;
      for (let n = 0, at = start + find.firstKey; n < count && at < argv.length; n++, at += find.step)
        positions.push(at);
    }
  }
  return positions;
}

/** The same for SORT, whose destination no specification describes; as the server reads it when it runs. */
export function sortPositions(argv: readonly ByteString[]): number[] {
  let destination = 0;
  for (let at = 2; at < argv.length; at++) {
    const word = (argv[at] as ByteString).toLowerCase();
    if (word === 'store' && at + 1 < argv.length) destination = at + 1;
    if (word === 'store' || word === 'by' || word === 'get') at++;
    else if (word === 'limit') at += 2;
  }
  return argv.length < 2 ? [] : destination === 0 ? [1] : [1, destination];
}

function keywordAt(argv: readonly ByteString[], keyword: string, from: number): number {
  const found =
    from >= 0
      ? argv.findIndex((word, i) => i >= from && word.toLowerCase() === keyword)
      : argv.findLastIndex((word, i) => i <= argv.length + from && word.toLowerCase() === keyword);
  return found < 0 ? 0 : found + 1;
}

function rangeOf(first: number, last: number, step: number): readonly KeySpec[] {
  if (!(first > 0)) return [];
  return [
    // Old servers do not say.
    {
      need: Need.both,
      isKey: true,
      begin: { index: first },
      find: { lastKey: last < 0 ? last : last - first, step: Math.max(1, step), limit: 0 },
    },
  ];
}

function specOf(value: ReplyValue): KeySpec | undefined {
  const spec = fieldsOf(value);
  const begin = fieldsOf(spec.get('begin_search'));
  const find = fieldsOf(spec.get('find_keys'));
  const at = fieldsOf(begin.get('spec'));
  const how = fieldsOf(find.get('spec'));
  const number = (from: ReadonlyMap<unknown, unknown>, name: string): number => Number(from.get(name) ?? 0);
  const flags = wordsOf(spec.get('flags'));
  const use = { need: needOf(flags), isKey: !flags.includes('not_key') };
  const start =
    begin.get('type') === 'index'
      ? { index: number(at, 'index') }
      : begin.get('type') === 'keyword'
        ? { keyword: String(at.get('keyword')).toLowerCase(), from: number(at, 'startfrom') }
        : undefined;
  if (start === undefined) return undefined;
  const step = Math.max(1, number(how, 'keystep'));
  if (find.get('type') === 'range')
    return { ...use, begin: start, find: { lastKey: number(how, 'lastkey'), step, limit: number(how, 'limit') } };
  if (find.get('type') === 'keynum')
    return {
      ...use,
      begin: start,
      find: { countAt: number(how, 'keynumidx'), firstKey: number(how, 'firstkey'), step },
    };
  return undefined;
}

function wordsOf(value: unknown): readonly string[] {
  const list = value instanceof Set || Array.isArray(value) ? [...(value as Iterable<unknown>)] : [];
  return list.map((word) => String(word).toLowerCase());
}

function fieldsOf(value: unknown): ReadonlyMap<unknown, unknown> {
  return value instanceof Map ? value : new Map();
}
