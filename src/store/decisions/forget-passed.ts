import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';

/**
 * Marks of changes that will not be passed on again are dropped, unless a later change of the same row has been passed on since.
 *
 * Keys: the marks. Arguments: names of marks and the numbers they have, in turn. Reply: how many were dropped.
 */
export const forgetPassed = defineDecision({
  name: 'forget-passed',
  access: 'delete',
  keys: [1, 1],
  args: 0,
  lua: `redis.call('HLEN', KEYS[1])
local count = 0
for at = 1, #ARGV - 1, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then count = count + redis.call('HDEL', KEYS[1], ARGV[at]) end
end
return count
`,
  native(space, keys, args) {
    const [marks] = keys as [ByteString];
    const { hashes } = space.keyspace(marks);
    hashes.read(marks);
    let count = 0;
    for (let at = 0; at + 1 < args.length; at += 2) {
      const mark = args[at] as ByteString;
      if (hashes.read(marks)?.get(mark) !== args[at + 1]) continue;
      hashes.delete(marks, mark);
      count++;
    }
    return count;
  },
});
