import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';
import { ROW_KNOWN, ROW_REMOVED, ROW_VERSION, ROW_WHOLE, rowLetter } from './dirty-keys.ts';
import { luaDropEnded, luaTime, timeOf } from './time.ts';
import { addWhole, luaAdd, luaWhole, NOT_AN_INTEGER_TEXT, wholeNumber } from './whole-numbers.ts';

const { added, clean, dirty: dirtyLetter, dropped } = rowLetter;
/** Versions go by the clock, in microseconds, so that they go on growing when the store was lost. */
const VERSIONS_PER_MS = 1000;
/** Lua passes on no more values at a time than some thousands. */
const MAX_PLAIN_WORDS = 2000;
/** Arguments before the fields. */
const FIRST_FIELD = 4;

/**
 * Changes a row that is written to a sink later. It waits from its first change on, whatever comes after that.
 *
 * Keys: the row, those that wait, the last version of rows that are forgotten. Arguments: instant, mode (`merge` into what there is, `replace` it, `delete` it), name
 * of the row, how many may wait, then for each field: what to do (`s` set, `x` drop, `i` add a whole number, `c` the same where the sink adds
 * too, `r` the same for what is part of the sum already), its name, a value. Reply: version, how many fields are new (`s`, `i`, `c`) or were there (`x`), for `replace` and `delete` whether there
 * was a row, the last sum, and how many wait (-1: as many as before). Version 0: nothing was changed, for as many wait as may,
 * and this row is none of them.
 */
