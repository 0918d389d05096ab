/** Our codec against that of the official client, which was written without knowledge of ours: the same bytes, the same values. */
import { createRequire } from 'node:module';
import { Decoder, RESP_TYPES } from '@redis/client/dist/lib/RESP/decoder.js';
import { VerbatimString } from '@redis/client/dist/lib/RESP/verbatim-string.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToUtf8, fromBuffer } from '../../src/kernel/bytes.ts';
import { CommandDecoder } from '../../src/resp/decoder.ts';
import { Reply } from '../../src/resp/reply.ts';
import { PushMessage, ReplyDecoder, ReplyError, type ReplyValue, VerbatimText } from '../../src/resp/reply-decoder.ts';

const numRuns = 400;

/** CommonJS whose default export is a property of its exports. */
const { default: encodeTheirs } = createRequire(import.meta.url)('@redis/client/dist/lib/RESP/encoder.js') as {
  readonly default: (argv: readonly (string | Buffer)[]) => (string | Buffer)[];
};

// ------------------------------------------------------------------------------------------------ values both can hold

/** A reply to be built, as the calls that build it. */
type Node =
  | { readonly kind: 'ok' | 'nil' | 'nilArray' }
  | { readonly kind: 'simple' | 'error' | 'bulk' | 'verbatim'; readonly text: string }
  | { readonly kind: 'int' | 'bigNumber'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'array' | 'set' | 'map' | 'push'; readonly items: readonly Node[] };

/**
 * What a value looks like from both sides: strings as bytes with a mark, numbers as text with a mark, maps and sets as lists
 * (their decoder gives lists; our types are told apart in the unit tests).
 */
type Plain = string | boolean | null | readonly Plain[];

const number = (value: number | bigint): string => `number ${value}`;
const text = (bytes: string): string => `text ${bytes}`;

function expected(node: Node, proto: 2 | 3): Plain {
  switch (node.kind) {
    case 'ok':
      return text('OK');
    case 'nil':
    case 'nilArray':
      return null;
    case 'simple':
    case 'bulk':
      return text(node.text);
    case 'error':
      return `error ${node.text}`;
    case 'verbatim':
      return proto === 3 ? `verbatim txt:${node.text}` : text(node.text);
    case 'int':
      return number(node.value);
    case 'bigNumber':
      return proto === 3 ? number(node.value) : text(String(node.value));
    case 'double':
      return proto === 3 ? number(node.value) : text(doubleInBulk(node.value));
    case 'bool':
      return proto === 3 ? node.value : number(node.value ? 1 : 0);
    default:
      return node.items.map((item) => expected(item, proto));
  }
}

/** The double must come back exactly from its text. */
function doubleInBulk(value: number): string {
  const reply = new Reply();
  reply.double(value);
  const [, digits = ''] = reply.take().split('\r\n');
  const named = { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY, nan: Number.NaN }[digits];
  expect(named ?? Number(digits)).toBe(value);
  return digits;
}

function ours(value: ReplyValue): Plain {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' || typeof value === 'bigint') return number(value);
  if (typeof value === 'boolean' || value === null) return value;
  if (value instanceof ReplyError) return `error ${value.message}`;
  if (value instanceof VerbatimText) return `verbatim ${value.format}:${value.text}`;
  if (value instanceof PushMessage) return value.items.map(ours);
  if (value instanceof Map) return [...value].flat().map(ours);
  if (value instanceof Set || Array.isArray(value)) return [...value].map(ours);
  throw new Error('the other decoder knows no attributes');
}

function theirs(value: unknown): Plain {
  if (value instanceof Buffer) return text(fromBuffer(value));
  // An integer: they would round it, so it is asked for as text.
  if (typeof value === 'string') return number(BigInt(value));
  if (typeof value === 'number' || typeof value === 'bigint') return number(value);
  if (typeof value === 'boolean' || value === null) return value;
  if (value instanceof VerbatimString) return `verbatim ${value.format}:${value}`;
  if (value instanceof Error) return `error ${value.message}`;
  if (Array.isArray(value)) return value.map(theirs);
  throw new Error(`what is ${String(value)}?`);
}

function decodeOurs(chunks: readonly Buffer[]): { readonly replies: Plain[]; readonly pushes: Plain[] } {
  const decoder = new ReplyDecoder();
  const replies: Plain[] = [];
  const pushes: Plain[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
      (value instanceof PushMessage ? pushes : replies).push(ours(value));
    }
  }
  expect(decoder.buffered).toBe(0);
  return { replies, pushes };
}

