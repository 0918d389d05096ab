import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../errors.ts';
import { identityOf } from './fetch-identity.ts';
import { parseParameters, parseTarget, targetOf } from './fetch-target.ts';

const invalid = (error: unknown): boolean => isSluiceError(error, 'INVALID_ARGUMENT');

describe('the target of a fetch', () => {
  it.each([
    'file:///etc/passwd',
    'gopher://example.com/_x',
    'ftp://example.com/',
    'data:text/plain,x',
    'javascript:alert(1)',
    '//example.com/',
    '/path',
    '',
    'http:example.com',
    'http:/example.com',
    'http:///example.com',
    'http://',
    'http://?x',
    'HTTP://example.com/',
    ' http://example.com/',
    'http://example.com/ ',
    '\thttp://example.com/',
    'ht\ntp://example.com/',
    // Hosts: numbers in forms that programs read differently, and what hides another host
    'http://0x7f000001/',
    'http://127.1/',
    'http://127.0.1/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://0300.0250.1/',
    'http://0/',
    'http://[0:0:0:0:0:ffff:7f00:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[fe80::1%25eth0]/',
    'http://[::1/',
    'http://EXAMPLE.com/',
    'http://example.com./',
    'http://127.0.0.1./',
    'http://%65xample.com/',
    'http://example%2ecom/',
    'http://exam\u00adple.com/',
    'http://１２７.0.0.1/',
    'http://example。com/',
    'http://münchen.example/',
    'http://user@example.com/',
    'http://user:secret@example.com/',
    'http://example.com@evil.example/',
    'http://example.com:80@evil.example/',
    'http://example.com\\@evil.example/',
    'http://example.com#@evil.example/',
    'http://example.com\\evil/',
    'http://example.com:/',
    'http://example.com:80/',
    'https://example.com:443/',
    'http://example.com:99999/',
    'http://example.com:0/',
    'http://example.com:8 0/',
    'http://example.com:8a/',
    // Paths and queries
    'http://example.com/a/../b',
    'http://example.com/..',
    'http://example.com/./a',
    'http://example.com/a/..;/b',
    'http://example.com/.;x/b',
    'http://example.com/a/%2e%2e/b',
    'http://example.com/a/%2E./b',
    'http://example.com/a%2fb',
    'http://example.com/a%5Cb',
    'http://example.com/a%252fb',
    'http://example.com/a%25252e%25252e/b',
    'http://example.com/a%00',
    'http://example.com/a%0d%0aHost:evil',
    'http://example.com/a\\b',
    'http://example.com/a\r\nX: y',
    'http://example.com/a b',
    'http://example.com/a\u0000',
    'http://example.com/é',
    'http://example.com/%c0%ae%c0%ae/',
    'http://example.com/%zz',
    'http://example.com/%',
    'http://example.com/?a=%',
    'http://example.com/?a=\n',
    'http://example.com/?a={}',
    'http://example.com/#frag',
    'http://example.com/?x#frag',
    `http://example.com/${'a'.repeat(9000)}`,
  ])('refuses %j', (url) => {
    expect(() => parseTarget(url)).toThrowError(expect.toSatisfy(invalid));
  });

  it('says how the URL is written that was meant', () => {
    expect(() => parseTarget('http://127.1/')).toThrowError(/write it as http:\/\/127\.0\.0\.1\/$/);
    expect(() => parseTarget('http://0x7f000001/')).toThrowError(/write it as http:\/\/127\.0\.0\.1\/$/);
    expect(() => parseTarget('https://API.example.com/v1')).toThrowError(
      /write it as https:\/\/api\.example\.com\/v1$/,
    );
  });

  it.each([
    ['https://api.example.com/v1/users?page=2', 'https', 'api.example.com', 443, '/v1/users'],
    ['http://api.example.com:8080/a%20b/@me;v=1', 'http', 'api.example.com', 8080, '/a%20b/@me;v=1'],
    ['https://[2606:4700::1111]/', 'https', '[2606:4700::1111]', 443, '/'],
    ['https://xn--mnchen-3ya.example/%C3%A9...', 'https', 'xn--mnchen-3ya.example', 443, '/%C3%A9...'],
    ['https://example.com/?q=a@b&next=https://x/../y&line=%0D%0A', 'https', 'example.com', 443, '/'],
  ] as const)('takes %s apart', (url, scheme, host, port, path) => {
    expect(parseTarget(url)).toEqual({ url, scheme, host, port, path });
  });

  it('adds the path that the shortest URL lacks', () => {
    expect(parseTarget('https://example.com').url).toBe('https://example.com/');
    expect(parseTarget('https://example.com?a=1').url).toBe('https://example.com/?a=1');
  });

  it('never sends what a URL parser would read in another way', () => {
    const piece = fc.constantFrom(
      'http',
      's',
      '://',
      '/',
      '\\',
      '@',
      ':',
      '.',
      '..',
      '%2e',
      '%',
      '#',
      '?',
      '127',
      '1',
      '0x7f',
      'a',
      'A',
      '[',
      ']',
      '::',
      ';',
      '\t',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = `http://${pieces.join('')}`;
        let target: ReturnType<typeof parseTarget>;
        try {
          target = parseTarget(text);
        } catch (error) {
          expect(invalid(error)).toBe(true);
          return;
        }
        const seen = new URL(target.url);
        expect([seen.href, seen.hostname, seen.pathname]).toEqual([target.url, target.host, target.path]);
        expect([seen.username, seen.password, seen.hash]).toEqual(['', '', '']);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the parameters of a fetch', () => {
  it('become the end of the query, in the order of their names', () => {
    const url = (text: string, params: string): string => targetOf(text, parseParameters(params)).url;
    expect(url('https://a.example/x', '{"b":2,"a":"1 &=?é\'"}')).toBe('https://a.example/x?a=1+%26%3D%3F%C3%A9%27&b=2');
    expect(url('https://a.example/x?q=1', '{"b":true}')).toBe('https://a.example/x?q=1&b=true');
    expect(url('https://a.example', '{"b":""}')).toBe('https://a.example/?b=');
    expect(url('https://a.example/x?', '{"b":1}')).toBe('https://a.example/x?b=1');
    expect(url('https://a.example/x', '{}')).toBe('https://a.example/x');
    expect(url('https://a.example/x', '{"__proto__":"y"}')).toBe('https://a.example/x?__proto__=y');
  });

  it.each(['[]', '"x"', '1', 'null', '{"a":null}', '{"a":{}}', '{"a":[1]}', '{', 'a=1', '{"a":1e999}'])(
    'refuses %s',
    (text) => {
      expect(() => parseParameters(text)).toThrowError(expect.toSatisfy(invalid));
    },
  );

  it('refuses what makes the URL too long', () => {
    expect(() => targetOf('https://a.example/', { a: 'x'.repeat(9000) })).toThrowError(expect.toSatisfy(invalid));
  });

  it('make one identity whatever their order', () => {
    const identity = (text: string, params: string): string => identityOf(targetOf(text, parseParameters(params)));
    expect(identity('https://a.example/', '{"a":1,"b":2}')).toBe(identity('https://a.example/', '{"b":2,"a":1}'));
    expect(identity('https://a.example/', '{"a":1}')).not.toBe(identity('https://a.example/', '{"a":2}'));
    expect(identity('https://a.example/', '{"a":"1&b=2"}')).not.toBe(identity('https://a.example/', '{"a":1,"b":2}'));
    expect(identity('https://a.example/', '{}')).not.toBe(identity('http://a.example/', '{}'));
  });
});
