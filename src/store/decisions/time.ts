import type { ByteString } from '../../kernel/bytes.ts';
import { numberIn } from './arguments.ts';
import type { DecisionSpace } from './decision.ts';

/**
 * The instant a decision is made at. Of the keys given, those that end by then are gone.
 * @param instant '' for the time of the turn
 * @throws SluiceError INVALID_ARGUMENT
 */
export function timeOf(space: DecisionSpace, keys: readonly ByteString[], instant: ByteString | undefined): number {
  // The engine itself knows what is gone at the time of the turn.
  if (instant === '') return space.turn.time;
  const now = numberIn(instant);
  for (const key of keys) {
    const keyspace = space.keyspace(key);
    const at = keyspace.expiresAt(key) ?? 0;
    if (at !== 0 && at <= now) keyspace.delete(key);
  }
  return now;
}

/** Defines `now`: the first argument, or the server's time in milliseconds. */
export const luaTime = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/** Defines `ends(key)`: when it expires, below 0 when it never does or is absent. Redis 6 has no PEXPIRETIME. */
export const luaEnds = `
local function ends(key)
  local at = redis.pcall('PEXPIRETIME', key)
  if type(at) == 'table' then
    at = redis.call('PTTL', key)
    if at >= 0 then at = at + now end
  end
  return at
end
`;

/** Drops the keys that are gone at `now`: Redis lets a key live through its last millisecond, Sluice does not. */
export const luaDropEnded = `${luaEnds}
for _, key in ipairs(KEYS) do
  local at = ends(key)
  if at >= 0 and at <= now then redis.call('DEL', key) end
end
`;
