import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { SluiceError } from '../../errors.ts';

/** Says which addresses may be connected to. */
export interface AddressGuard {
  /** Why not; undefined when it may. @param address an IPv4 or IPv6 address in any form `node:net` takes, without brackets */
  check(address: string): string | undefined;
}

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Addresses that look global and are not: the host of Azure's machines, which answers with their secrets. */
const METADATA: readonly string[] = ['168.63.129.16'];

/** What a range of the registries is called in a message. */
const words: Readonly<Record<string, string>> = {
  unspecified: 'an unspecified',
  broadcast: 'a broadcast',
  multicast: 'a multicast',
  linkLocal: 'a link-local',
  loopback: 'a loopback',
  carrierGradeNat: 'a shared (carrier-grade NAT)',
  private: 'a private',
  uniqueLocal: 'a unique local',
  ipv4Mapped: 'an IPv4-mapped',
};

/**
 * Lets only plain global unicast addresses pass: nothing of the special-purpose registries (RFC 6890 and what followed), and none that
 * carries another address (mapped, compatible, translated, 6to4, Teredo, ISATAP), since what that one is depends on the network.
 *
 * @param exempt CIDR ranges that pass all the same, such as `10.0.0.0/8`; an IPv4 range does not exempt its IPv4-mapped form
 * @throws SluiceError INVALID_ARGUMENT for a text that is no CIDR range
 */
export function addressGuard(exempt: readonly string[] = []): AddressGuard {
  const ranges = exempt.map(requireRange);
  return {
    check(text) {
      // The library also takes 127.1 and 0x7f.1, of which programs disagree what they mean.
      if (isIP(text) === 0 || text.includes('%')) return `${JSON.stringify(text)} is not an IP address without a zone`;
      const address = ipaddr.parse(text);
      if (ranges.some((range) => holds(range, address))) return undefined;
      const problem = specialUse(address);
      return problem === undefined ? undefined : `${text} is ${problem} address`;
    },
  };
}

/** Whether a text is what {@link addressGuard} takes as exempt. */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== undefined;
}

function specialUse(address: ipaddr.IPv4 | ipaddr.IPv6): string | undefined {
  const range = address.range();
  if (range !== 'unicast') return words[range] ?? 'a reserved';
  if (address.kind() === 'ipv4') return METADATA.includes(address.toString()) ? 'a metadata' : undefined;
  const { parts } = address as ipaddr.IPv6;
  // Global unicast is 2000::/3 (RFC 4291 section 2.4 and the IANA registry); all else is not assigned, IPv4-compatible ones included.
  if ((parts[0] as number) >> 13 !== 1) return 'a reserved';
  // ISATAP (RFC 5214 section 6.1): the last 32 bits are an IPv4 address.
  if (((parts[4] as number) & 0xfdff) === 0 && parts[5] === 0x5efe) return 'an ISATAP';
  return undefined;
}

function holds([network, bits]: Range, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

function requireRange(text: string): Range {
  const range = parseRange(text);
  if (range === undefined)
    throw new SluiceError('INVALID_ARGUMENT', `${JSON.stringify(text)} is no CIDR range; write it like 10.0.0.0/8`);
  return range;
}

function parseRange(text: string): Range | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || isIP(address) === 0 || address.includes('%') || !/^\d{1,3}$/.test(bits)) return undefined;
  const network = ipaddr.parse(address);
  const length = Number(bits);
  return length <= (network.kind() === 'ipv4' ? 32 : 128) ? [network, length] : undefined;
}
