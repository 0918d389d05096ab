import type { ByteString } from '../kernel/bytes.ts';

/** Slots of a Redis Cluster. */
export const SLOTS = 16_384;

/** CRC16 of the XMODEM kind (polynomial 0x1021, initial value 0), as the Redis Cluster specification has it. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc;
});

const OPEN = 0x7b;

/**
 * The slot of a key: of what stands between its first `{` and the next `}` when that is not empty, else of all of it.
 * Redis Cluster specification, "Hash tags".
 */
export function slotOf(key: ByteString): number {
  let from = 0;
  let to = key.length;
  for (let i = 0; i < to; i++) {
    if (key.charCodeAt(i) !== OPEN) continue;
    const close = key.indexOf('}', i + 1);
    if (close > i + 1) {
      from = i + 1;
      to = close;
    }
    break;
  }
  let crc = 0;
  for (let i = from; i < to; i++) crc = ((crc << 8) ^ (table[(crc >> 8) ^ key.charCodeAt(i)] as number)) & 0xffff;
  return crc & (SLOTS - 1);
}
