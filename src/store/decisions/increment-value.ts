import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { tagOf } from './tag.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { addInt64 } from './whole-numbers.ts';

/** Letters of a tag. */
const TAG_LENGTH = 40;

/**
 * Adds to a value over 64 bits. The expiry stays, and so does what is kept beside the value, which begins with the value's tag.
 *
 * Keys: the value; what is kept beside it, unless there is no place for it. Arguments: instant, step. Reply: the sum as text, since
 * a script's numbers are doubles.
 */
export const incrementValue = defineDecision({
  name: 'increment-value',
  access: 'write',
  keys: [1, 2],
  args: 2,
  lua: `${luaTime}${luaDropEnded}
local old = redis.call('GET', KEYS[1])
redis.call('INCRBY', KEYS[1], ARGV[2])
local sum = redis.call('GET', KEYS[1])
local beside = old and KEYS[2] and redis.call('GET', KEYS[2])
if beside and string.sub(beside, 1, ${TAG_LENGTH}) == redis.sha1hex(old) then
  redis.call('SET', KEYS[2], redis.sha1hex(sum) .. string.sub(beside, ${TAG_LENGTH + 1}), 'KEEPTTL')
end
return sum
`,
  native(space, keys, args) {
    const [key, besideKey] = keys as [ByteString, ByteString?];
    timeOf(space, keys, args[0]);
    const keyspace = space.keyspace(key);
    const { strings } = keyspace;
    const { entryClass } = space;
    const old = strings.get(key);
    const sum = String(addInt64(old, args[1] ?? ''));
    const expiresAt = keyspace.expiresAt(key) ?? 0;
    strings.set(key, sum, { expiresAt, contentType: strings.contentType(key), entryClass });
    if (old === undefined || besideKey === undefined) return sum;
    const there = space.keyspace(besideKey);
    const beside = there.strings.get(besideKey);
    if (beside?.startsWith(tagOf(old)) === true) {
      const moved = tagOf(sum) + beside.slice(TAG_LENGTH);
      there.strings.set(besideKey, moved, { expiresAt: there.expiresAt(besideKey) ?? 0, entryClass });
    }
    return sum;
  },
});
