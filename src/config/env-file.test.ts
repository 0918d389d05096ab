import { describe, expect, it } from 'vitest';
import { parseEnvFile } from './env-file.ts';

function read(text: string): Record<string, string> {
  return Object.fromEntries(parseEnvFile(text).values);
}

describe('parseEnvFile', () => {
  it('reads names, comments, quotes and export', () => {
    expect(
      read(
        [
          '# a comment',
          'PLAIN=value',
          'export EXPORTED = spaced out  # comment',
          'EMPTY=',
          'HASH=a#b',
          "SINGLE='a \\n #b'",
          'DOUBLE="a\\n\\"b\\" \\$c" # comment',
          'MULTI="one',
          'two"',
          'LAST=1',
          'LAST=2',
        ].join('\n'),
      ),
    ).toEqual({
      PLAIN: 'value',
      EXPORTED: 'spaced out',
      EMPTY: '',
      HASH: 'a#b',
      SINGLE: 'a \\n #b',
      DOUBLE: 'a\n"b" $c',
      MULTI: 'one\ntwo',
      LAST: '2',
    });
  });

  it('reads Windows line ends and a byte order mark', () => {
    expect(read('\uFEFFA=1\r\nB="x"\r\n')).toEqual({ A: '1', B: 'x' });
  });

  it('does not take names of the prototype for escapes', () => {
    expect(read('A="\\constructor"')).toEqual({ A: '\\constructor' });
  });

  it('names the line of what it cannot read, and reads the rest', () => {
    const { values, problems } = parseEnvFile('A="1\n2"\nnot an assignment\nB="open\nC=1');
    expect(problems).toEqual([
      { line: 3, message: 'expected NAME=value' },
      { line: 4, message: 'the value of B has no closing "' },
    ]);
    expect(Object.fromEntries(values)).toEqual({ A: '1\n2', C: '1' });
  });

  it('refuses text after a quoted value', () => {
    expect(parseEnvFile('A="1"2').problems).toEqual([
      { line: 1, message: 'unexpected text after the quoted value of A' },
    ]);
  });
});
