import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { ROW_REMOVED, ROW_VERSION, ROW_WHOLE, rowLetter } from './dirty-keys.ts';
import { luaTime, timeOf } from './time.ts';
import { addWhole, luaAdd, luaWhole, NOT_AN_INTEGER_TEXT, wholeNumber } from './whole-numbers.ts';

const { clean, dirty: dirtyLetter, dropped } = rowLetter;
/** Versions go by the clock, in microseconds, so that they go on growing when the store was lost. */
const VERSIONS_PER_MS = 1000;

/**
 * Changes a row that is written to a sink later. It waits from its first change on, whatever comes after that.
 *
 * Keys: the row, those that wait, the last version. Arguments: instant, mode (`merge` into what there is, `replace` it, `delete` it), name
 * of the row, then for each field: what to do (`s` set, `x` drop, `i` add a whole number), its name, a value. Reply: version, how many
 * fields are new (`s`, `i`) or were there (`x`), for `replace` and `delete` whether there was a row, and the last sum.
 */
export const putDirty = defineDecision({
  name: 'put-dirty',
  access: 'write',
  keys: [3, 3],
  args: 3,
  lua: `${luaTime}${luaWhole}${luaAdd}
local row = KEYS[1]
redis.call('HLEN', row)
redis.call('ZCARD', KEYS[2])
local last = whole(redis.call('GET', KEYS[3]))
if not last then return redis.error_reply('${NOT_AN_INTEGER_TEXT}') end
local mode = ARGV[2]
local sums = {}
for at = 4, #ARGV, 3 do
  if ARGV[at] == 'i' then
    local name = ARGV[at + 1]
    local value = redis.call('HGET', row, '${dirtyLetter}' .. name) or redis.call('HGET', row, '${clean}' .. name)
    if mode == 'replace' then value = nil end
    local sum, problem = add(value, ARGV[at + 2])
    if not sum then return problem end
    sums[at] = text(sum)
  end
end
local there = redis.call('HLEN', row) > 0 and redis.call('HEXISTS', row, '${ROW_REMOVED}') == 0
local count, answer = 0, ''
if mode == 'merge' then
  if redis.call('HDEL', row, '${ROW_REMOVED}') == 1 then redis.call('HSET', row, '${ROW_WHOLE}', '1') end
else
  if there then count = 1 end
  redis.call('DEL', row)
  redis.call('HSET', row, mode == 'delete' and '${ROW_REMOVED}' or '${ROW_WHOLE}', '1')
end
for at = 4, #ARGV, 3 do
  local name = ARGV[at + 1]
  local had = redis.call('HDEL', row, '${clean}' .. name)
  if ARGV[at] == 'x' then
    had = had + redis.call('HDEL', row, '${dirtyLetter}' .. name)
    redis.call('HSET', row, '${dropped}' .. name, '')
    if had > 0 then count = count + 1 end
  else
    had = had + redis.call('HEXISTS', row, '${dirtyLetter}' .. name)
    redis.call('HDEL', row, '${dropped}' .. name)
    answer = sums[at] or answer
    redis.call('HSET', row, '${dirtyLetter}' .. name, sums[at] or ARGV[at + 2])
    if had == 0 and mode == 'merge' then count = count + 1 end
  end
end
local version = math.max(last + 1, now * ${VERSIONS_PER_MS})
redis.call('SET', KEYS[3], text(version))
redis.call('HSET', row, '${ROW_VERSION}', text(version))
redis.call('ZADD', KEYS[2], 'NX', text(now), ARGV[3])
return {text(version), count, answer}
`,
  native(space, keys, args) {
    const [row, dirty, versions] = keys as [ByteString, ByteString, ByteString];
    const now = timeOf(space, [], args[0]);
    const [, mode, rowName] = args as readonly [ByteString, ByteString, ByteString];
    const { entryClass } = space;
    const { hashes } = space.keyspace(row);
    const { sortedSets } = space.keyspace(dirty);
    const { strings } = space.keyspace(versions);
    const fields = hashes.read(row);
    sortedSets.read(dirty);
    const last = wholeNumber(strings.get(versions));
    const sums = sumsOf(args, (name) =>
      mode === 'replace' ? undefined : (fields?.get(dirtyLetter + name) ?? fields?.get(clean + name)),
    );
    let count = 0;
    let answer = '';
    if (mode === 'merge') {
      if (hashes.delete(row, ROW_REMOVED)) hashes.set(row, ROW_WHOLE, '1', entryClass);
    } else {
      if (fields !== undefined && !fields.has(ROW_REMOVED)) count = 1;
      space.keyspace(row).delete(row);
      hashes.set(row, mode === 'delete' ? ROW_REMOVED : ROW_WHOLE, '1', entryClass);
    }
    for (let at = 3; at + 2 < args.length; at += 3) {
      const name = args[at + 1] as ByteString;
      const wasClean = hashes.delete(row, clean + name);
      if (args[at] === 'x') {
        const wasDirty = hashes.delete(row, dirtyLetter + name);
        hashes.set(row, dropped + name, '', entryClass);
        if (wasClean || wasDirty) count++;
        continue;
      }
      hashes.delete(row, dropped + name);
      const sum = sums?.get(at);
      answer = sum ?? answer;
      const isNew = hashes.set(row, dirtyLetter + name, sum ?? (args[at + 2] as ByteString), entryClass);
      if (isNew && !wasClean && mode === 'merge') count++;
    }
    const version = String(Math.max(last + 1, now * VERSIONS_PER_MS));
    strings.set(versions, version, { entryClass });
    hashes.set(row, ROW_VERSION, version, entryClass);
    if (sortedSets.read(dirty)?.score(rowName) === undefined) sortedSets.add(dirty, rowName, now, entryClass);
    return [version, count, answer];
  },
});

/** Made before anything is changed. @throws SluiceError NOT_AN_INTEGER, OVERFLOW */
function sumsOf(
  args: readonly ByteString[],
  current: (name: ByteString) => ByteString | undefined,
): Map<number, ByteString> | undefined {
  let sums: Map<number, ByteString> | undefined;
  for (let at = 3; at + 2 < args.length; at += 3) {
    if (args[at] !== 'i') continue;
    sums ??= new Map();
    sums.set(at, String(addWhole(current(args[at + 1] as ByteString), Number(args[at + 2]))));
  }
  return sums;
}
