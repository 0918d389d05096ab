import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaBack, luaTypes, putBack, requireTypes, takeSince } from './dirty-keys.ts';
import { luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/** In one call. */
const MOST_BEGUN_ANEW = 1000;

/**
 * Takes rows that are to be written, those that wait longest first. A row that is being written is not taken again before that has ended
 * or its lease is over, so that its changes keep their order. Nothing is taken before there are enough ripe rows, or one is overdue.
 *
 * Where the clock was set back, rows that began to wait later than now begin anew.
 *
 * Keys: those that wait, those that are being written, since when these had waited. Arguments: instant, lease, how many, how long a row must have
 * waited to be ripe, and how long to be overdue, `1` where every lease has lapsed (else ''), and maybe a name: this one alone, whatever it has waited. Reply: names of rows.
 */
export const claimDirty = defineDecision({
  name: 'claim-dirty',
  access: 'delete',
  keys: [3, 3],
  args: 6,
  lua: `${luaTime}${luaWhole}${luaBack}${luaTypes}
-- A script that has written may go on where there is no memory: this leads to some being given back.
redis.call('PERSIST', KEYS[1])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[6] == '1' and '+inf' or text(now))) do
  local since = tonumber(redis.call('HGET', KEYS[3], name) or now)
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
  back(name, since)
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now), '+inf', 'LIMIT', 0, ${MOST_BEGUN_ANEW})) do
  redis.call('ZADD', KEYS[1], text(now), name)
end
if ARGV[7] then
  local since = redis.call('ZSCORE', KEYS[1], ARGV[7])
  if not since or redis.call('ZSCORE', KEYS[2], ARGV[7]) then return {} end
  redis.call('ZREM', KEYS[1], ARGV[7])
  redis.call('ZADD', KEYS[2], text(now + tonumber(ARGV[2])), ARGV[7])
  redis.call('HSET', KEYS[3], ARGV[7], text(tonumber(since)))
  return {ARGV[7]}
end
local count = tonumber(ARGV[3])
local most = count + redis.call('ZCARD', KEYS[2])
local ripe = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now - tonumber(ARGV[4])), 'WITHSCORES', 'LIMIT', 0, most)
local names, since = {}, {}
for at = 1, #ripe, 2 do
  if #names < count and not redis.call('ZSCORE', KEYS[2], ripe[at]) then
    names[#names + 1] = ripe[at]
    since[#since + 1] = ripe[at + 1]
  end
end
if #names == 0 or (#names < count and tonumber(since[1]) > now - tonumber(ARGV[5])) then return {} end
for at, name in ipairs(names) do
  redis.call('ZREM', KEYS[1], name)
  redis.call('ZADD', KEYS[2], text(now + tonumber(ARGV[2])), name)
  redis.call('HSET', KEYS[3], name, text(tonumber(since[at])))
end
return names
`,
  native(space, keys, args) {
    const [dirty, inflight, since] = keys as [ByteString, ByteString, ByteString];
    const now = timeOf(space, [], args[0]);
    const [lease, count, minAge, maxAge] = args.slice(1, 5).map(numberIn) as [number, number, number, number];
    const ripe = now - minAge;
    const overdue = now - maxAge;
    const lapsedUntil = args[5] === '1' ? Number.POSITIVE_INFINITY : now;
    const only = args[6];
    const { entryClass } = space;
    const { dirtyRows, inflightRows } = requireTypes(space, dirty, inflight, since);
    space.keyspace(dirty).expire(dirty, 0);
    const lapsed = inflightRows.read(inflight);
    for (const { member } of lapsed === undefined
      ? []
      : [
          ...lapsed.range(
            0,
            lapsed.lowerBound(({ score }) => score <= lapsedUntil),
          ),
        ]) {
      const waited = takeSince(space, since, member, now);
      inflightRows.remove(inflight, member);
      putBack(space, dirty, member, waited);
    }
    const waiting = dirtyRows.read(dirty);
    if (waiting === undefined) return [];
    const later = waiting.lowerBound(({ score }) => score <= now);
    for (const { member } of [...waiting.range(later, Math.min(waiting.size, later + MOST_BEGUN_ANEW))])
      dirtyRows.add(dirty, member, now, entryClass);
    const busy = inflightRows.read(inflight);
    const taken: { readonly member: ByteString; readonly score: number }[] = [];
    const onlySince = only === undefined || busy?.score(only) !== undefined ? undefined : waiting.score(only);
    if (only !== undefined && onlySince !== undefined) taken.push({ member: only, score: onlySince });
    const most = only === undefined ? Math.min(waiting.size, count + (busy?.size ?? 0)) : 0;
    for (const row of waiting.range(0, most)) {
      if (taken.length === count || row.score > ripe) break;
      if (busy?.score(row.member) === undefined) taken.push({ member: row.member, score: row.score });
    }
    const [oldest] = taken;
    if (oldest === undefined) return [];
    if (only === undefined && taken.length < count && oldest.score > overdue) return [];
    for (const { member, score } of taken) {
      dirtyRows.remove(dirty, member);
      inflightRows.add(inflight, member, now + lease, entryClass);
      space.keyspace(since).hashes.set(since, member, String(score), entryClass);
    }
    return taken.map(({ member }) => member);
  },
});
