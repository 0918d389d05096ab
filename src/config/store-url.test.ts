import { describe, expect, it } from 'vitest';
import { parseStore, storeName } from './store-url.ts';

const one = (host: string, port: number) => ({
  kind: 'standalone',
  tls: false,
  endpoints: [{ host, port }],
  database: 0,
});

describe('parseStore', () => {
  it.each([
    ['localhost', one('localhost', 6379)],
    ['redis.example.com:6380', one('redis.example.com', 6380)],
    ['10.0.0.1:1', one('10.0.0.1', 1)],
    ['[::1]:7000', one('::1', 7000)],
    ['redis://h', one('h', 6379)],
    ['REDISS://h', { ...one('h', 6379), tls: true }],
    ['redis.default.svc.cluster.local.:1', one('redis.default.svc.cluster.local.', 1)],
    ['redis://:a/b:c@h', { ...one('h', 6379), password: 'a/b:c' }],
    ['redis://h:1/3', { ...one('h', 1), database: 3 }],
    ['rediss://:p%40ss@h', { ...one('h', 6379), tls: true, password: 'p@ss' }],
    ['redis://us%3Aer:a:b@h', { ...one('h', 6379), username: 'us:er', password: 'a:b' }],
    [
      'redis+sentinel://u:p@a,b:1,[::1]/my%20primary/2',
      {
        kind: 'sentinel',
        tls: false,
        endpoints: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 1 },
          { host: '::1', port: 26_379 },
        ],
        primaryName: 'my primary',
        username: 'u',
        password: 'p',
        database: 2,
      },
    ],
    [
      'rediss+cluster://a,b,a:6379',
      {
        kind: 'cluster',
        tls: true,
        endpoints: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 6379 },
        ],
        database: 0,
      },
    ],
    ['embedded', 'embedded'],
    ['memory', 'memory'],
  ])('reads %s', (text, meant) => {
    expect(parseStore(text)).toEqual(meant);
  });

  it.each([
    ['mysql://x', 'the scheme mysql:// is unknown'],
    ['constructor://x', 'the scheme constructor:// is unknown'],
    ['redis-sentinel://:secret@a/m', 'the scheme redis-sentinel:// is unknown'],
    ['redis://:a#b@h', '? # and white space in name and password are written in percent-encoding (%3F %23 %20)'],
    ['redis://h..', 'a host is neither a name nor an address'],
    ['redis://', 'the host is missing'],
    ['redis://u:p@', 'a host is missing or not of the form HOST or HOST:PORT'],
    ['redis://h:0', 'a port is not a number from 1 to 65535'],
    ['redis://h:70000', 'a port is not a number from 1 to 65535'],
    ['redis://300.1.1.1', 'a host is neither a name nor an address'],
    ['redis://[zz]:1', 'a host is neither a name nor an address'],
    ['redis://h/x', 'the database is a number from 0 to 65535'],
    ['redis://h/1/2', 'there is too much after the host'],
    ['redis://h?a=b', 'a query, a fragment or white space may not stand in it'],
    ['redis://a,b', 'several hosts need redis+sentinel:// or redis+cluster://'],
    ['redis+sentinel://a', 'the name of the primary is missing: redis+sentinel://HOST,…/PRIMARY-NAME'],
    ['redis+cluster://a/1', 'a cluster has only the database 0'],
    ['redis://user@h', 'the password is missing: USER:PASSWORD@ or :PASSWORD@'],
    ['redis://u:%zz@h', 'a % in name or password is not followed by two hexadecimal digits'],
    ['embeded', 'no such store'],
    ['', 'the host is missing'],
  ])('refuses %j', (text, problem) => {
    expect(parseStore(text)).toEqual({ problem });
  });

  it('shows no password', () => {
    for (const text of ['redis://u:secret@h:1/2', 'rediss+sentinel://:secret@a,b/m', 'redis+cluster://h']) {
      const store = parseStore(text);
      if (typeof store !== 'string' && 'problem' in store) throw new Error(store.problem);
      expect(storeName(store)).not.toContain('secret');
    }
    expect(storeName(parseStore('redis://u:secret@h:1/2') as never)).toBe('redis://***@h:1/2');
  });
});
