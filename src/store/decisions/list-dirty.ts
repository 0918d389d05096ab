import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaTypes, requireTypes } from './dirty-keys.ts';

/**
 * Tells which rows wait, those that wait longest first, and takes none.
 *
 * Keys: those that wait, those that are being written, since when these had waited. Arguments: how many. Reply: names of rows.
 */
export const listDirty = defineDecision({
  name: 'list-dirty',
  access: 'read',
  keys: [3, 3],
  args: 1,
  lua: `${luaTypes}
local count = tonumber(ARGV[1])
if count == 0 then return {} end
return redis.call('ZRANGE', KEYS[1], 0, count - 1)
`,
  native(space, keys, args) {
    const [dirty, inflight, since] = keys as [ByteString, ByteString, ByteString];
    const count = numberIn(args[0]);
    const { dirtyRows } = requireTypes(space, dirty, inflight, since);
    const rows = dirtyRows.read(dirty);
    return rows === undefined ? [] : [...rows.range(0, Math.min(count, rows.size))].map(({ member }) => member);
  },
});
