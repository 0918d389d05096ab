import type { ByteString } from '../../kernel/bytes.ts';
import { countArg, numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaWhole } from './whole-numbers.ts';

/** @throws SluiceError INVALID_ARGUMENT */
export function readArgs({ after, count }: { readonly after?: string; readonly count: number }): ByteString[] {
  // What is no number of a record is before all of them.
  const from = after === undefined || !/^\d{1,15}$/.test(after) ? -1 : Number(after);
  return [String(from), countArg('count', count)];
}

/**
 * Tells records that wait, oldest first, and leaves them where they are. Numbers grow along the list unless claimed records came back to its
 * front, so the first one is found by halving.
 *
 * Keys: those waiting, the records. Arguments: the number they come after, count. Reply: number, record, number, record …
 */
export const readRecords = defineDecision({
  name: 'read-records',
  access: 'read',
  keys: [2, 2],
  args: 2,
  lua: `${luaWhole}
local after, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local low, high = 0, redis.call('LLEN', KEYS[1])
redis.call('HLEN', KEYS[2])
while low < high do
  local middle = math.floor((low + high) / 2)
  if tonumber(redis.call('LINDEX', KEYS[1], text(middle))) > after then high = middle else low = middle + 1 end
end
local told = {}
if count == 0 then return told end
for _, id in ipairs(redis.call('LRANGE', KEYS[1], text(low), text(low + count - 1))) do
  told[#told + 1] = id
  told[#told + 1] = redis.call('HGET', KEYS[2], id) or ''
end
return told
`,
  native(space, keys, args) {
    const [waiting, records] = keys as [ByteString, ByteString];
    const [after, count] = args.map(numberIn) as [number, number];
    const list = space.keyspace(waiting).lists.read(waiting);
    const kept = space.keyspace(records).hashes.read(records);
    if (list === undefined || count === 0) return [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(list.at(middle)) > after) high = middle;
      else low = middle + 1;
    }
    const told: ByteString[] = [];
    for (const id of list.range(low, Math.min(low + count, list.length) - 1)) told.push(id, kept?.get(id) ?? '');
    return told;
  },
});
