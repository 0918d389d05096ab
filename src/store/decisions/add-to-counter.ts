import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { addWhole, luaAdd, luaWhole } from './whole-numbers.ts';

/**
 * Adds to a counter, within the whole numbers that a double holds. The ttl counts from the first addition.
 *
 * Keys: the counter. Arguments: instant, step, ttl or ''. Reply: the sum.
 */
export const addToCounter = defineDecision({
  name: 'add-to-counter',
  access: 'write',
  keys: [1, 1],
  args: 3,
  lua: `${luaTime}${luaWhole}${luaAdd}${luaDropEnded}
local current = redis.call('GET', KEYS[1])
local sum, refusal = add(current, ARGV[2])
if not sum then return refusal end
redis.call('INCRBY', KEYS[1], ARGV[2])
if not current and ARGV[3] ~= '' then redis.call('PEXPIREAT', KEYS[1], text(now + tonumber(ARGV[3]))) end
return sum
`,
  native(space, keys, args) {
    const [key] = keys as [ByteString];
    const [instant, by, ttl] = args as [ByteString, ByteString, ByteString];
    const now = timeOf(space, keys, instant);
    const keyspace = space.keyspace(key);
    const sum = addWhole(keyspace.strings.get(key), numberIn(by));
    const expiresAt = keyspace.expiresAt(key) ?? (ttl === '' ? 0 : now + numberIn(ttl));
    keyspace.strings.set(key, String(sum), { expiresAt, entryClass: space.entryClass });
    return sum;
  },
});
