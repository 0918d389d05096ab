import { expect, test } from 'vitest';
import { arrayText } from './postgres-array.ts';

test.each<[readonly (string | number | null)[], string]>([
  [[], '{}'],
  [['a', 'scooter:7', '-1.5e+3'], '{a,scooter:7,-1.5e+3}'],
  [[1, Number.MAX_SAFE_INTEGER], '{1,9007199254740991}'],
  [[null, 'NULL', 'null', 'nullo', ''], '{NULL,"NULL","null",nullo,""}'],
  [['a,b', '{}', ' a ', `'`], `{"a,b","{}"," a ","'"}`],
  [['"', '\\', '\\"', '\\x00ff'], '{"\\"","\\\\","\\\\\\"","\\\\x00ff"}'],
  [['é', 'a\nb', '\v'], '{"é","a\nb","\v"}'],
])('%j', (elements, text) => {
  expect(arrayText(elements, (element) => element)).toBe(text);
});

test('only what is not plain is made text', () => {
  const values = ['a', null, 'é', 'NULL', ''];
  expect(
    arrayText(
      values,
      (value) => value,
      (value) => `<${value}>`,
    ),
  ).toBe('{a,NULL,"<é>","<NULL>","<>"}');
});
