import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/**
 * Sets fields of a record, and when it ends as a whole.
 *
 * Keys: the record. Arguments: instant, ttl or '', then field, value … Reply: how many fields are new.
 */
export const setFields = defineDecision({
  name: 'set-fields',
  access: 'write',
  keys: [1, 1],
  args: 2,
  lua: `${luaTime}${luaWhole}${luaDropEnded}
local created = 0
for i = 3, #ARGV - 1, 2 do created = created + redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[2] ~= '' then redis.call('PEXPIREAT', KEYS[1], text(now + tonumber(ARGV[2]))) end
return created
`,
  native(space, keys, args) {
    const [key] = keys as [ByteString];
    const now = timeOf(space, keys, args[0]);
    const ttl = args[1] === '' ? 0 : numberIn(args[1]);
    const keyspace = space.keyspace(key);
    let created = 0;
    for (let i = 2; i + 1 < args.length; i += 2) {
      if (keyspace.hashes.set(key, args[i] as ByteString, args[i + 1] as ByteString, space.entryClass)) created++;
    }
    if (ttl !== 0) keyspace.expire(key, now + ttl);
    return created;
  },
});
