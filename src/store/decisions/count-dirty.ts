import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { luaTypes, requireTypes } from './dirty-keys.ts';
import { luaTime, timeOf } from './time.ts';

/**
 * How much is to be written.
 *
 * Keys: those that wait, those that are being written, since when these had waited. Arguments: instant. Reply: how many wait, how many are being
 * written, since when the one that waits longest does (-1: none does), and what time it is.
 */
export const countDirty = defineDecision({
  name: 'count-dirty',
  access: 'read',
  keys: [3, 3],
  args: 1,
  lua: `${luaTime}${luaTypes}
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
return {redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), oldest and tonumber(oldest) or -1, now}
`,
  native(space, keys, args) {
    const [dirty, inflight, since] = keys as [ByteString, ByteString, ByteString];
    const { dirtyRows, inflightRows } = requireTypes(space, dirty, inflight, since);
    const waiting = dirtyRows.read(dirty);
    const [oldest] = waiting === undefined ? [] : [...waiting.range(0, 1)];
    return [
      waiting?.size ?? 0,
      inflightRows.read(inflight)?.size ?? 0,
      oldest?.score ?? -1,
      timeOf(space, [], args[0]),
    ];
  },
});
