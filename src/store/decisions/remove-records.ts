import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';

/** Drops records that wait. Keys: those waiting, the records. Arguments: their numbers. Reply: how many waited. */
export const removeRecords = defineDecision({
  name: 'remove-records',
  access: 'delete',
  keys: [2, 2],
  args: 0,
  lua: `
redis.call('LLEN', KEYS[1])
redis.call('HLEN', KEYS[2])
local removed = 0
for _, id in ipairs(ARGV) do
  if redis.call('LREM', KEYS[1], 1, id) == 1 then
    redis.call('HDEL', KEYS[2], id)
    removed = removed + 1
  end
end
return removed
`,
  native(space, keys, args) {
    const [waiting, records] = keys as [ByteString, ByteString];
    const { lists } = space.keyspace(waiting);
    const { hashes } = space.keyspace(records);
    lists.read(waiting);
    hashes.read(records);
    let removed = 0;
    for (const id of args) {
      const list = lists.read(waiting);
      if (list === undefined) break;
      let at = 0;
      for (const one of list.range(0, list.length - 1)) {
        if (one === id) break;
        at++;
      }
      if (at === list.length) continue;
      lists.removeAt(waiting, at);
      hashes.delete(records, id);
      removed++;
    }
    return removed;
  },
});
