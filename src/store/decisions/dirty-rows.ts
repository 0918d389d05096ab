import type { ByteString } from '../../kernel/bytes.ts';
import type { ClaimedRow, DirtySize, RowChange, RowChanged, RowClaim, RowLoad, StoredRow } from '../ports.ts';
import { countArg, durationArg, numberIn } from './arguments.ts';
import type { ScriptReply } from './decision.ts';
import { ROW_ADDING, ROW_KNOWN, ROW_REMOVED, ROW_VERSION, ROW_WHOLE, rowLetter } from './dirty-keys.ts';
import { stepArg } from './whole-numbers.ts';

const addLetters = { add: 'i', count: 'c', recount: 'r' } as const;

/** The arguments of `put-dirty`. @throws SluiceError OVERFLOW */
export function putDirtyArgs(key: ByteString, change: RowChange, limit: number): ByteString[] {
  const most = String(Math.min(limit, Number.MAX_SAFE_INTEGER));
  if (change.kind === 'delete') return ['', 'delete', key, most];
  const args = ['', change.kind, key, most];
  for (const one of change.fields) {
    if (one.do === 'set') args.push('s', one.field, one.value);
    else if (one.do === 'drop') args.push('x', one.field, '');
    else args.push(addLetters[one.do], one.field, stepArg(one.by));
  }
  return args;
}

/** Undefined: nothing was changed, for too many rows wait. */
export function rowChanged(reply: ScriptReply): RowChanged | undefined {
  const [version, count, sum, waiting] = reply as [ByteString, number, ByteString, number];
  if (version === '0') return undefined;
  return {
    version: Number(version),
    count,
    sum: sum === '' ? undefined : numberIn(sum),
    waiting: waiting < 0 ? undefined : waiting,
  };
}

/** The arguments of `claim-dirty`. @throws SluiceError INVALID_ARGUMENT */
export function claimDirtyArgs({ count, lease, minAge, maxAge, takeOver = false, only }: RowClaim): ByteString[] {
  const ages = [minAge, maxAge].map((age) => String(Math.floor(age)));
  const taken = takeOver ? '1' : '';
  return ['', durationArg(lease), countArg('count', count), ...ages, taken, ...(only === undefined ? [] : [only])];
}

/** The arguments of `acknowledge-dirty`. @throws SluiceError INVALID_ARGUMENT */
export function acknowledgeDirtyArgs(
  rows: readonly Pick<ClaimedRow, 'key' | 'version'>[],
  keepFor: number | undefined,
): ByteString[] {
  const kept = keepFor === undefined ? '' : durationArg(keepFor);
  return ['', kept, ...rows.flatMap(({ key, version }) => [key, String(version)])];
}

/** The arguments of `load-dirty`. @throws SluiceError INVALID_ARGUMENT */
export function loadDirtyArgs({ version, fields, keepFor }: RowLoad): ByteString[] {
  return ['', String(version), durationArg(keepFor), ...[...fields].flat()];
}

const unwritten: readonly string[] = [rowLetter.dirty, rowLetter.dropped, rowLetter.added, rowLetter.adding];

/** A row of `read-dirty`; undefined where there is none. */
export function storedRow(reply: ScriptReply): StoredRow | undefined {
  const words = reply as readonly ByteString[];
  if (words.length === 0) return undefined;
  const fields = new Map<ByteString, ByteString>();
  let version = 0;
  let isRemoved = false;
  let isDirty = false;
  let isKnown = false;
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at] as ByteString;
    const value = words[at + 1] as ByteString;
    const letter = name.charAt(0);
    if (name === ROW_VERSION) version = numberIn(value);
    else if (name === ROW_REMOVED) isRemoved = true;
    else if (name === ROW_KNOWN) isKnown = true;
    else if (letter === rowLetter.clean || letter === rowLetter.dirty) fields.set(name.slice(1), value);
    if (name === ROW_REMOVED || name === ROW_WHOLE || unwritten.includes(letter)) isDirty = true;
  }
  return { version, fields, isDirty, isRemoved, isKnown };
}

