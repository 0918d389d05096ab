import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allFields, encodeFields, type FieldValue, fieldOf, MAX_FIELDS, mergeFields } from './hash-fields.ts';

const anyBytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const field = anyBytes(6);
const value = fc.oneof(
  fc.constant(null),
  anyBytes(20),
  fc.constantFrom('', 'x'.repeat(126), 'x'.repeat(127), 'x'.repeat(20_000)),
);
const pairs = (count: number) => Array.from({ length: count }, (_, i) => [`field:${i}`, `value:${i}`] as const);

describe('fields of a hash', () => {
  it('are found by name, in the order they came, whatever was merged in', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.tuple(field, value), { maxLength: 8 }), { maxLength: 6 }), (steps) => {
        const model = new Map<string, FieldValue>();
        let payload = '';
        for (const step of steps) {
          for (const [name, is] of step) model.set(name, is);
          payload = mergeFields(payload, step) as string;
        }
        for (const [name, is] of model) expect(fieldOf(payload, name)).toBe(is);
        expect(fieldOf(payload, 'a name of nobody')).toBeUndefined();
        expect(allFields(payload)).toEqual([...model].filter(([, is]) => is !== null).flat());
      }),
      { numRuns: 200 },
    );
  });

  it('are written as the server sent them', () => {
    const flat = ['b', '1', 'a', '', '', 'empty name'];
    const payload = encodeFields(flat) as string;
    expect(allFields(payload)).toEqual(flat);
    expect(fieldOf(payload, 'a')).toBe('');
    expect(fieldOf(payload, '')).toBe('empty name');
    expect(encodeFields([])).toBe('');
    expect(allFields('')).toEqual([]);
  });

  it('are told from fields whose name or value contains theirs', () => {
    const payload = encodeFields(['ab', 'a', 'a', 'right', 'abc', 'b']) as string;
    expect(fieldOf(payload, 'a')).toBe('right');
    expect(fieldOf(payload, 'b')).toBeUndefined();
  });

  it(`are at most ${MAX_FIELDS}`, () => {
    const full = encodeFields(pairs(MAX_FIELDS).flat()) as string;
    expect(allFields(full)).toHaveLength(2 * MAX_FIELDS);
    expect(encodeFields(pairs(MAX_FIELDS + 1).flat())).toBeUndefined();
    expect(mergeFields(full, [['field:0', 'new']])).toBeDefined();
    expect(mergeFields(full, [['one more', null]])).toBeUndefined();
  });
});
