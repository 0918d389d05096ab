import type { ByteString } from '../../kernel/bytes.ts';
import type { WindowDecision, WindowLimit } from '../ports.ts';
import { countArg, durationArg, numberIn } from './arguments.ts';
import { defineDecision, type ScriptReply } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/** The arguments of both windows. @throws SluiceError INVALID_ARGUMENT */
export function windowArgs({ limit, per, cost = 1 }: WindowLimit, instant: ByteString = ''): ByteString[] {
  durationArg(per);
  return [instant, countArg('limit', limit), countArg('per', per), countArg('cost', cost)];
}

export function windowDecision(reply: ScriptReply): WindowDecision {
  const [allowed, count, remaining, retryAt] = reply as [number, number, number, number];
  return { allowed: allowed === 1, count, remaining, retryAt };
}

/**
 * At most so many hits in any span of `per`: a sorted set of hits by their instants. A hit leaves the window exactly `per` after it
 * came in. Hits of one millisecond are told apart by a number, which goes on where those already there end.
 *
 * Keys: the window. Arguments: instant, limit, per, cost. Reply: 1 or 0, count, remaining, when to try again.
 */
export const rollingWindow = defineDecision({
  name: 'rolling-window',
  access: 'write',
  keys: [1, 1],
  args: 4,
  lua: `${luaTime}${luaWhole}${luaDropEnded}
local limit, per, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now - per))
local count = redis.call('ZCARD', KEYS[1])
local function instant(rank)
  local hit = redis.call('ZRANGE', KEYS[1], rank, rank, 'WITHSCORES')
  return hit[2] and tonumber(hit[2]) or now
end
if count + cost > limit then
  local freed = cost > limit and now or instant(count + cost - limit - 1)
  return { 0, count, math.max(0, limit - count), freed + per }
end
local at = text(now)
local number = redis.call('ZCOUNT', KEYS[1], at, at)
local added = 0
while added < cost do
  added = added + redis.call('ZADD', KEYS[1], 'NX', at, at .. '-' .. text(number))
  number = number + 1
end
redis.call('PEXPIREAT', KEYS[1], text(now + per))
local total = count + cost
if total < limit then return { 1, total, limit - total, now } end
return { 1, total, 0, instant(0) + per }
`,
  native(space, keys, args) {
    const [key] = keys as [ByteString];
    const now = timeOf(space, keys, args[0]);
    const [limit, per, cost] = args.slice(1).map(numberIn) as [number, number, number];
    const keyspace = space.keyspace(key);
    const { sortedSets } = keyspace;
    const old = sortedSets.read(key);
    if (old !== undefined) {
      const left = old.lowerBound((hit) => hit.score <= now - per);
      for (const { member } of [...old.range(0, left)]) sortedSets.remove(key, member);
    }
    const hits = sortedSets.read(key);
    const count = hits?.size ?? 0;
    if (count + cost > limit) {
      const freed = cost > limit ? now : ([...(hits?.range(count + cost - limit - 1, 1) ?? [])][0]?.score ?? now);
      return [0, count, Math.max(0, limit - count), freed + per];
    }
    let number = hits === undefined ? 0 : countAt(hits, now);
    for (let added = 0; added < cost; number++) {
      const member = `${now}-${number}`;
      if (sortedSets.read(key)?.score(member) !== undefined) continue;
      sortedSets.add(key, member, now, space.entryClass);
      added++;
    }
    keyspace.expire(key, now + per);
    const total = count + cost;
    if (total < limit) return [1, total, limit - total, now];
    const oldest = [...(sortedSets.read(key)?.range(0, 1) ?? [])][0];
    return [1, total, 0, (oldest?.score ?? now) + per];
  },
});

function countAt(
  hits: { lowerBound(before: (hit: { readonly score: number }) => boolean): number },
  instant: number,
): number {
  return hits.lowerBound(({ score }) => score <= instant) - hits.lowerBound(({ score }) => score < instant);
}