function decodeTheirs(chunks: readonly Buffer[]): { readonly replies: Plain[]; readonly pushes: Plain[] } {
  const replies: Plain[] = [];
  const pushes: Plain[] = [];
  const decoder = new Decoder({
    onReply: (value: unknown) => replies.push(theirs(value)),
    onErrorReply: (value: unknown) => replies.push(theirs(value)),
    // Pushes come with a fixed mapping, which makes text of simple strings and rounds integers.
    onPush: (value: unknown[]) => pushes.push(value.map(theirs)),
    getTypeMapping: () => ({
      [RESP_TYPES.BLOB_STRING]: Buffer,
      [RESP_TYPES.SIMPLE_STRING]: Buffer,
      [RESP_TYPES.VERBATIM_STRING]: VerbatimString,
      [RESP_TYPES.NUMBER]: String,
      [RESP_TYPES.MAP]: Array,
    }),
  });
  for (const chunk of chunks) if (chunk.length > 0) decoder.write(chunk);
  return { replies, pushes };
}

// --------------------------------------------------------------------------------------------------------- generators

const byteString = fc.uint8Array({ maxLength: 40 }).map(fromBuffer);
/** Lengths around those that have prebuilt headers and those that come in several chunks. */
const longString = fc
  .tuple(fc.constantFrom(1023, 1024, 1025, 16_384, 70_000), fc.nat({ max: 255 }))
  .map(([length, byte]) => String.fromCharCode(byte).repeat(length));
const anyString = fc.oneof({ weight: 12, arbitrary: byteString }, { weight: 1, arbitrary: longString });
/** Their decoder reads errors and verbatim text as UTF-8. */
const ascii = fc.string({ unit: 'binary-ascii', maxLength: 20 });
const line = ascii.map((given) => given.replace(/[\r\n]/g, ' '));
const int64 = fc.oneof(
  fc.bigInt({ min: -2000n, max: 2000n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, -(2n ** 53n)),
);
const double = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((value) => value / 1000),
  fc.constantFrom(0, 0.1, 1e21, 3e-7, 2 ** 56, 5e-324),
);

const { node } = fc.letrec<{ node: Node; scalar: Node; aggregate: Node }>((tie) => ({
  scalar: fc.oneof(
    fc.constantFrom<Node>({ kind: 'ok' }, { kind: 'nil' }, { kind: 'nilArray' }),
    anyString.map((value): Node => ({ kind: 'bulk', text: value })),
    byteString.map((value): Node => ({ kind: 'simple', text: value.replace(/[\r\n]/g, ' ') })),
    line.map((value): Node => ({ kind: 'error', text: value })),
    ascii.map((value): Node => ({ kind: 'verbatim', text: value })),
    int64.map((value): Node => ({ kind: 'int', value })),
    fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map((value): Node => ({ kind: 'bigNumber', value })),
    // -0 is 0 where numbers are compared.
    double.map((value): Node => ({ kind: 'double', value: value + 0 })),
    fc.boolean().map((value): Node => ({ kind: 'bool', value })),
  ),
  aggregate: fc.oneof(
    fc.array(tie('node'), { maxLength: 6 }).map((items): Node => ({ kind: 'array', items })),
    // Members and names differ, or our Set and Map would have fewer of them.
    fc
      .uniqueArray(byteString, { maxLength: 6 })
      .map((members): Node => ({ kind: 'set', items: members.map((member) => ({ kind: 'bulk', text: member })) })),
    fc.uniqueArray(fc.tuple(byteString, tie('node')), { maxLength: 4, selector: ([name]) => name }).map(
      (pairs): Node => ({
        kind: 'map',
        items: pairs.flatMap(([name, value]): Node[] => [{ kind: 'bulk', text: name }, value]),
      }),
    ),
  ),
  node: fc.oneof({ maxDepth: 4 }, { weight: 3, arbitrary: tie('scalar') }, { weight: 2, arbitrary: tie('aggregate') }),
}));

/** Only what their fixed mapping for pushes leaves as it is. */
const push = fc
  .array(byteString, { minLength: 1, maxLength: 4 })
  .map((items): Node => ({ kind: 'push', items: items.map((item): Node => ({ kind: 'bulk', text: item })) }));

const cuts = fc.array(fc.nat(), { maxLength: 12 });

function build(reply: Reply, given: Node): void {
  switch (given.kind) {
    case 'ok':
    case 'nil':
    case 'nilArray':
      reply[given.kind]();
      return;
    case 'simple':
    case 'error':
    case 'bulk':
    case 'verbatim':
      reply[given.kind](given.text);
      return;
    case 'int':
      // As a command would: a number while it is one.
      reply.int(given.value >= -(2n ** 53n) && given.value <= 2n ** 53n ? Number(given.value) : given.value);
      return;
    case 'bigNumber':
      reply.bigNumber(given.value);
      return;
    case 'double':
      reply.double(given.value);
      return;
    case 'bool':
      reply.bool(given.value);
      return;
    default:
      reply[given.kind](given.kind === 'map' ? given.items.length / 2 : given.items.length);
      for (const item of given.items) build(reply, item);
  }
}

