import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import { ROW_KNOWN, ROW_REMOVED, ROW_VERSION, ROW_WHOLE, rowLetter } from './dirty-keys.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

const { added, adding, clean, dirty, dropped } = rowLetter;
/** Arguments before the fields. */
const FIRST_FIELD = 3;

/**
 * A row was read where it is written to: what is not known of it here becomes known. Nothing that was changed here is touched, and nothing at
 * all is when the row has changed since the reading began.
 *
 * Keys: the row. Arguments: instant, version of the row when the reading began ('0': none), how long it is kept unless it waits to be written,
 * then fields and values. Reply: 1, or 0 where the row has changed.
 */
export const loadDirty = defineDecision({
  name: 'load-dirty',
  access: 'write',
  keys: [1, 1],
  args: FIRST_FIELD,
  lua: `${luaTime}${luaDropEnded}${luaWhole}
local row = KEYS[1]
local names = redis.call('HKEYS', row)
if (redis.call('HGET', row, '${ROW_VERSION}') or '0') ~= ARGV[2] then return 0 end
if redis.call('HEXISTS', row, '${ROW_REMOVED}') == 1 or redis.call('HEXISTS', row, '${ROW_WHOLE}') == 1 then return 1 end
local isDirty = false
for _, name in ipairs(names) do
  local letter = string.sub(name, 1, 1)
  if letter == '${dirty}' or letter == '${dropped}' or letter == '${added}' or letter == '${adding}' then isDirty = true end
end
for at = ${FIRST_FIELD + 1}, #ARGV, 2 do
  local name = ARGV[at]
  if redis.call('HEXISTS', row, '${dirty}' .. name) == 0 and redis.call('HEXISTS', row, '${dropped}' .. name) == 0 then
    redis.call('HSETNX', row, '${clean}' .. name, ARGV[at + 1])
  end
end
redis.call('HSET', row, '${ROW_KNOWN}', '1')
if not isDirty then redis.call('PEXPIREAT', row, text(now + tonumber(ARGV[3]))) end
return 1
`,
  native(space, keys, args) {
    const [row] = keys as [ByteString];
    const now = timeOf(space, keys, args[0]);
    const { entryClass } = space;
    const { hashes } = space.keyspace(row);
    const fields = hashes.read(row);
    if ((fields?.get(ROW_VERSION) ?? '0') !== args[1]) return 0;
    if (fields?.has(ROW_REMOVED) === true || fields?.has(ROW_WHOLE) === true) return 1;
    const waits = [dirty, dropped, added, adding] as readonly string[];
    const isDirty = [...(fields?.keys() ?? [])].some((name) => waits.includes(name.charAt(0)));
    for (let at = FIRST_FIELD; at + 1 < args.length; at += 2) {
      const name = args[at] as ByteString;
      const there = hashes.read(row);
      if (there?.has(dirty + name) === true || there?.has(dropped + name) === true || there?.has(clean + name) === true)
        continue;
      hashes.set(row, clean + name, args[at + 1] as ByteString, entryClass);
    }
    hashes.set(row, ROW_KNOWN, '1', entryClass);
    if (!isDirty) space.keyspace(row).expire(row, now + numberIn(args[2]));
    return 1;
  },
});
