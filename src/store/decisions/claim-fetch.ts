import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { luaStateOf, stateOf } from './kept-state.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/**
 * Takes the right to fetch a read-through key, which one holder has at a time, if what is kept of it is still what the holder has seen.
 *
 * Keys: the value, what is kept beside it, the right. Arguments: instant, holder, life of the right, state seen ({@link stateOf}). Reply: 1
 * when it was taken, 0 while somebody holds it, else what is kept by now: value or nil, state, instant of expiry or 0.
 */
export const claimFetch = defineDecision({
  name: 'claim-fetch',
  access: 'write',
  keys: [3, 3],
  args: 4,
  lua: `${luaTime}${luaWhole}${luaDropEnded}${luaStateOf}
local value = redis.call('GET', KEYS[1])
local state = stateOf(value, redis.call('GET', KEYS[2]))
if state ~= ARGV[4] then return { value, state, math.max(ends(KEYS[1]), 0) } end
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
redis.call('SET', KEYS[3], ARGV[2])
redis.call('PEXPIREAT', KEYS[3], text(now + tonumber(ARGV[3])))
return 1
`,
  native(space, keys, args) {
    const [key, besideKey, rightKey] = keys as [ByteString, ByteString, ByteString];
    const [instant, holder, life, seen] = args as [ByteString, ByteString, ByteString, ByteString];
    const now = timeOf(space, keys, instant);
    const keyspace = space.keyspace(key);
    const value = keyspace.strings.get(key);
    const state = stateOf(value, space.keyspace(besideKey).strings.get(besideKey));
    if (state !== seen) return [value ?? null, state, keyspace.expiresAt(key) ?? 0];
    const rights = space.keyspace(rightKey);
    if (rights.has(rightKey)) return 0;
    rights.strings.set(rightKey, holder, { expiresAt: now + numberIn(life), entryClass: space.entryClass });
    return 1;
  },
});
