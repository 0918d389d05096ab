import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import { defineDecision } from './decision.ts';
import {
  luaBack,
  luaTypes,
  putBack,
  ROW_ADDING,
  ROW_REMOVED,
  ROW_VERSION,
  ROW_WHOLE,
  requireTypes,
  rowLetter,
  takeSince,
} from './dirty-keys.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { luaWhole, NOT_AN_INTEGER_TEXT, wholeNumber } from './whole-numbers.ts';

const { adding, clean, dirty: dirtyLetter, dropped } = rowLetter;
/** Keys before the rows. */
const FIRST_ROW = 4;

/** Arguments before the rows. */
const FIRST_NAME = 2;

/**
 * Rows were written. One that has not changed since is clean; one that has goes on waiting. Where clean rows are kept for a time, it is remembered as
 * long of a row that was removed, or has no fields, that there is nothing else to be known of it: somebody may still be reading what was there before.
 *
 * Keys: those that wait, those that are being written, since when these had waited, the last version of rows that are forgotten, the rows. Arguments: instant, how long clean rows are kept ('':
 * for ever), name and version of each row. Reply: how many are clean.
 */
export const acknowledgeDirty = defineDecision({
  name: 'acknowledge-dirty',
  access: 'delete',
  keys: [FIRST_ROW + 1, 10_000],
  args: 4,
  lua: `${luaTime}${luaDropEnded}${luaWhole}${luaBack}${luaTypes}
for at = ${FIRST_ROW + 1}, #KEYS do redis.call('HLEN', KEYS[at]) end
local count = 0
local floor = whole(redis.call('GET', KEYS[4]))
if not floor then return redis.error_reply('${NOT_AN_INTEGER_TEXT}') end
local latest = floor
for i = 1, #KEYS - ${FIRST_ROW} do
  local row = KEYS[${FIRST_ROW} + i]
  local name, version = ARGV[2 * i + 1], ARGV[2 * i + 2]
  redis.call('ZREM', KEYS[2], name)
  latest = math.max(latest, tonumber(version))
  local since = tonumber(redis.call('HGET', KEYS[3], name) or now)
  redis.call('HDEL', KEYS[3], name)
  local isLast = redis.call('HGET', row, '${ROW_VERSION}') == version
  if redis.call('HGET', row, '${ROW_ADDING}') == version then
    redis.call('HDEL', row, '${ROW_ADDING}')
    for _, field in ipairs(redis.call('HKEYS', row)) do
      if string.sub(field, 1, 1) == '${adding}' then redis.call('HDEL', row, field) end
    end
  end
  if not isLast then
    if redis.call('EXISTS', row) == 1 and not redis.call('ZSCORE', KEYS[1], name) then back(name, since) end
  else
    redis.call('ZREM', KEYS[1], name)
    count = count + 1
    local left = 0
    if redis.call('HEXISTS', row, '${ROW_REMOVED}') == 0 then
      redis.call('HDEL', row, '${ROW_WHOLE}')
      for _, field in ipairs(redis.call('HKEYS', row)) do
        local letter = string.sub(field, 1, 1)
        if letter == '${clean}' then
          left = left + 1
        elseif letter == '${dirtyLetter}' then
          left = left + 1
          redis.call('HSET', row, '${clean}' .. string.sub(field, 2), redis.call('HGET', row, field))
          redis.call('HDEL', row, field)
        elseif letter == '${dropped}' then
          redis.call('HDEL', row, field)
        end
      end
    end
    if ARGV[2] ~= '' then
      redis.call('HDEL', row, '${ROW_REMOVED}')
      redis.call('PEXPIREAT', row, text(now + tonumber(ARGV[2])))
    elseif left == 0 then
      redis.call('DEL', row)
    end
  end
end
if latest > floor then redis.call('SET', KEYS[4], text(latest)) end
return count
`,
  native(space, keys, args) {
    const [dirty, inflight, since, versions, ...rows] = keys as [
      ByteString,
      ByteString,
      ByteString,
      ByteString,
      ...ByteString[],
    ];
    const now = timeOf(space, keys, args[0]);
    const kept = args[1] === '' ? undefined : now + numberIn(args[1]);
    const { dirtyRows, inflightRows } = requireTypes(space, dirty, inflight, since);
    for (const row of rows) space.keyspace(row).hashes.read(row);
    const { strings } = space.keyspace(versions);
    const floor = wholeNumber(strings.get(versions));
    let latest = floor;
    let count = 0;
    for (const [i, row] of rows.entries()) {
      const name = args[FIRST_NAME + 2 * i] as ByteString;
      const version = args[FIRST_NAME + 2 * i + 1];
      latest = Math.max(latest, numberIn(version));
      const { hashes } = space.keyspace(row);
      inflightRows.remove(inflight, name);
      const waited = takeSince(space, since, name, now);
      const fields = hashes.read(row);
      if (fields === undefined) continue;
      const isLast = fields.get(ROW_VERSION) === version;
      if (fields.get(ROW_ADDING) === version) {
        hashes.delete(row, ROW_ADDING);
        for (const field of [...fields.keys()]) if (field.charAt(0) === adding) hashes.delete(row, field);
      }
      if (!isLast) {
        // Its change may have been claimed by somebody else since, whose claim this one has ended.
        if (dirtyRows.read(dirty)?.score(name) === undefined) putBack(space, dirty, name, waited);
        continue;
      }
      dirtyRows.remove(dirty, name);
      count++;
      let left = 0;
      if (!fields.has(ROW_REMOVED)) {
        hashes.delete(row, ROW_WHOLE);
        for (const field of [...fields.keys()]) {
          const letter = field.charAt(0);
          const value = fields.get(field) as ByteString;
          if (letter === clean || letter === dirtyLetter) left++;
          if (letter === dirtyLetter) hashes.set(row, clean + field.slice(1), value, space.entryClass);
          if (letter === dirtyLetter || letter === dropped) hashes.delete(row, field);
        }
      }
      if (kept !== undefined) {
        hashes.delete(row, ROW_REMOVED);
        space.keyspace(row).expire(row, kept);
      } else if (left === 0) space.keyspace(row).delete(row);
    }
    // A row that is forgotten, and comes again, goes on from there.
    if (latest > floor) strings.set(versions, String(latest), { entryClass: space.entryClass });
    return count;
  },
});
