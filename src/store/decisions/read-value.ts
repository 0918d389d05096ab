import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { luaEnds, luaTime, timeOf } from './time.ts';

/**
 * A value with its expiry and what is kept beside it, as of one instant.
 *
 * Keys: the value; what is kept beside it, unless there is no place for it. Arguments: instant. Reply: value, instant of expiry or 0,
 * what is beside it or ''; nothing when the value is absent.
 */
export const readValue = defineDecision({
  name: 'read-value',
  access: 'read',
  keys: [1, 2],
  args: 1,
  // Deletes nothing: a server that takes no writes is still read from.
  lua: `${luaTime}${luaEnds}
local value = redis.call('GET', KEYS[1])
local at = ends(KEYS[1])
if not value or (at >= 0 and at <= now) then return false end
return { value, math.max(at, 0), KEYS[2] and redis.call('GET', KEYS[2]) or '' }
`,
  native(space, keys, args) {
    const [key, besideKey] = keys as [ByteString, ByteString?];
    const now = timeOf(space, [], args[0]);
    const keyspace = space.keyspace(key);
    const value = keyspace.strings.get(key);
    const at = keyspace.expiresAt(key) ?? 0;
    if (value === undefined || (at !== 0 && at <= now)) return null;
    return [value, at, besideKey === undefined ? '' : (space.keyspace(besideKey).strings.get(besideKey) ?? '')];
  },
});
