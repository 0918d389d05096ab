import { describe, expect, it } from 'vitest';
import { splitInline } from './inline.ts';

// What redis-server 7.0.15 makes of each line was observed on a real one.
describe('splitInline', () => {
  it.each([
    ['', []],
    ['  \t ', []],
    ['PING', ['PING']],
    [' set  a\tb ', ['set', 'a', 'b']],
    ['a\rb', ['a', 'b']],
    ['\vPING\f a', ['PING\f', 'a']],
    ['PING a\vb', ['PING', 'a\vb']],
    ['PING "a"\vb', ['PING', 'a', 'b']],
    ['PING a"b c"', ['PING', 'ab c']],
    [`PING a'b c'`, ['PING', 'ab c']],
    ['""', ['']],
    [`'' a`, ['', 'a']],
    [String.raw`"\x41\n\r\t\b\a\q\\\"\x4"`, ['A\n\r\t\b\x07q\\"x4']],
    [String.raw`"\x4g\xfF"`, ['x4g\xff']],
    [String.raw`"\\x41"`, [String.raw`\x41`]],
    [String.raw`'a\'b\n\\ '`, [String.raw`a'b\n\\ `]],
    [String.raw`a\"b c"`, ['a\\b c']],
    ['"it\'s"', ["it's"]],
    [`'"'`, ['"']],
  ])('splits %j', (line, words) => {
    expect(splitInline(line)).toEqual(words);
  });

  it.each([
    '"abc',
    "'abc",
    '"a"b',
    "'a'b",
    String.raw`"abc\"`,
    String.raw`'abc\'`,
    String.raw`'abc\\'`,
    'a"b"c',
    '"a"\'b\'',
    '"\\',
    '"',
  ])('refuses %j', (line) => {
    expect(splitInline(line)).toBeUndefined();
  });
});
