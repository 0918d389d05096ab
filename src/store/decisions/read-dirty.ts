import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { luaEnds, luaTime, timeOf } from './time.ts';

/**
 * A row as it lies in its hash.
 *
 * Keys: the row. Arguments: instant. Reply: fields and values in turn, in the order of the fields' bytes.
 */
export const readDirty = defineDecision({
  name: 'read-dirty',
  access: 'read',
  isSentWhole: true,
  keys: [1, 1],
  args: 1,
  lua: `${luaTime}${luaEnds}
local at = ends(KEYS[1])
if at >= 0 and at <= now then return {} end
local names = redis.call('HKEYS', KEYS[1])
table.sort(names)
local reply = {}
for _, name in ipairs(names) do
  reply[#reply + 1] = name
  reply[#reply + 1] = redis.call('HGET', KEYS[1], name)
end
return reply
`,
  native(space, keys, args) {
    const [row] = keys as [ByteString];
    const now = timeOf(space, [], args[0]);
    const at = space.keyspace(row).expiresAt(row) ?? 0;
    if (at !== 0 && at <= now) return [];
    const fields = space.keyspace(row).hashes.read(row);
    return fields === undefined
      ? []
      : [...fields.keys()].sort().flatMap((name) => [name, fields.get(name) as ByteString]);
  },
});
