import { expect, test } from 'vitest';
import { SinkFailure } from './sink.ts';
import { parseTableName, quoteName, quoteNames } from './table-name.ts';

test('the first dot parts schema and name', () => {
  expect(parseTableName('scooters')).toEqual({ schema: undefined, name: 'scooters' });
  expect(parseTableName('fleet.scooters')).toEqual({ schema: 'fleet', name: 'scooters' });
  expect(parseTableName('fleet.a.b')).toEqual({ schema: 'fleet', name: 'a.b' });
});

test('every name is quoted, whatever is in it', () => {
  expect(quoteName('plain')).toBe('"plain"');
  expect(quoteNames(['a"; --', 'É'])).toBe('"a""; --", "É"');
});

test.each(['', 'a\0b'])('%j is no name', (name) => {
  expect(() => quoteName(name)).toThrow(SinkFailure);
});
