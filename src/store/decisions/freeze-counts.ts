import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { ROW_ADDING, ROW_VERSION, rowLetter } from './dirty-keys.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';

const { added, adding } = rowLetter;

/**
 * What is to be added to a row that was claimed stays the same, with the same number, until that is acknowledged: however often it is tried, the
 * sink can tell that it has it already. What is added meanwhile comes after it.
 *
 * Keys: the row. Arguments: instant. Reply: as of `read-dirty`.
 */
export const freezeCounts = defineDecision({
  name: 'freeze-counts',
  access: 'delete',
  keys: [1, 1],
  args: 1,
  lua: `${luaTime}${luaDropEnded}
local row = KEYS[1]
local names = redis.call('HKEYS', row)
local version = redis.call('HGET', row, '${ROW_VERSION}')
if version and redis.call('HEXISTS', row, '${ROW_ADDING}') == 0 then
  local isAdded = false
  -- A script that has written may go on where there is no memory: this leads to some being given back.
  redis.call('PERSIST', row)
  for _, name in ipairs(names) do
    if string.sub(name, 1, 1) == '${added}' then
      redis.call('HSET', row, '${adding}' .. string.sub(name, 2), redis.call('HGET', row, name))
      redis.call('HDEL', row, name)
      isAdded = true
    end
  end
  if isAdded then redis.call('HSET', row, '${ROW_ADDING}', version) end
  names = redis.call('HKEYS', row)
end
table.sort(names)
local reply = {}
for _, name in ipairs(names) do
  reply[#reply + 1] = name
  reply[#reply + 1] = redis.call('HGET', row, name)
end
return reply
`,
  native(space, keys, args) {
    const [row] = keys as [ByteString];
    timeOf(space, keys, args[0]);
    const { hashes } = space.keyspace(row);
    const fields = hashes.read(row);
    if (fields === undefined) return [];
    const version = fields.get(ROW_VERSION);
    if (version !== undefined && !fields.has(ROW_ADDING)) {
      let isAdded = false;
      space.keyspace(row).expire(row, 0);
      for (const name of [...fields.keys()]) {
        if (name.charAt(0) !== added) continue;
        hashes.set(row, adding + name.slice(1), fields.get(name) as ByteString, space.entryClass);
        hashes.delete(row, name);
        isAdded = true;
      }
      if (isAdded) hashes.set(row, ROW_ADDING, version, space.entryClass);
    }
    const now = hashes.read(row);
    return now === undefined ? [] : [...now.keys()].sort().flatMap((name) => [name, now.get(name) as ByteString]);
  },
});
