import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole, NOT_AN_INTEGER_TEXT, wholeNumber } from './whole-numbers.ts';

/**
 * At most so many hits from the first one until `per` later: a counter that expires. Arguments and reply are those of the rolling
 * window.
 */
export const fixedWindow = defineDecision({
  name: 'fixed-window',
  access: 'write',
  keys: [1, 1],
  args: 4,
  lua: `${luaTime}${luaWhole}${luaDropEnded}
local limit, per, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local count = whole(redis.call('GET', KEYS[1]))
if not count then return redis.error_reply('${NOT_AN_INTEGER_TEXT}') end
local at = ends(KEYS[1])
if at < 0 then at = now + per end
if count + cost > limit then return { 0, count, math.max(0, limit - count), at } end
local total = count + cost
redis.call('SET', KEYS[1], text(total))
redis.call('PEXPIREAT', KEYS[1], text(at))
return { 1, total, limit - total, total < limit and now or at }
`,
  native(space, keys, args) {
    const [key] = keys as [ByteString];
    const now = timeOf(space, keys, args[0]);
    const [limit, per, cost] = args.slice(1).map(numberIn) as [number, number, number];
    const keyspace = space.keyspace(key);
    const count = wholeNumber(keyspace.strings.get(key));
    const endsAt = keyspace.expiresAt(key) || now + per;
    if (count + cost > limit) return [0, count, Math.max(0, limit - count), endsAt];
    const total = count + cost;
    keyspace.strings.set(key, String(total), { expiresAt: endsAt, entryClass: space.entryClass });
    return [1, total, limit - total, total < limit ? now : endsAt];
  },
});
