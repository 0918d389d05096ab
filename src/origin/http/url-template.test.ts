import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../errors.ts';
import { percentDecode } from '../../http/percent.ts';
import { parseTemplate, type Template } from '../../kernel/key-pattern.ts';
import { UrlTemplate } from './url-template.ts';

const template = (text: string): UrlTemplate => new UrlTemplate(parseTemplate(text, ['1', '2', 'id']) as Template);
const target = (text: string, ...captures: string[]): string =>
  template(text).target('key', new Map(captures.map((value, i) => [String(i + 1), value])));
const refused = expect.toSatisfy((error: unknown) => isSluiceError(error, 'INVALID_ARGUMENT'));

describe('UrlTemplate', () => {
  it.each([
    ['https://api.example.com/users/{1}', 'https://api.example.com'],
    ['https://API.example.com:443/users/{1}', 'https://api.example.com'],
    ['http://127.0.0.1:8080/{1}', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080/{1}', 'http://[::1]:8080'],
    ['https://api.example.com?id={1}', 'https://api.example.com'],
    ['https://api.example.com', 'https://api.example.com'],
  ])('%s asks %s', (text, api) => {
    expect(template(text).api).toBe(api);
  });

  it.each([
    'https://{1}.example.com/',
    'https://api.example.com{1}',
    'https://api.example.com:{1}/',
    '{1}',
    'ftp://api.example.com/{1}',
    'https://user:secret@api.example.com/{1}',
    'https:///{1}',
    'https://api.example.com:0/{1}',
    'https://api.example.com:99999/{1}',
    'https://api.example.com/{1}#x',
    'https://api.example.com/a b/{1}',
    'https://api.example.com/ä/{1}',
    'https://api.example.com/%zz/{1}',
    'https://api.example.com\\x/{1}',
    'https://api.example.com/a/../{1}',
    'https://api.example.com/%2e%2E/{1}',
  ])('refuses %s', (text) => {
    expect(() => template(text)).toThrowError(refused);
  });

  it('puts captures in percent-encoded, and leaves the rest as it is', () => {
    expect(target('https://a.b/users/{1}?x=%7e&y={2}', 'a b?c#d%e&f=g', 'h&i=j/k\r\n')).toBe(
      '/users/a%20b%3Fc%23d%25e%26f%3Dg?x=%7e&y=h%26i%3Dj%2Fk%0D%0A',
    );
    expect(target('https://a.b?x={1}', '\xc3\xa9')).toBe('/?x=%C3%A9');
    expect(target('https://a.b/k/{key}')).toBe('/k/key');
    expect(target('https://a.b//x/')).toBe('//x/');
  });

  it.each([
    ['/users/{1}', '.'],
    ['/users/{1}', '..'],
    ['/users/{1}/x', '..'],
    ['/users/.{1}', '.'],
    ['/users/{1}', '..;x'],
    ['/users/{1}', 'a/../b'],
    ['/users/{1}', 'a/b'],
    ['/users/{1}', 'a\\b'],
    ['/users/{1}', 'a\x00'],
    ['/users/{1}', 'a\r\nb'],
    ['/users/{1}', ''],
    ['/users/{1}/x', ''],
    ['/users/{1}', 'a'.repeat(9_000)],
  ])('refuses the key that would make of %s something with %j', (path, value) => {
    expect(() => target(`https://a.b${path}`, value)).toThrowError(refused);
  });

  it.each([
    ['/users/v{1}', ''],
    ['/users/{1}', '...'],
    ['/users/{1}', '.a'],
    ['/users/{1}', '%2e%2e'],
    ['/users?x={1}', '../..'],
    ['/users?x={1}', ''],
  ])('takes into %s what leaves its structure alone: %j', (path, value) => {
    expect(target(`https://a.b${path}`, value)).toContain('/users');
  });

  it('keeps every capture in the segment and parameter it was put in', () => {
    const bytes = fc.array(fc.integer({ min: 0, max: 255 })).map((codes) => String.fromCharCode(...codes));
    fc.assert(
      fc.property(bytes, bytes, (one, two) => {
        let sent: string;
        try {
          sent = target('https://a.b/users/{1}/x?y={2}&z', one, two);
        } catch (error) {
          if (isSluiceError(error, 'INVALID_ARGUMENT')) return;
          throw error;
        }
        // As those read it that normalise, and as those that take it as it is.
        const url = new URL(`https://a.b${sent}`);
        expect(url.pathname + url.search).toBe(sent);
        const [path = '', query = ''] = sent.split('?');
        expect(path.split('/').map(percentDecode)).toEqual(['', 'users', one, 'x']);
        expect(query.split('&').map(percentDecode)).toEqual([`y=${two}`, 'z']);
      }),
    );
  });
});
