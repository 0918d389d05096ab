import type { Random } from '../random.ts';

/** Makes zero, one or several words of a command. */
export type Words = (random: Random) => readonly string[];

/** A command that may be generated: how often, against the others of its group, and of which words. */
export type Row = readonly [weight: number, ...words: readonly (Words | string)[]];

/** One of these words. */
export function one(...words: readonly string[]): Words {
  return (random) => [random.pick(words)];
}

/** All of these, in order. */
export function all(...parts: readonly (Words | string)[]): Words {
  return (random) => parts.flatMap((part) => (typeof part === 'string' ? [part] : part(random)));
}

/** One of these. */
export function either(...parts: readonly Words[]): Words {
  return (random) => random.pick(parts)(random);
}

export function maybe(...parts: readonly (Words | string)[]): Words {
  const words = all(...parts);
  return (random) => (random.chance(0.5) ? words(random) : []);
}

export function many(min: number, max: number, ...parts: readonly (Words | string)[]): Words {
  const words = all(...parts);
  return (random) => Array.from({ length: min + random.below(max - min + 1) }, () => words(random)).flat();
}

/** Some of these options, in any order, now and then one twice. */
export function options(max: number, ...parts: readonly (Words | string)[]): Words {
  return (random) =>
    Array.from({ length: random.below(max + 1) }, () => random.pick(parts)).flatMap((part) =>
      typeof part === 'string' ? [random.chance(0.2) ? part.toLowerCase() : part] : part(random),
    );
}

/** The second only now and then. */
export function mostly(usual: Words, rare: Words): Words {
  return (random) => (random.chance(0.85) ? usual(random) : rare(random));
}

const usualKeys = ['a', 'b', 'c', 'd', 'e'];
const oddKeys = ['', 'f{x}', 'with space', '\x00\xff\r\n', 'key:[1]*?\\'];

/** Few keys, so that commands meet each other's values. */
export const key: Words = mostly(one(...usualKeys), one(...usualKeys, ...oddKeys));

export const integer: Words = mostly(
  one('0', '1', '-1', '2', '3', '10', '-10', '100'),
  one(
    '-0',
    '+1',
    '01',
    ' 1',
    '1 ',
    '',
    'abc',
    '1.5',
    '1e3',
    '0x10',
    '9223372036854775807',
    '-9223372036854775808',
    '9223372036854775808',
    '-9223372036854775809',
    '18446744073709551616',
  ),
);

/** An index or a count. */
export const index: Words = mostly(
  one('0', '1', '-1', '2', '-2', '3', '-3', '5', '-5', '100', '-100'),
  one('', 'abc', '1.0', ' 1', '-0', '9223372036854775807', '-9223372036854775808', '9223372036854775808'),
);

export const count: Words = mostly(one('0', '1', '2', '3', '10'), one('-1', '', 'abc', '1.5', '9223372036854775807'));

export const float: Words = mostly(
  one('0', '1', '-1', '1.5', '2', '3.25', '-2.75', '10', '0.1', '0.2', '3.0', '5e3', '1e-2', '100.5'),
  one(
    '-0',
    'inf',
    '-inf',
    '+inf',
    'Infinity',
    'nan',
    '-nan',
    '1e400',
    '-1e400',
    '1e308',
    '1e17',
    '1e21',
    '1e-7',
    '123456789012345678',
    '9007199254740993',
    '.5',
    '5.',
    '+1.5',
    ' 1.5',
    '1.5 ',
    '',
    'abc',
    '1.5abc',
    '1e',
    '3.0e3',
  ),
);

export const value: Words = mostly(
  one('v', 'w', 'hello', '0', '1', '10', '-5', '3.5', 'abc', 'Hello World', ''),
  one(
    'a\x00b',
    '\xff\xfe\xfd',
    '\r\n',
    'h\xc3\xa9llo',
    ' 1',
    '1 ',
    '01',
    '+1',
    '-0',
    '1e3',
    'nan',
    'inf',
    '3.0',
    '9223372036854775807',
    '-9223372036854775808',
    '9223372036854775808',
    '1.7976931348623157e308',
    'x'.repeat(70),
    '0123456789'.repeat(12),
  ),
);

/** Fields of hashes, members of sets and of sorted sets: few, and some that look like numbers. */
export const member: Words = mostly(
  one('m1', 'm2', 'm3', 'f', 'g', '1', '2', '3', '10'),
  one('', '-1', '007', '1.5', 'M1', 'm\x00', '\xff', 'with space', '9223372036854775807', 'y'.repeat(65)),
);

export const pattern: Words = one('*', 'a*', '?', '[a-c]', '[^a]', '*b*', '', 'm?', '\\*', 'h*llo', '[a', '*\xff*');

/**
 * Far enough away not to pass while a test runs, and seldom twice the same: whether a time is greater than one that was given as many
 * milliseconds from now a moment ago depends on the moment.
 */
const fromNow =
  (least: number, most: number): Words =>
  (random) => [`${least + random.below(most - least)}`];

export const seconds: Words = mostly(
  fromNow(1_000, 100_000_000),
  one('0', '-1', '', 'abc', '1.5', '9223372036854775807', '-9223372036854775808', '9223372036854775', '10000000000000'),
);

export const milliseconds: Words = mostly(
  fromNow(1_000_000, 2_000_000_000),
  one('0', '-1', '', 'abc', '1.5', '9223372036854775807', '-9223372036854775808', '9223372036854775808'),
);

/** The years 2100 to 2286, sometimes the past. */
export const unixSeconds: Words = mostly(
  one('4102444800', '5000000000', '9999999999'),
  one('1', '0', '-1', '1000000000', 'abc', '', '9223372036854775807', '9223372036854776'),
);

export const unixMilliseconds: Words = mostly(
  one('4102444800000', '5000000000123', '9999999999999'),
  one('1', '0', '-1', '1000000000000', 'abc', '', '9223372036854775807', '9223372036854775808'),
);

/** Any word, to be where it does not belong. */
export const anything: Words = either(
  key,
  value,
  integer,
  float,
  member,
  one('NX', 'XX', 'GET', 'EX', 'LIMIT', 'COUNT'),
);
