import { describe, expect, it } from 'vitest';
import { parseJsonRow } from './json-row.ts';

describe('parseJsonRow', () => {
  it('gives values as they are written', () => {
    const row = parseJsonRow(
      '{"a": 9007199254740993, "b": -1.50e+3, "c": "x \\" 12 \\u0041", "d": true, "e": null, "1": 0.10}',
    );
    expect([...(row ?? [])].sort()).toEqual([
      ['1', '0.10'],
      ['a', '9007199254740993'],
      ['b', '-1.50e+3'],
      ['c', 'x " 12 A'],
      ['d', 'true'],
      ['e', null],
    ]);
    expect([...(parseJsonRow('{"\xc3\xa9":"\xc3\xa9"}') ?? [])]).toEqual([['\xc3\xa9', '\xc3\xa9']]);
    expect(parseJsonRow('{}')).toEqual(new Map());
  });

  it.each([
    '',
    '[]',
    '1',
    'null',
    '{"a":[1]}',
    '{"a":{}}',
    '{"a":01}',
    '{"a":1.}',
    '{"a":',
    '{a:1}',
    '{"a":-}',
    '{"a":"\xff"}',
  ])('takes nothing else: %s', (text) => {
    expect(parseJsonRow(text)).toBeUndefined();
  });

  it('takes long texts', () => {
    const long = 'x'.repeat(10_000_000);
    expect(parseJsonRow(`{"a":"${long}","b":1.0}`)?.get('a')).toBe(long);
  });
});
