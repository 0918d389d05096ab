import { isIP } from 'node:net';

export const rangeForm = 'a range of addresses such as 10.0.0.0/8';

/** The text itself, where it is a CIDR range. */
export function parseRange(text: string): string | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = address.includes('%') ? 0 : isIP(address);
  const valid = family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
  return valid && rest.length === 0 ? text : undefined;
}
