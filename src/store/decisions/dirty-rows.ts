import type { ByteString } from '../../kernel/bytes.ts';
import type { ClaimedRow, RowChange, RowChanged, StoredRow } from '../ports.ts';
import { countArg, durationArg, numberIn } from './arguments.ts';
import type { ScriptReply } from './decision.ts';
import { ROW_REMOVED, ROW_VERSION, ROW_WHOLE, rowLetter } from './dirty-keys.ts';
import { stepArg } from './whole-numbers.ts';

/** The arguments of `put-dirty`. @throws SluiceError OVERFLOW */
export function putDirtyArgs(key: ByteString, change: RowChange): ByteString[] {
  if (change.kind === 'delete') return ['', 'delete', key];
  const args = ['', change.kind, key];
  for (const one of change.fields) {
    if (one.do === 'set') args.push('s', one.field, one.value);
    else if (one.do === 'drop') args.push('x', one.field, '');
    else args.push('i', one.field, stepArg(one.by));
  }
  return args;
}

export function rowChanged(reply: ScriptReply): RowChanged {
  const [version, count, sum] = reply as [ByteString, number, ByteString];
  return { version: Number(version), count, sum: sum === '' ? undefined : numberIn(sum) };
}

/** The arguments of `claim-dirty`. @param now ms since the epoch @throws SluiceError INVALID_ARGUMENT */
export function claimDirtyArgs(
  now: number,
  {
    count,
    lease,
    minAge,
    maxAge,
  }: { readonly count: number; readonly lease: number; readonly minAge: number; readonly maxAge: number },
): ByteString[] {
  return [
    '',
    durationArg(lease),
    countArg('count', count),
    String(Math.floor(now - minAge)),
    String(Math.floor(now - maxAge)),
  ];
}

/** A row of `read-dirty`; undefined where there is none. */
export function storedRow(reply: ScriptReply): StoredRow | undefined {
  const words = reply as readonly ByteString[];
  if (words.length === 0) return undefined;
  const fields = new Map<ByteString, ByteString>();
  let version = 0;
  let isRemoved = false;
  let isDirty = false;
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at] as ByteString;
    const value = words[at + 1] as ByteString;
    const letter = name.charAt(0);
    if (name === ROW_VERSION) version = numberIn(value);
    else if (name === ROW_REMOVED) isRemoved = true;
    else if (letter === rowLetter.clean || letter === rowLetter.dirty) fields.set(name.slice(1), value);
    if (name === ROW_REMOVED || name === ROW_WHOLE || letter === rowLetter.dirty || letter === rowLetter.dropped)
      isDirty = true;
  }
  return { version, fields, isDirty, isRemoved };
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