export const putDirty = defineDecision({
  name: 'put-dirty',
  access: 'write',
  keys: [3, 3],
  args: 4,
  lua: `${luaTime}
if ARGV[1] ~= '' then${luaDropEnded}end
${luaWhole}${luaAdd}local row, mode = KEYS[1], ARGV[2]
local waits = redis.call('ZSCORE', KEYS[2], ARGV[3])
local isPlain, probe, names = mode ~= 'delete' and #ARGV < ${MAX_PLAIN_WORDS}, {'${ROW_VERSION}', '${ROW_REMOVED}'}, {}
for at = 5, #ARGV, 3 do
  local name = ARGV[at + 1]
  if not isPlain or ARGV[at] ~= 's' or names[name] then
    isPlain = false
    break
  end
  names[name] = true
  probe[#probe + 1] = '${clean}' .. name
  probe[#probe + 1] = '${dirtyLetter}' .. name
  probe[#probe + 1] = '${dropped}' .. name
end
local was = redis.call('HMGET', row, unpack(probe))
local floor, own = whole(redis.call('GET', KEYS[3])), whole(was[1])
if not floor or not own then return redis.error_reply('${NOT_AN_INTEGER_TEXT}') end
local version = text(math.max(floor + 1, own + 1, now * ${VERSIONS_PER_MS}))
local waiting = -1
if not waits then
  waiting = redis.call('ZCARD', KEYS[2])
  if waiting >= tonumber(ARGV[4]) then return {'0', 0, '', waiting} end
  waiting = waiting + 1
end
if isPlain then
  local count, gone, set = 0, {}, {'${ROW_VERSION}', version}
  if mode ~= 'merge' or was[2] then set = {'${ROW_VERSION}', version, '${ROW_WHOLE}', '1', '${ROW_KNOWN}', '1'} end
  for at = 5, #ARGV, 3 do
    set[#set + 1] = '${dirtyLetter}' .. ARGV[at + 1]
    set[#set + 1] = ARGV[at + 2]
  end
  -- First what a server without memory refuses, and with it all.
  if mode == 'merge' then
    redis.call('HSET', row, unpack(set))
    if was[2] then gone[1] = '${ROW_REMOVED}' end
    for at = 3, #probe, 3 do
      if was[at] then gone[#gone + 1] = probe[at] end
      if was[at + 2] then gone[#gone + 1] = probe[at + 2] end
      if not was[at] and not was[at + 1] then count = count + 1 end
    end
    if #gone > 0 then redis.call('HDEL', row, unpack(gone)) end
    if not waits then redis.call('PERSIST', row) end
  else
    if not was[2] and redis.call('HLEN', row) > 0 then count = 1 end
    redis.call('HSET', row, '${ROW_VERSION}', version)
    redis.call('DEL', row)
    redis.call('HSET', row, unpack(set))
  end
  if not waits then redis.call('ZADD', KEYS[2], text(now), ARGV[3]) end
  return {version, count, '', waiting}
end
local sums, steps = {}, {}
for at = 5, #ARGV, 3 do
  if ARGV[at] == 'c' or ARGV[at] == 'r' then
    local step, problem = add(redis.call('HGET', row, '${added}' .. ARGV[at + 1]), ARGV[at + 2])
    if not step then return problem end
    steps[at] = text(step)
  end
  if ARGV[at] == 'i' or ARGV[at] == 'c' then
    local name = ARGV[at + 1]
    local value = redis.call('HGET', row, '${dirtyLetter}' .. name) or redis.call('HGET', row, '${clean}' .. name)
    if mode == 'replace' then value = nil end
    local sum, problem = add(value, ARGV[at + 2])
    if not sum then return problem end
    sums[at] = text(sum)
  end
end
local there = redis.call('HLEN', row) > 0 and redis.call('HEXISTS', row, '${ROW_REMOVED}') == 0
redis.call('HSET', row, '${ROW_VERSION}', version)
local count, answer = 0, ''
if mode == 'merge' then
  redis.call('PERSIST', row)
  if redis.call('HDEL', row, '${ROW_REMOVED}') == 1 then redis.call('HSET', row, '${ROW_WHOLE}', '1', '${ROW_KNOWN}', '1') end
else
  if there then count = 1 end
  redis.call('DEL', row)
  redis.call('HSET', row, mode == 'delete' and '${ROW_REMOVED}' or '${ROW_WHOLE}', '1', '${ROW_KNOWN}', '1')
end
for at = 5, #ARGV, 3 do
  local name = ARGV[at + 1]
  local had = ARGV[at] == 'r' and 0 or redis.call('HDEL', row, '${clean}' .. name)
  if ARGV[at] == 'x' then
    had = had + redis.call('HDEL', row, '${dirtyLetter}' .. name)
    redis.call('HSET', row, '${dropped}' .. name, '')
    if had > 0 then count = count + 1 end
  elseif ARGV[at] == 'r' then
    redis.call('HSET', row, '${added}' .. name, steps[at])
  else
    had = had + redis.call('HEXISTS', row, '${dirtyLetter}' .. name)
    redis.call('HDEL', row, '${dropped}' .. name)
    answer = sums[at] or answer
    if steps[at] then
      redis.call('HSET', row, '${added}' .. name, steps[at], '${clean}' .. name, sums[at])
    else
      redis.call('HSET', row, '${dirtyLetter}' .. name, sums[at] or ARGV[at + 2])
    end
    if had == 0 and mode == 'merge' then count = count + 1 end
  end
end
redis.call('HSET', row, '${ROW_VERSION}', version)
if not waits then redis.call('ZADD', KEYS[2], text(now), ARGV[3]) end
return {version, count, answer, waiting}
`,
  native(space, keys, args) {
    const [row, dirty, versions] = keys as [ByteString, ByteString, ByteString];
    const now = timeOf(space, keys, args[0]);
    const [, mode, rowName] = args as readonly [ByteString, ByteString, ByteString];
    const { entryClass } = space;
    const { hashes } = space.keyspace(row);
    const { sortedSets } = space.keyspace(dirty);
    const { strings } = space.keyspace(versions);
    const fields = hashes.read(row);
    const queue = sortedSets.read(dirty);
    const waiting = queue?.size ?? 0;
    const waits = queue?.score(rowName) !== undefined;
    const floor = wholeNumber(strings.get(versions));
    const own = wholeNumber(fields?.get(ROW_VERSION));
    if (!waits && waiting >= Number(args[3])) return ['0', 0, '', waiting];
    const { sums, steps } = sumsOf(
      args,
      (name) => (mode === 'replace' ? undefined : (fields?.get(dirtyLetter + name) ?? fields?.get(clean + name))),
      (name) => fields?.get(added + name),
    );
    let count = 0;
    let answer = '';
    if (mode === 'merge') {
      if (fields !== undefined) space.keyspace(row).expire(row, 0);
      if (fields?.has(ROW_REMOVED) === true && hashes.delete(row, ROW_REMOVED)) {
        hashes.set(row, ROW_WHOLE, '1', entryClass);
        hashes.set(row, ROW_KNOWN, '1', entryClass);
      }
    } else {
      if (fields !== undefined && !fields.has(ROW_REMOVED)) count = 1;
      space.keyspace(row).delete(row);
      hashes.set(row, mode === 'delete' ? ROW_REMOVED : ROW_WHOLE, '1', entryClass);
      hashes.set(row, ROW_KNOWN, '1', entryClass);
    }
    const version = String(Math.max(floor + 1, own + 1, now * VERSIONS_PER_MS));
    hashes.set(row, ROW_VERSION, version, entryClass);
    const there = hashes.read(row);
    for (let at = FIRST_FIELD; at + 2 < args.length; at += 3) {
      const name = args[at + 1] as ByteString;
      if (args[at] === 'r') {
        hashes.set(row, added + name, steps?.get(at) as ByteString, entryClass);
        continue;
      }
      const wasClean = there?.has(clean + name) === true && hashes.delete(row, clean + name);
      if (args[at] === 'x') {
        const wasDirty = hashes.delete(row, dirtyLetter + name);
        hashes.set(row, dropped + name, '', entryClass);
        if (wasClean || wasDirty) count++;
        continue;
      }
      if (there?.has(dropped + name) === true) hashes.delete(row, dropped + name);
      const sum = sums?.get(at);
      const step = steps?.get(at);
      answer = sum ?? answer;
      let isNew: boolean;
      if (step === undefined) {
        isNew = hashes.set(row, dirtyLetter + name, sum ?? (args[at + 2] as ByteString), entryClass);
      } else {
        isNew = !(hashes.read(row)?.has(dirtyLetter + name) ?? false);
        hashes.set(row, added + name, step, entryClass);
        hashes.set(row, clean + name, sum as ByteString, entryClass);
      }
      if (isNew && !wasClean && mode === 'merge') count++;
    }
    if (!waits) sortedSets.add(dirty, rowName, now, entryClass);
    return [version, count, answer, waits ? -1 : waiting + 1];
  },
});

interface Sums {
  /** By position, what fields come to. */
  readonly sums: ReadonlyMap<number, ByteString> | undefined;
  /** By position, what the sink is to add. */
  readonly steps: ReadonlyMap<number, ByteString> | undefined;
}

/** Made before anything is changed. @throws SluiceError NOT_AN_INTEGER, OVERFLOW */
function sumsOf(
  args: readonly ByteString[],
  current: (name: ByteString) => ByteString | undefined,
  toAdd: (name: ByteString) => ByteString | undefined,
): Sums {
  let sums: Map<number, ByteString> | undefined;
  let steps: Map<number, ByteString> | undefined;
  for (let at = FIRST_FIELD; at + 2 < args.length; at += 3) {
    if (args[at] !== 'i' && args[at] !== 'c' && args[at] !== 'r') continue;
    const name = args[at + 1] as ByteString;
    const by = Number(args[at + 2]);
    if (args[at] !== 'i') {
      steps ??= new Map();
      steps.set(at, String(addWhole(toAdd(name), by)));
    }
    if (args[at] === 'r') continue;
    sums ??= new Map();
    sums.set(at, String(addWhole(current(name), by)));
  }
  return { sums, steps };
}
