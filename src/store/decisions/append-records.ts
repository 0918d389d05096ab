import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { luaWhole, NOT_AN_INTEGER_TEXT, wholeNumber } from './whole-numbers.ts';

/**
 * Appends to a log of records: they lie in a hash by number, the numbers that wait in a list.
 *
 * Keys: the last number, the records, those waiting. Arguments: the records. Reply: how many wait.
 */
export const appendRecords = defineDecision({
  name: 'append-records',
  access: 'write',
  keys: [3, 3],
  args: 0,
  lua: `${luaWhole}
local number = whole(redis.call('GET', KEYS[1]))
if not number then return redis.error_reply('${NOT_AN_INTEGER_TEXT}') end
for _, record in ipairs(ARGV) do
  number = number + 1
  redis.call('HSET', KEYS[2], text(number), record)
  redis.call('RPUSH', KEYS[3], text(number))
end
if #ARGV > 0 then redis.call('SET', KEYS[1], text(number)) end
return redis.call('LLEN', KEYS[3])
`,
  native(space, keys, args) {
    const [next, records, waiting] = keys as [ByteString, ByteString, ByteString];
    const { entryClass } = space;
    const { strings } = space.keyspace(next);
    const { hashes } = space.keyspace(records);
    const { lists } = space.keyspace(waiting);
    let number = wholeNumber(strings.get(next));
    for (const record of args) {
      const id = String(++number);
      hashes.set(records, id, record, entryClass);
      lists.pushRight(waiting, id, entryClass);
    }
    if (args.length > 0) strings.set(next, String(number), { entryClass });
    return lists.read(waiting)?.length ?? 0;
  },
});
