import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesToUtf8, utf8ToBytes } from '../kernel/bytes.ts';
import { parseJsonPointer, selectJson } from './json-pointer.ts';

const select = (json: string, pointer: string): string | undefined => {
  const part = selectJson(utf8ToBytes(json), parseJsonPointer(pointer) as string[]);
  return part === undefined ? undefined : bytesToUtf8(part);
};
/** As the RFC has it, on values. */
const evaluate = (value: unknown, steps: readonly string[]): unknown => {
  let at = value;
  for (const step of steps) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    if (Array.isArray(at) && !/^(?:0|[1-9]\d*)$/.test(step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
};

describe('parseJsonPointer', () => {
  it('reads steps and their escapes', () => {
    expect(parseJsonPointer('')).toEqual([]);
    expect(parseJsonPointer('/')).toEqual(['']);
    expect(parseJsonPointer('/a~1b/m~0n/0/~01')).toEqual(['a/b', 'm~n', '0', '~1']);
  });

  it.each(['a', '/~', '/a~2', '#/a'])('refuses %j', (text) => {
    expect(parseJsonPointer(text)).toBeUndefined();
  });
});

describe('selectJson', () => {
  // RFC 6901 section 5.
  const document =
    '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\\\j": 5, "k\\"l": 6, " ": 7, "m~n": 8}';

  it.each([
    ['/foo', '["bar", "baz"]'],
    ['/foo/0', '"bar"'],
    ['/', '0'],
    ['/a~1b', '1'],
    ['/c%d', '2'],
    ['/i\\j', '5'],
    ['/k"l', '6'],
    ['/ ', '7'],
    ['/m~0n', '8'],
    ['', document],
  ])('finds %j', (pointer, part) => {
    expect(select(document, pointer)).toBe(part);
  });

  it.each(['/foo/2', '/foo/-', '/foo/00', '/foo/0/x', '/none', '/foo/length', '/toString', '/__proto__'])(
    'finds no %j',
    (pointer) => {
      expect(select(document, pointer)).toBeUndefined();
    },
  );

  it('keeps numbers as they are written, and takes the last of members of one name', () => {
    expect(select('{"id":12345678901234567890,"x":1e400 }', '/id')).toBe('12345678901234567890');
    expect(select('{"id":12345678901234567890,"x":1e400 }', '/x')).toBe('1e400');
    expect(select('{"a":1,"\\u0061":2}', '/a')).toBe('2');
    expect(select(' [ -1.5E+3 , true ] ', '/0')).toBe('-1.5E+3');
    expect(select(' [ -1.5E+3 , true ] ', '/1')).toBe('true');
    expect(select(' 7 ', '')).toBe('7');
  });

  it.each(['', '{', '{"a":1}x', '[1,]', 'NaN', "{'a':1}"])('refuses %j', (json) => {
    expect(() => select(json, '/a')).toThrow(SyntaxError);
  });

  it('agrees with the definition on any document', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.array(fc.oneof(fc.string(), fc.nat(3).map(String)), { maxLength: 3 }),
        (value, random) => {
          for (const indent of [undefined, 2]) {
            const json = JSON.stringify(value, undefined, indent);
            for (const steps of [random, ...pathsOf(JSON.parse(json))]) {
              const part = selectJson(utf8ToBytes(json), steps);
              const expected = evaluate(JSON.parse(json), steps);
              expect(part === undefined ? undefined : JSON.parse(bytesToUtf8(part))).toEqual(expected);
            }
          }
        },
      ),
    );
  });
});

/** All paths of a document. */
function pathsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  return [[], ...Object.entries(value).flatMap(([name, inner]) => pathsOf(inner).map((path) => [name, ...path]))];
}
