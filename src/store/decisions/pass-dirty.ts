import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { putDirty } from './put-dirty.ts';
import { luaTime, timeOf } from './time.ts';

/** Whoever passes changes on and does not learn what became of them tries again within that time. */
const MARK_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
/** The last arguments: who passes the change on, and its number there. */
const MARK_WORDS = 2;

/**
 * `put-dirty` once: of a change that was accepted elsewhere and is passed on until that is known to have happened. What comes late, after a later one
 * of the same row, changes nothing.
 *
 * Keys: those of `put-dirty`, the marks of what was passed on. Arguments: those of `put-dirty`, the name of the mark, the number of the change.
 * Reply: 1; 0 where that one or a later one was passed on already; -1 where too many rows wait.
 */
export const passDirty = defineDecision({
  name: 'pass-dirty',
  access: 'write',
  keys: [4, 4],
  args: 6,
  lua: `${luaTime}
local number, mark = ARGV[#ARGV], ARGV[#ARGV - 1]
ARGV[#ARGV] = nil
ARGV[#ARGV] = nil
local passed = redis.call('HGET', KEYS[4], mark)
if passed and tonumber(passed) >= tonumber(number) then return 0 end
local function put()
${putDirty.lua}
end
local reply = put()
if reply.err then return reply end
if reply[1] == '0' then return -1 end
redis.call('HSET', KEYS[4], mark, number)
redis.call('PEXPIREAT', KEYS[4], string.format('%.0f', now + ${MARK_KEPT_MS}))
return 1
`,
  native(space, keys, args) {
    const [row, dirty, versions, marks] = keys as [ByteString, ByteString, ByteString, ByteString];
    const [mark, number] = args.slice(-MARK_WORDS) as [ByteString, ByteString];
    const { hashes } = space.keyspace(marks);
    const passed = hashes.read(marks)?.get(mark);
    if (passed !== undefined && numberIn(passed) >= numberIn(number)) return 0;
    const reply = putDirty.native(space, [row, dirty, versions], args.slice(0, -MARK_WORDS)) as readonly ByteString[];
    if (reply[0] === '0') return -1;
    hashes.set(marks, mark, number, space.entryClass);
    space.keyspace(marks).expire(marks, timeOf(space, [], args[0]) + MARK_KEPT_MS);
    return 1;
  },
});
