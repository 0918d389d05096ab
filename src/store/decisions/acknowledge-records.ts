import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';

/** Drops claimed records for good. Keys: those claimed, the records. Arguments: their numbers. Reply: how many were claimed. */
export const acknowledgeRecords = defineDecision({
  name: 'acknowledge-records',
  access: 'delete',
  keys: [2, 2],
  args: 0,
  lua: `
local acknowledged = 0
for _, id in ipairs(ARGV) do
  if redis.call('ZREM', KEYS[1], id) == 1 then
    redis.call('HDEL', KEYS[2], id)
    acknowledged = acknowledged + 1
  end
end
return acknowledged
`,
  native(space, keys, args) {
    const [claimed, records] = keys as [ByteString, ByteString];
    const { sortedSets } = space.keyspace(claimed);
    const { hashes } = space.keyspace(records);
    let acknowledged = 0;
    for (const id of args) {
      if (!sortedSets.remove(claimed, id)) continue;
      hashes.delete(records, id);
      acknowledged++;
    }
    return acknowledged;
  },
});
