import { type ByteString, bytesToUtf8 } from '../../kernel/bytes.ts';
import type { SortedSets } from '../engine/sorted-sets.ts';
import type { ClaimedRecord, RecordClaim } from '../ports.ts';
import { countArg, durationArg, numberIn, toOwned } from './arguments.ts';
import { defineDecision, type ScriptReply } from './decision.ts';
import { luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/** @throws SluiceError INVALID_ARGUMENT */
export function claimArgs({ count, lease, takeOver = false }: RecordClaim): ByteString[] {
  return ['', durationArg(lease), countArg('count', count), ...(takeOver ? ['1'] : [])];
}

export function claimedRecords(reply: ScriptReply): ClaimedRecord[] {
  const words = reply as readonly ByteString[];
  const records: ClaimedRecord[] = [];
  for (let i = 0; i + 1 < words.length; i += 2)
    records.push({ id: bytesToUtf8(words[i] as ByteString), value: toOwned(words[i + 1] as ByteString) });
  return records;
}

/**
 * Takes the oldest records that wait, among them those whose lease has lapsed, which come first again. What is claimed lies in a
 * sorted set by the end of its lease.
 *
 * Keys: those waiting, those claimed, the records. Arguments: instant, lease, count, `1`: every lease has
 * lapsed. Reply: number, record, number, record …
 */
export const claimRecords = defineDecision({
  name: 'claim-records',
  access: 'delete',
  keys: [3, 3],
  args: 3,
  lua: `${luaTime}${luaWhole}
redis.call('PERSIST', KEYS[1])
local lapsed = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[4] == '1' and '+inf' or text(now))
table.sort(lapsed, function(a, b) return tonumber(a) > tonumber(b) end)
for _, id in ipairs(lapsed) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('LPUSH', KEYS[1], id)
end
local taken = {}
for _ = 1, tonumber(ARGV[3]) do
  local id = redis.call('LPOP', KEYS[1])
  if not id then break end
  redis.call('ZADD', KEYS[2], text(now + tonumber(ARGV[2])), id)
  taken[#taken + 1] = id
  taken[#taken + 1] = redis.call('HGET', KEYS[3], id) or ''
end
return taken
`,
  native(space, keys, args) {
    const [waiting, claimed, records] = keys as [ByteString, ByteString, ByteString];
    const now = timeOf(space, [], args[0]);
    const [lease, count] = args.slice(1, 3).map(numberIn) as [number, number];
    const until = args[3] === '1' ? Number.POSITIVE_INFINITY : now;
    const { entryClass } = space;
    space.keyspace(waiting).expire(waiting, 0);
    const { lists } = space.keyspace(waiting);
    const { sortedSets } = space.keyspace(claimed);
    for (const id of lapsedOf(sortedSets, claimed, until)) {
      sortedSets.remove(claimed, id);
      lists.pushLeft(waiting, id, entryClass);
    }
    const taken: ByteString[] = [];
    while (taken.length < 2 * count) {
      const id = lists.popLeft(waiting);
      if (id === undefined) break;
      sortedSets.add(claimed, id, now + lease, entryClass);
      taken.push(id, space.keyspace(records).hashes.read(records)?.get(id) ?? '');
    }
    return taken;
  },
});

/** The latest record first: each is put in front of the one before. */
function lapsedOf(sortedSets: SortedSets, claimed: ByteString, until: number): ByteString[] {
  const set = sortedSets.read(claimed);
  if (set === undefined) return [];
  const lapsed = set.range(
    0,
    set.lowerBound(({ score }) => score <= until),
  );
  return [...lapsed].map(({ member }) => member).sort((a, b) => Number(b) - Number(a));
}
