import { expect, test } from 'vitest';
import { utf8ToBytes } from '../kernel/bytes.ts';
import { textOf } from './value-text.ts';

test.each(['', 'plain', 'größe 😀', '\uFEFFmarked', '\uFFFD', 'a\0b'])('%j is the text it was', (text) => {
  expect(textOf(utf8ToBytes(text), 'c')).toBe(text);
});

test.each(['\xff', 'a\xc3', '\xc0\x80', '\xed\xa0\x80'])('%j is not UTF-8', (bytes) => {
  expect(() => textOf(bytes, 'note')).toThrow('the value for column note is not text in UTF-8');
});
