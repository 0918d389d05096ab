import type { ByteString } from '../../kernel/bytes.ts';
import { holds, luaHolds } from './condition.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';

/**
 * Deletes a key of any type if a condition holds, and what is kept beside it.
 *
 * Keys: the value; what is kept beside it, unless there is no place for it. Arguments: instant, condition ({@link conditionArgs}).
 * Reply: 1 or 0.
 */
export const removeValue = defineDecision({
  name: 'remove-value',
  access: 'delete',
  keys: [1, 2],
  args: 2,
  lua: `${luaTime}${luaDropEnded}${luaHolds}
if not holds(redis.call('EXISTS', KEYS[1]) == 1, 2) then return 0 end
if KEYS[2] then redis.call('DEL', KEYS[2]) end
return redis.call('DEL', KEYS[1])
`,
  native(space, keys, args) {
    const [key, besideKey] = keys as [ByteString, ByteString?];
    timeOf(space, keys, args[0]);
    const keyspace = space.keyspace(key);
    if (!holds(keyspace.strings, key, keyspace.has(key), args.slice(1))) return 0;
    if (besideKey !== undefined) space.keyspace(besideKey).delete(besideKey);
    return keyspace.delete(key) ? 1 : 0;
  },
});
