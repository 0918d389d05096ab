import { ProtocolError } from './protocol-error.ts';

/** The text of `:`: a bigint beyond 2^53. @throws ProtocolError */
export function parseInteger(text: string): number | bigint {
  if (!/^[+-]?\d{1,20}$/.test(text)) throw new ProtocolError('invalid integer');
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** The text of `#`: `t` or `f`. @throws ProtocolError */
export function parseBoolean(text: string): boolean {
  if (text !== 't' && text !== 'f') throw new ProtocolError('invalid boolean');
  return text === 't';
}

/** The text of `,`: decimal, with or without exponent, `inf` or `nan`. @throws ProtocolError */
export function parseDouble(text: string): number {
  if (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  const special = /^([+-]?)(inf|nan)$/i.exec(text);
  if (special === null) throw new ProtocolError('invalid double');
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** The text of `(`. @throws ProtocolError */
export function parseBigNumber(text: string): bigint {
  if (!/^[+-]?\d+$/.test(text)) throw new ProtocolError('invalid big number');
  return BigInt(text);
}
