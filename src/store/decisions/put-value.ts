import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { holds, luaHolds } from './condition.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/**
 * Writes a value if a condition holds, and what is kept beside it.
 *
 * Keys: the value; what is kept beside it, unless there is no place for it (the engine then keeps it in the value's own record).
 * Arguments: instant, value, what is kept beside it or '', ttl or '', condition ({@link conditionArgs}). Reply: `created`,
 * `replaced` or `refused`.
 */
export const putValue = defineDecision({
  name: 'put-value',
  access: 'write',
  keys: [1, 2],
  args: 5,
  lua: `${luaTime}${luaWhole}${luaDropEnded}${luaHolds}
redis.call('STRLEN', KEYS[1])
local existed = redis.call('EXISTS', KEYS[1]) == 1
if not holds(existed, 5) then return 'refused' end
local function put(key, value)
  redis.call('SET', key, value)
  if ARGV[4] ~= '' then redis.call('PEXPIREAT', key, text(now + tonumber(ARGV[4]))) end
end
put(KEYS[1], ARGV[2])
if KEYS[2] then
  if ARGV[3] == '' then redis.call('DEL', KEYS[2]) else put(KEYS[2], ARGV[3]) end
end
return existed and 'replaced' or 'created'
`,
  native(space, keys, args) {
    const [key, besideKey] = keys as [ByteString, ByteString?];
    const [instant, value, beside, ttl] = args as [ByteString, ByteString, ByteString, ByteString];
    const now = timeOf(space, keys, instant);
    const { strings } = space.keyspace(key);
    // Asked for its type too: a hash must not be lost to a value of the same name.
    const existed = strings.has(key);
    if (!holds(strings, key, existed, args.slice(4))) return 'refused';
    const { entryClass } = space;
    const expiresAt = ttl === '' ? 0 : now + numberIn(ttl);
    if (besideKey === undefined) {
      strings.set(key, value, { expiresAt, contentType: beside, entryClass });
    } else {
      // First, as its name is the longer one: when it is too long nothing has been written.
      if (beside === '') space.keyspace(besideKey).delete(besideKey);
      else space.keyspace(besideKey).strings.set(besideKey, beside, { expiresAt, entryClass });
      strings.set(key, value, { expiresAt, entryClass });
    }
    return existed ? 'replaced' : 'created';
  },
});