/** What is to be written of a row, by what `read-dirty` tells; undefined where nothing is. */
export function claimedRow(key: ByteString, reply: ScriptReply): ClaimedRow | undefined {
  const words = reply as readonly ByteString[];
  const fields = new Map<ByteString, ByteString | undefined>();
  let version = 0;
  let change: ClaimedRow['change'] = 'merge';
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at] as ByteString;
    const letter = name.charAt(0);
    if (name === ROW_VERSION) version = numberIn(words[at + 1]);
    else if (name === ROW_REMOVED) change = 'delete';
    else if (name === ROW_WHOLE) change = 'replace';
    else if (letter === rowLetter.dirty) fields.set(name.slice(1), words[at + 1]);
    else if (letter === rowLetter.dropped) fields.set(name.slice(1), undefined);
  }
  return version === 0 ? undefined : { key, version, change, fields };
}

/** What is to be added to a row, by what `freeze-counts` tells; undefined where nothing is. */
export function claimedCounts(key: ByteString, reply: ScriptReply): ClaimedRow | undefined {
  const words = reply as readonly ByteString[];
  const fields = new Map<ByteString, ByteString | undefined>();
  let version = 0;
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at] as ByteString;
    if (name === ROW_ADDING) version = numberIn(words[at + 1]);
    else if (name.charAt(0) === rowLetter.adding) fields.set(name.slice(1), words[at + 1]);
  }
  return version === 0 ? undefined : { key, version, change: 'merge', fields };
}

/** The same while nobody has claimed it, by what `read-dirty` tells: all that is to be added to a row. */
export function waitingCounts(key: ByteString, reply: ScriptReply): ClaimedRow | undefined {
  const begun = claimedCounts(key, reply);
  if (begun !== undefined) return begun;
  const words = reply as readonly ByteString[];
  const fields = new Map<ByteString, ByteString | undefined>();
  let version = 0;
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at] as ByteString;
    if (name === ROW_VERSION) version = numberIn(words[at + 1]);
    else if (name.charAt(0) === rowLetter.added) fields.set(name.slice(1), words[at + 1]);
  }
  return fields.size === 0 ? undefined : { key, version, change: 'merge', fields };
}

/** All of a row that is not written yet. */
export interface UnwrittenRow {
  readonly version: number;
  readonly change: ClaimedRow['change'];
  /** What changed; undefined: emptied. */
  readonly fields: ReadonlyMap<ByteString, ByteString | undefined>;
  /** What is to be added. */
  readonly steps: ReadonlyMap<ByteString, number>;
}

/** The same, by what `read-dirty` tells; undefined where all is written. */
export function unwrittenRow(key: ByteString, reply: ScriptReply): UnwrittenRow | undefined {
  const row = claimedRow(key, reply);
  if (row === undefined) return undefined;
  const words = reply as readonly ByteString[];
  const steps = new Map<ByteString, number>();
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at] as ByteString;
    const letter = name.charAt(0);
    if (letter !== rowLetter.added && letter !== rowLetter.adding) continue;
    const field = name.slice(1);
    steps.set(field, (steps.get(field) ?? 0) + numberIn(words[at + 1]));
  }
  const { version, change, fields } = row;
  const isWritten = change === 'merge' && fields.size === 0 && steps.size === 0;
  return isWritten ? undefined : { version, change, fields, steps };
}

/** The arguments of `pass-dirty`. @throws SluiceError OVERFLOW */
export function passDirtyArgs(key: ByteString, change: RowChange, { mark, number }: PassMark): ByteString[] {
  return [...putDirtyArgs(key, change, Number.POSITIVE_INFINITY), mark, String(number)];
}

/** By what a change that is passed on is known again. */
export interface PassMark {
  /** Who passes it on, and of which row it is. */
  readonly mark: ByteString;
  /** Of the changes of one row the later has the higher one. */
  readonly number: number;
}

/** What `count-dirty` tells. */
export function dirtySize(reply: ScriptReply): DirtySize {
  const [waiting, claimed, oldest, now] = reply as [number, number, number, number];
  return { waiting, claimed, oldest: oldest < 0 ? undefined : oldest, now };
}
