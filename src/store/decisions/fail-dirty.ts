import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { luaBack, luaTypes, putBack, requireTypes, takeSince } from './dirty-keys.ts';
import { luaTime, timeOf } from './time.ts';
import { luaWhole } from './whole-numbers.ts';

/**
 * Rows were not written: they wait again, for as long as they have waited already.
 *
 * Keys: those that wait, those that are being written, since when these had waited. Arguments: instant, names of rows. Reply: how many were
 * being written.
 */
export const failDirty = defineDecision({
  name: 'fail-dirty',
  access: 'delete',
  keys: [3, 3],
  args: 1,
  lua: `${luaTime}${luaWhole}${luaBack}${luaTypes}
local count = 0
for at = 2, #ARGV do
  local name = ARGV[at]
  if redis.call('ZREM', KEYS[2], name) == 1 then
    count = count + 1
    local since = tonumber(redis.call('HGET', KEYS[3], name) or now)
    redis.call('HDEL', KEYS[3], name)
    back(name, since)
  end
end
return count
`,
  native(space, keys, args) {
    const [dirty, inflight, since] = keys as [ByteString, ByteString, ByteString];
    const now = timeOf(space, [], args[0]);
    const { inflightRows } = requireTypes(space, dirty, inflight, since);
    let count = 0;
    for (const name of args.slice(1)) {
      if (!inflightRows.remove(inflight, name)) continue;
      count++;
      putBack(space, dirty, name, takeSince(space, since, name, now));
    }
    return count;
  },
});
