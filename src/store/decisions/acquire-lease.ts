import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { addWhole, luaAdd, luaWhole } from './whole-numbers.ts';

/**
 * Takes a lease nobody holds or renews the holder's own: the holder in a string that expires, the last token beside it for ever. Tokens go by the
 * clock, so that they go on growing when the store was lost, or a server took over that had not heard of the last one.
 *
 * Keys: the lease, its last token. Arguments: instant, holder, ttl. Reply: the token, which grows with every new holder; nothing
 * while another one holds it.
 */
export const acquireLease = defineDecision({
  name: 'acquire-lease',
  access: 'delete',
  keys: [2, 2],
  args: 3,
  lua: `${luaTime}${luaWhole}${luaAdd}${luaDropEnded}
local current = redis.call('GET', KEYS[1])
if current and current ~= ARGV[2] then return false end
local token, refusal = add(redis.call('GET', KEYS[2]), current and 0 or 1)
if not token then return refusal end
-- A script that has written may go on where there is no memory: who has the right writes what takes it.
redis.call(current and 'PERSIST' or 'DEL', KEYS[1])
if not current then
  token = math.max(token, now)
  redis.call('SET', KEYS[2], text(token))
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('PEXPIREAT', KEYS[1], text(now + tonumber(ARGV[3])))
return token
`,
  native(space, keys, args) {
    const [key, tokenKey] = keys as [ByteString, ByteString];
    const [instant, holder, ttl] = args as [ByteString, ByteString, ByteString];
    const now = timeOf(space, keys, instant);
    const { entryClass } = space;
    const { strings } = space.keyspace(key);
    const tokens = space.keyspace(tokenKey).strings;
    const expiresAt = now + numberIn(ttl);
    const current = strings.get(key);
    if (current !== undefined && current !== holder) return null;
    const next = addWhole(tokens.get(tokenKey), current === undefined ? 1 : 0);
    const token = current === undefined ? Math.max(next, now) : next;
    if (current === undefined) tokens.set(tokenKey, String(token), { entryClass });
    strings.set(key, holder, { expiresAt, entryClass });
    return token;
  },
});