/** `bytes` cut at the places given (modulo its length); every byte alone when there are none. */
function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  if (at.length === 0 && bytes.length < 4096) return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
  const places = [...new Set([0, ...at.map((place) => place % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((place, i) => bytes.subarray(places[i], place));
}

// --------------------------------------------------------------------------------------------------------- properties

describe.each([2, 3] as const)('replies built for RESP%d', (proto) => {
  it('are decoded to what was built, by their decoder and by ours, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 6, arbitrary: node }, push), { maxLength: 5 }), cuts, (nodes, at) => {
        const reply = new Reply();
        reply.proto = proto;
        for (const each of nodes) build(reply, each);
        const bytes = Buffer.from(reply.take(), 'latin1');
        const isPush = (each: Node): boolean => proto === 3 && each.kind === 'push';
        const replies = nodes.filter((each) => !isPush(each)).map((each) => expected(each, proto));
        const pushes = nodes.filter(isPush).map((each) => expected(each, proto));
        for (const chunks of [[bytes], split(bytes, at)]) {
          expect(decodeTheirs(chunks)).toEqual({ replies, pushes });
          expect(decodeOurs(chunks)).toEqual({ replies, pushes });
        }
      }),
      { numRuns },
    );
  });
});

describe('the two reply decoders', () => {
  /** Forms that our builder never writes. */
  const foreign = fc.oneof(
    fc.constantFrom(
      '$-1\r\n',
      '*-1\r\n',
      '_\r\n',
      '*0\r\n',
      '%0\r\n',
      '~0\r\n',
      ',inf\r\n',
      ',-inf\r\n',
      ',nan\r\n',
      '$0\r\n\r\n',
    ),
    int64.map((value) => `:${value >= 0n ? '+' : ''}${value}\r\n`),
    fc
      .tuple(fc.integer(), fc.nat({ max: 999_999 }), fc.integer({ min: -30, max: 30 }))
      .map(([whole, part, exponent]) => `,${whole}.${part}e${exponent}\r\n`),
    fc.tuple(fc.integer(), fc.nat({ max: 999_999 })).map(([whole, part]) => `,${whole}.${part}\r\n`),
    ascii.map((value) => `!${value.length}\r\n${value}\r\n`),
    ascii.map((value) => `=${value.length + 4}\r\nmkd:${value}\r\n`),
  );
  const nested = fc.array(foreign, { maxLength: 8 }).map((items) => `*${items.length}\r\n${items.join('')}`);

  it('agree on bytes that come from elsewhere', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(foreign, nested), { maxLength: 6 }), cuts, (parts, at) => {
        const bytes = Buffer.from(parts.join(''), 'latin1');
        const whole = decodeTheirs([bytes]);
        expect(whole.replies).toHaveLength(parts.length);
        expect(decodeOurs([bytes])).toEqual(whole);
        expect(decodeOurs(split(bytes, at))).toEqual(whole);
      }),
      { numRuns },
    );
  });
});

describe('commands', () => {
  const argument = fc.oneof(
    { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 8, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
    { weight: 1, arbitrary: longString.map((bytes) => Buffer.from(bytes, 'latin1')) },
  );
  const command = fc.array(argument, { minLength: 1, maxLength: 8 });

  it('encoded by the client are decoded to the same arguments, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 6 }), cuts, (commands, at) => {
        const bytes = Buffer.concat(commands.flatMap((argv) => encodeTheirs(argv).map((part) => Buffer.from(part))));
        const argvs = commands.map((argv) => argv.map((word) => fromBuffer(Buffer.from(word))));
        for (const chunks of [[bytes], split(bytes, at)]) {
          const decoder = new CommandDecoder({
            maxBulkBytes: 1 << 20,
            maxArguments: 1024,
            maxInlineBytes: 1024,
            maxQueryBytes: 1 << 20,
          });
          const decoded: string[][] = [];
          for (const chunk of chunks) {
            decoder.push(chunk);
            for (let argv = decoder.next(); argv !== undefined; argv = decoder.next()) decoded.push(argv);
          }
          expect(decoded).toEqual(argvs);
          expect(decoder.buffered).toBe(0);
        }
      }),
      { numRuns },
    );
  });

  it('show as text what was sent as text', () => {
    const decoder = new CommandDecoder({ maxBulkBytes: 100, maxArguments: 9, maxInlineBytes: 9, maxQueryBytes: 100 });
    for (const part of encodeTheirs(['SET', 'ключ', '日本'])) decoder.push(Buffer.from(part));
    expect(decoder.next()?.map(bytesToUtf8)).toEqual(['SET', 'ключ', '日本']);
  });
});
