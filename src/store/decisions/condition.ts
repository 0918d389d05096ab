import { type ByteString, utf8ToBytes } from '../../kernel/bytes.ts';
import type { Strings } from '../engine/strings.ts';
import type { OnlyIf } from '../ports.ts';
import { tagOf } from './tag.ts';

/** A condition as the last arguments of a decision: '' for none, `absent`, `present`, or `tags` and the tags. */
export function conditionArgs(condition: OnlyIf | undefined): ByteString[] {
  if (condition === undefined) return [''];
  return typeof condition === 'string' ? [condition] : ['tags', ...condition.tags.map(utf8ToBytes)];
}

/** @param args from the condition on. @throws SluiceError WRONG_TYPE when a tag is asked for of another type */
export function holds(strings: Strings, key: ByteString, exists: boolean, args: readonly ByteString[]): boolean {
  switch (args[0]) {
    case 'absent':
      return !exists;
    case 'present':
      return exists;
    case 'tags':
      return exists && args.indexOf(tagOf(strings.get(key) ?? ''), 1) > 0;
    default:
      return true;
  }
}

/** Defines `holds(exists, from)`: whether the condition in ARGV from there on holds for the first key. */
export const luaHolds = `
local function holds(exists, from)
  local condition = ARGV[from]
  if condition == 'absent' then return not exists end
  if condition == 'present' then return exists end
  if condition ~= 'tags' then return true end
  if not exists then return false end
  local tag = redis.sha1hex(redis.call('GET', KEYS[1]))
  for i = from + 1, #ARGV do
    if ARGV[i] == tag then return true end
  end
  return false
end
`;
