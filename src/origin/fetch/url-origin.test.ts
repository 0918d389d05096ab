import { describe, expect, it } from 'vitest';
import { addressGuard } from '../../client/http/address-guard.ts';
import { isSluiceError, SluiceError } from '../../errors.ts';
import type { OriginAnswer, Validators } from '../origin.ts';
import { AllowList } from './allow-list.ts';
import { FetchRules } from './fetch-rules.ts';
import { UrlOrigin, type UrlResponse } from './url-origin.ts';

type Scripted = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** An origin over a client that answers by a table of URLs, and what was asked of it. */
function scripted(
  answers: Readonly<Record<string, Scripted | Error>>,
  allow: readonly string[] = [
    'https://api.example.com/*',
    'http://api.example.com/*',
    'https://b.example/*',
    'http://127.0.0.1/*',
    'http://localhost/*',
    'http://[::1]/*',
  ],
): {
  fetch: (url: string, validators?: Validators) => Promise<OriginAnswer>;
  asked: { url: string; headers: object }[];
} {
  const asked: { url: string; headers: object }[] = [];
  const client = {
    async get({ url }: { url: string }, headers: object): Promise<UrlResponse> {
      asked.push({ url, headers });
      const answer = answers[url];
      if (answer === undefined) throw new SluiceError('ORIGIN_FAILED', `nothing at ${url}`);
      if (answer instanceof Error) throw answer;
      return { status: answer.status, header: (name) => answer.headers?.[name] ?? '', body: answer.body ?? '' };
    },
    close: () => Promise.resolve(),
  };
  const origin = new UrlOrigin({
    client,
    rules: new FetchRules(new AllowList(allow), addressGuard()),
    maxRedirects: 3,
  });
  const fetch = (url: string, validators?: Validators): Promise<OriginAnswer> =>
    origin.fetch({ key: 'k', captures: new Map([['url', url]]), validators, signal: new AbortController().signal });
  return { fetch, asked };
}

const redirect = (location: string): Scripted => ({ status: 302, headers: { location } });
const code = (expected: string) => expect.toSatisfy((error) => isSluiceError(error) && error.code === expected);
const A = 'https://api.example.com/a';

describe('an origin of URLs', () => {
  it('gives the value with its media type and validators', async () => {
    const { fetch, asked } = scripted({
      [A]: { status: 200, headers: { 'content-type': 'text/x', etag: '"1"', 'last-modified': 'then' }, body: 'v' },
    });
    expect(await fetch(A)).toEqual({
      kind: 'value',
      value: 'v',
      contentType: 'text/x',
      validators: { etag: '"1"', lastModified: 'then' },
      freshFor: undefined,
    });
    expect(asked).toEqual([
      { url: A, headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'sluice' } },
    ]);
  });

  it('asks whether a kept value is still true', async () => {
    const { fetch, asked } = scripted({ [A]: { status: 304 } });
    expect(await fetch(A, { etag: '"1"', lastModified: 'then' })).toEqual({ kind: 'unchanged', freshFor: undefined });
    expect(asked[0]?.headers).toMatchObject({ 'if-none-match': '"1"', 'if-modified-since': 'then' });
    await expect(fetch(A)).rejects.toThrowError(code('ORIGIN_FAILED'));
  });

  it.each([404, 410])('takes %i for none', async (status) => {
    expect(await scripted({ [A]: { status } }).fetch(A)).toEqual({ kind: 'absent', freshFor: undefined });
  });

  it.each([201, 206, 300, 400, 401, 403, 429, 500, 503])('takes %i for a failure', async (status) => {
    await expect(scripted({ [A]: { status } }).fetch(A)).rejects.toThrowError(code('ORIGIN_FAILED'));
  });

  it('follows redirects within the allow list, three at most', async () => {
    const hops = {
      [A]: redirect('/b#x'),
      'https://api.example.com/b': redirect('https://b.example/c?d=1'),
      'https://b.example/c?d=1': redirect('e/../f'),
      'https://b.example/f': { status: 200, body: 'end' },
    };
    const { fetch, asked } = scripted(hops);
    expect(await fetch(A)).toMatchObject({ kind: 'value', value: 'end' });
    expect(asked.map(({ url }) => url)).toEqual(Object.keys(hops));

    const longer = scripted({ ...hops, 'https://b.example/f': redirect(A) });
    await expect(longer.fetch(A)).rejects.toThrowError(code('ORIGIN_FAILED'));
    expect(longer.asked).toHaveLength(4);
  });

  it.each([
    'http://api.example.com/b',
    'http://127.0.0.1/',
    'http://127.1/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data/',
    'https://evil.example/',
    'https://api.example.com.evil.example/',
    'https://user:secret@api.example.com/b',
    'https://api.example.com:8443/b',
    '//evil.example/b',
    '\\\\evil.example\\b',
    'file:///etc/passwd',
    'gopher://api.example.com/',
    'javascript:alert(1)',
    'https://',
    '/a%2f..%2fb',
    '/%00',
  ])('does not follow a redirect to %s', async (location) => {
    const { fetch, asked } = scripted({ [A]: redirect(location) });
    await expect(fetch(A)).rejects.toThrowError(code('ORIGIN_FAILED'));
    expect(asked).toHaveLength(1);
  });

  it('takes an address refused behind a redirect for a failure of the origin, the first for a mistake of the caller', async () => {
    const refused = new SluiceError('FORBIDDEN', 'the address');
    const behind = scripted({ [A]: redirect('/b'), 'https://api.example.com/b': refused });
    await expect(behind.fetch(A)).rejects.toThrowError(code('ORIGIN_FAILED'));
    await expect(scripted({ [A]: refused }).fetch(A)).rejects.toThrowError(code('FORBIDDEN'));
  });

  it.each([
    'https://evil.example/',
    'http://127.0.0.1/',
    'http://localhost/',
    'http://[::1]/',
    'http://169.254.169.254/',
    'http://[::ffff:7f00:1]/',
  ])('refuses %s before anything is sent', async (url) => {
    const { fetch, asked } = scripted({ [url]: { status: 200 } });
    await expect(fetch(url)).rejects.toThrowError(code('FORBIDDEN'));
    expect(asked).toEqual([]);
  });

  it('takes no field over that cannot be one of an answer', async () => {
    const headers = { 'content-type': 'text/html\r\nSet-Cookie: a=1', etag: '"\u20ac"', 'last-modified': 'a\0b' };
    const answer = await scripted({ [A]: { status: 200, headers } }).fetch(A);
    expect(answer).toMatchObject({ contentType: '', validators: { etag: '', lastModified: '' } });
  });

  it('names no query in its errors', async () => {
    const url = `${A}?token=secret`;
    await expect(scripted({ [url]: { status: 500 } }).fetch(url)).rejects.not.toThrowError(/secret/);
  });
});
