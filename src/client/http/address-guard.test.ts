import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../errors.ts';
import { addressGuard, isAddressRange } from './address-guard.ts';

const guard = addressGuard();

/** The special-purpose address registries of IANA, and what else is not plain global unicast. */
const special4: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '255.255.255.255/32',
  '168.63.129.16/32',
];
const special6: readonly string[] = [
  '::/96',
  '::ffff:0:0/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001::/32',
  '2001:2::/48',
  '2001:10::/28',
  '2001:20::/28',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
  '4000::/2',
  '5f00::/16',
  '8000::/1',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
];

/** Colon groups of 128 bits, and how many bits of them a prefix fixes. */
const groupsOf = (address: string): number[] => {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((part) => Number.parseInt(part, 16));
  const [front, back] = [groups(head), groups(tail ?? '')];
  return tail === undefined ? front : [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
};
/** An address in the range: the prefix kept, the rest from `random`, `size` bits a part. */
const inside = (parts: readonly number[], bits: number, size: number, random: readonly number[]): number[] =>
  parts.map((part, i) => {
    const fixed = Math.min(size, Math.max(0, bits - i * size));
    const mask = (1 << (size - fixed)) - 1;
    return (part & ~mask) | ((random[i] as number) & mask);
  });
const text6 = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':');

const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });

describe('the address guard', () => {
  it.each(special4)('refuses every address of %s', (range) => {
    const [address = '', bits = ''] = range.split('/');
    fc.assert(
      fc.property(octets, (random) => {
        const sample = inside(address.split('.').map(Number), Number(bits), 8, random).join('.');
        expect(guard.check(sample)).toBeTypeOf('string');
      }),
    );
  });

  it.each(special6)('refuses every address of %s', (range) => {
    const [address = '', bits = ''] = range.split('/');
    fc.assert(
      fc.property(groups, (random) => {
        expect(guard.check(text6(inside(groupsOf(address), Number(bits), 16, random)))).toBeTypeOf('string');
      }),
    );
  });

  it('refuses every IPv4 address in an IPv6 one', () => {
    fc.assert(
      fc.property(octets, (parts) => {
        const dotted = parts.join('.');
        const [a, b, c, d] = parts as [number, number, number, number];
        const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
        for (const prefix of ['::ffff:', '::', '64:ff9b::', '::ffff:0:']) {
          expect(guard.check(`${prefix}${dotted}`)).toBeTypeOf('string');
          expect(guard.check(`${prefix}${high}:${low}`)).toBeTypeOf('string');
        }
        expect(guard.check(`2002:${high}:${low}::1`)).toBeTypeOf('string');
        expect(guard.check(`2a00:1450::5efe:${high}:${low}`)).toBeTypeOf('string');
        expect(guard.check(`2a00:1450::200:5efe:${high}:${low}`)).toBeTypeOf('string');
      }),
    );
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:82b::200e',
    '2001:4860:4860::8888',
    '2001:200::1',
  ])('lets %s pass', (address) => {
    expect(guard.check(address)).toBeUndefined();
  });

  it('lets the blocks that registries give out pass', () => {
    fc.assert(
      fc.property(groups, (random) => {
        expect(guard.check(text6(inside([0x2a00, 0, 0, 0, 0x0800, 0, 0, 0], 80, 16, random)))).toBeUndefined();
        expect(
          guard.check(
            inside(
              [93, 0, 0, 0],
              8,
              8,
              random.map((part) => part & 255),
            ).join('.'),
          ),
        ).toBeUndefined();
      }),
    );
  });

  it.each([
    '',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '8.8.8.8 ',
    '[2a00::1]',
    'fe80::1%eth0',
    '2a00::1%1',
    '8.8.8.8/32',
  ])('refuses %j, which is no address', (text) => {
    expect(guard.check(text)).toMatch(/is not an IP address/);
  });

  it('says what the address is', () => {
    expect(guard.check('127.0.0.1')).toBe('127.0.0.1 is a loopback address');
    expect(guard.check('169.254.169.254')).toBe('169.254.169.254 is a link-local address');
    expect(guard.check('::ffff:127.0.0.1')).toBe('::ffff:127.0.0.1 is an IPv4-mapped address');
  });

  it('lets exempt ranges pass, and nothing beside them', () => {
    const exempting = addressGuard(['10.1.0.0/16', 'fd00:1::/32', '127.0.0.1/32']);
    expect(exempting.check('10.1.255.255')).toBeUndefined();
    expect(exempting.check('fd00:1::7')).toBeUndefined();
    expect(exempting.check('127.0.0.1')).toBeUndefined();
    for (const address of ['10.2.0.0', 'fd00:2::7', '127.0.0.2', '::ffff:10.1.0.1', '::ffff:127.0.0.1', '::1'])
      expect(exempting.check(address)).toBeTypeOf('string');
  });

  it.each([
    '10.0.0.0',
    '10.0.0.0/33',
    'fd00::/129',
    '10/8',
    'localhost/8',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    'fe80::%1/10',
    '',
  ])('refuses %j as an exempt range', (text) => {
    expect(isAddressRange(text)).toBe(false);
    expect(() => addressGuard([text])).toThrowError(
      expect.toSatisfy((error) => isSluiceError(error, 'INVALID_ARGUMENT')),
    );
  });
});
