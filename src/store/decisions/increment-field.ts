import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { addWhole, luaAdd, luaWhole } from './whole-numbers.ts';

/** Adds to a field, within the whole numbers that a double holds. Keys: the record. Arguments: field, step. Reply: the sum. */
export const incrementField = defineDecision({
  name: 'increment-field',
  access: 'write',
  keys: [1, 1],
  args: 2,
  lua: `${luaWhole}${luaAdd}
local sum, refusal = add(redis.call('HGET', KEYS[1], ARGV[1]), ARGV[2])
if not sum then return refusal end
redis.call('HSET', KEYS[1], ARGV[1], text(sum))
return sum
`,
  native(space, keys, args) {
    const [key] = keys as [ByteString];
    const [field, by] = args as [ByteString, ByteString];
    const { hashes } = space.keyspace(key);
    const sum = addWhole(hashes.read(key)?.get(field), numberIn(by));
    hashes.set(key, field, String(sum), space.entryClass);
    return sum;
  },
});
