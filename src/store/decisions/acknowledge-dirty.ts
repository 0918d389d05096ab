import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { luaTypes, ROW_REMOVED, ROW_VERSION, ROW_WHOLE, requireTypes, rowLetter } from './dirty-keys.ts';

const { clean, dirty: dirtyLetter, dropped } = rowLetter;
/** Keys before the rows. */
const FIRST_ROW = 3;

/**
 * Rows were written. One that has not changed since is clean; one that has goes on waiting.
 *
 * Keys: those that wait, those that are being written, since when these had waited, the rows. Arguments: name and version of each row. Reply:
 * how many are clean.
 */
export const acknowledgeDirty = defineDecision({
  name: 'acknowledge-dirty',
  access: 'delete',
  keys: [FIRST_ROW + 1, 10_000],
  args: 2,
  lua: `${luaTypes}
for at = ${FIRST_ROW + 1}, #KEYS do redis.call('HLEN', KEYS[at]) end
local count = 0
for at = ${FIRST_ROW + 1}, #KEYS do
  local row = KEYS[at]
  local name, version = ARGV[2 * (at - ${FIRST_ROW}) - 1], ARGV[2 * (at - ${FIRST_ROW})]
  redis.call('ZREM', KEYS[2], name)
  redis.call('HDEL', KEYS[3], name)
  if redis.call('HGET', row, '${ROW_VERSION}') == version then
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
    if left == 0 then redis.call('DEL', row) end
  end
end
return count
`,
  native(space, keys, args) {
    const [dirty, inflight, since, ...rows] = keys as [ByteString, ByteString, ByteString, ...ByteString[]];
    const { dirtyRows, inflightRows } = requireTypes(space, dirty, inflight, since);
    for (const row of rows) space.keyspace(row).hashes.read(row);
    let count = 0;
    for (const [i, row] of rows.entries()) {
      const name = args[2 * i] as ByteString;
      inflightRows.remove(inflight, name);
      space.keyspace(since).hashes.delete(since, name);
      const fields = space.keyspace(row).hashes.read(row);
      if (fields === undefined || fields.get(ROW_VERSION) !== args[2 * i + 1]) continue;
      dirtyRows.remove(dirty, name);
      count++;
      if (fields.has(ROW_REMOVED)) {
        space.keyspace(row).delete(row);
        continue;
      }
      const { hashes } = space.keyspace(row);
      hashes.delete(row, ROW_WHOLE);
      let left = 0;
      for (const field of [...fields.keys()]) {
        const letter = field.charAt(0);
        const value = fields.get(field) as ByteString;
        if (letter === clean || letter === dirtyLetter) left++;
        if (letter === dirtyLetter) hashes.set(row, clean + field.slice(1), value, space.entryClass);
        if (letter === dirtyLetter || letter === dropped) hashes.delete(row, field);
      }
      if (left === 0) space.keyspace(row).delete(row);
    }
    return count;
  },
});
