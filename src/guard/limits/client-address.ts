const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What one client's addresses have in common: an IPv4 address as it is, also when it comes mapped into IPv6; the first 64 bits of an
 * IPv6 address, as a host may give itself any of the rest (RFC 4291 section 2.5.1, RFC 8981).
 *
 * @param address as `socket.remoteAddress` gives it; undefined for a socket that is gone already
 */
export function clientAddress(address: string | undefined): string {
  if (address === undefined) return '?';
  if (!address.includes(':')) return address;
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [start = '', end] = address.replace(/%.*$/, '').split('::');
  const left = start === '' ? [] : start.split(':');
  const right = end === undefined || end === '' ? [] : end.split(':');
  // A dotted end stands for two groups.
  const width = right.at(-1)?.includes('.') === true ? right.length + 1 : right.length;
  const gap = end === undefined ? 0 : Math.max(0, 8 - left.length - width);
  const groups = [...left, ...Array.from({ length: gap }, () => '0'), ...right].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '').toLowerCase()).join(':')}::/64`;
}
