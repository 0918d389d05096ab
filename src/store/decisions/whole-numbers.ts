import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';

/** The errors of counting as Redis words them; scripts use the same words, and so they lead back to the same codes. */
export const NOT_AN_INTEGER_TEXT = 'ERR value is not an integer or out of range';
export const OVERFLOW_TEXT = 'ERR increment or decrement would overflow';

const notAnInteger = (): SluiceError =>
  new SluiceError('NOT_AN_INTEGER', 'the value is not a whole number; set it to one before counting');

/** The number that a counter holds; absent counts as 0. @throws SluiceError NOT_AN_INTEGER */
export function wholeNumber(text: ByteString | undefined): number {
  if (text === undefined) return 0;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || !/^(0|-?[1-9]\d*)$/.test(text)) throw notAnInteger();
  return value;
}

/** @throws SluiceError NOT_AN_INTEGER, OVERFLOW */
export function addWhole(text: ByteString | undefined, by: number): number {
  const sum = wholeNumber(text) + by;
  if (!Number.isSafeInteger(sum)) throw new SluiceError('OVERFLOW', 'the sum leaves the range of exact whole numbers');
  return sum;
}

/** What is added to a counter. @throws SluiceError OVERFLOW for what is no exact whole number */
export function stepArg(by: number): ByteString {
  if (Number.isSafeInteger(by)) return String(by);
  throw new SluiceError('OVERFLOW', `only exact whole numbers can be added, not ${String(by)}`);
}

const MAX_INT64 = 2n ** 63n - 1n;
const MIN_INT64 = -(2n ** 63n);

function int64(text: ByteString): bigint {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) throw notAnInteger();
  const value = BigInt(text);
  if (value > MAX_INT64 || value < MIN_INT64) throw notAnInteger();
  return value;
}

/** Adds over 64 bits, as Redis's INCRBY counts. @throws SluiceError NOT_AN_INTEGER, OVERFLOW */
export function addInt64(text: ByteString | undefined, by: ByteString): bigint {
  return inInt64(int64(text ?? '0') + int64(by));
}

/** @throws SluiceError OVERFLOW */
export function stepArg64(by: bigint): ByteString {
  return String(inInt64(by));
}

function inInt64(value: bigint): bigint {
  if (value <= MAX_INT64 && value >= MIN_INT64) return value;
  throw new SluiceError('OVERFLOW', 'the sum leaves the range of 64 bits');
}

/** Defines `whole(text)`: what {@link wholeNumber} does, nil for what is none; and `text(number)`, as `..` loses digits. */
export const luaWhole = `
local function whole(text)
  if not text then return 0 end
  if text ~= '0' and not string.match(text, '^%-?[1-9]%d*$') then return nil end
  local number = tonumber(text)
  if number > 9007199254740991 or number < -9007199254740991 then return nil end
  return number
end
local function text(number) return string.format('%.0f', number) end
`;

/** Defines `add(current, by)`: the sum, or nil and the error to return. Needs {@link luaWhole}. */
export const luaAdd = `
local function add(current, by)
  local number = whole(current)
  if not number then return nil, redis.error_reply('${NOT_AN_INTEGER_TEXT}') end
  local sum = number + tonumber(by)
  if sum > 9007199254740991 or sum < -9007199254740991 then
    return nil, redis.error_reply('${OVERFLOW_TEXT}')
  end
  return sum
end
`;
