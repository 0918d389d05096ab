import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';

/** Gives a lease back. Keys: the lease. Arguments: instant, holder. Reply: 1, or 0 when the holder did not hold it. */
export const releaseLease = defineDecision({
  name: 'release-lease',
  access: 'delete',
  keys: [1, 1],
  args: 2,
  lua: `${luaTime}${luaDropEnded}
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
return redis.call('DEL', KEYS[1])
`,
  native(space, keys, args) {
    const [key] = keys as [ByteString];
    timeOf(space, keys, args[0]);
    const keyspace = space.keyspace(key);
    return keyspace.strings.get(key) === args[1] && keyspace.delete(key) ? 1 : 0;
  },
});
