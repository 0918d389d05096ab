import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/**
 * Ends a fetch: gives back the right, and keeps what was fetched if the right was still held.
 *
 * Keys: the value, what is kept beside it, the right. Arguments: instant, holder, what to keep (`value`, `mark` for what is kept instead of
 * one, `drop` for neither, not even what there was, or `nothing`: leave what there is), value, beside, life. Reply: 1 when it was kept.
 */
export const settleFetch = defineDecision({
  name: 'settle-fetch',
  access: 'write',
  keys: [3, 3],
  args: 6,
  lua: `${luaTime}${luaWhole}${luaDropEnded}
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[3])
if ARGV[3] == 'nothing' then return 0 end
if ARGV[3] == 'drop' then
  redis.call('DEL', KEYS[1], KEYS[2])
  return 0
end
local at = text(now + tonumber(ARGV[6]))
local function keep(key, value)
  redis.call('SET', key, value)
  redis.call('PEXPIREAT', key, at)
end
if ARGV[3] == 'value' then keep(KEYS[1], ARGV[4]) else redis.call('DEL', KEYS[1]) end
keep(KEYS[2], ARGV[5])
return 1
`,
  native(space, keys, args) {
    const [key, besideKey, rightKey] = keys as [ByteString, ByteString, ByteString];
    const [instant, holder, what, value, beside, life] = args as ByteString[] as [
      ByteString,
      ByteString,
      ByteString,
      ByteString,
      ByteString,
      ByteString,
    ];
    const now = timeOf(space, keys, instant);
    const rights = space.keyspace(rightKey);
    if (rights.strings.get(rightKey) !== holder) return 0;
    rights.delete(rightKey);
    if (what === 'nothing') return 0;
    if (what === 'drop') {
      space.keyspace(key).delete(key);
      space.keyspace(besideKey).delete(besideKey);
      return 0;
    }
    const kept = { expiresAt: now + numberIn(life), entryClass: space.entryClass };
    if (what === 'value') space.keyspace(key).strings.set(key, value, kept);
    else space.keyspace(key).delete(key);
    space.keyspace(besideKey).strings.set(besideKey, beside, kept);
    return 1;
  },
});
