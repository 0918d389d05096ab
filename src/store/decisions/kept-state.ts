import type { ByteString } from '../../kernel/bytes.ts';
import { tagOf } from './tag.ts';

// Read-through entries: a value with what is kept beside it, which begins with the value's tag; or instead of a value a mark, which
// begins with a tag of noughts. What lies beside a value that somebody else has written since belongs to it no more.

/** Begins what is kept instead of a value. */
export const MARK_TAG = '0'.repeat(40);

/** Stands for what lies beside a value that has nothing of its own there. */
export const FOREIGN = '!';

/** What is kept of a key in one text: what lies beside it, {@link FOREIGN}, or '' for nothing at all. */
export function stateOf(value: ByteString | undefined, beside: ByteString | undefined): ByteString {
  if (value === undefined) return beside?.startsWith(MARK_TAG) === true ? beside : '';
  return beside?.startsWith(tagOf(value)) === true ? beside : FOREIGN;
}

/** The same in Lua: `stateOf(value, beside)` with `false` for what is absent. */
export const luaStateOf = `
local function stateOf(value, beside)
  if not value then
    return beside and string.sub(beside, 1, 40) == string.rep('0', 40) and beside or ''
  end
  return beside and string.sub(beside, 1, 40) == redis.sha1hex(value) and beside or '${FOREIGN}'
end
`;
