import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from './load.ts';
import type { SluiceConfig } from './schema.ts';

const context = { cwd: '/srv', memoryBytes: 1024 ** 3 };
const url = 'https://api.example.com/users/{1}';

function parse(text: string, env: Record<string, string> = {}): SluiceConfig {
  return parseConfig(text, { ...context, env }).value;
}

function refused(text: string, env: Record<string, string> = {}): string {
  try {
    parse(text, env);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

/** One keyspace, in the flow form of YAML. */
const one = (match: string, origin: string, rest = ''): string =>
  `keyspaces: [{ match: ${JSON.stringify(match)}, origin: { ${origin} }, ttl: 1m${rest} }]`;
const http = `http: "${url}"`;
const two = (first: string, second: string): string =>
  `keyspaces:\n  - { match: "${first}", origin: { http: "https://x.example/{key}" }, ttl: 1m }\n` +
  `  - { match: "${second}", origin: { http: "https://x.example/{key}" }, ttl: 1m }\n`;

describe('keyspaces', () => {
  it('have defaults for all but the keys and the origin', () => {
    expect(parse(one('user:*', http)).keyspaces).toEqual([
      {
        match: 'user:*',
        mode: 'read',
        origin: {
          http: url,
          method: 'GET',
          headers: {},
          accept: [200],
          absent: [404, 410],
          cacheControl: false,
          retries: 1,
          concurrency: 32,
          queue: 1000,
        },
        ttl: 60_000,
        grace: 0,
        refreshAhead: 0,
        negativeTtl: 10_000,
        errorTtl: 1000,
        maxValueBytes: 1024 * 1024,
        timeout: 5000,
      },
    ]);
    expect(parse('').keyspaces).toEqual([]);
  });

  it('take everything that can be said of an origin', () => {
    const origin = `http: "https://x.example/v1/{name}?q={key}", method: POST, body: '{{"id":"{name}"}}', headers: { X-Key: "\${KEY}" },
      pointer: "/data/first name", accept: [200, 203], absent: [], cacheControl: true, retries: 0, concurrency: 2, rate: 10/1s, queue: 5`;
    const config = parse(one('user:{name}', origin, ', grace: 10m, refreshAhead: 5s'), { KEY: 'k' });
    expect(config.keyspaces[0]).toMatchObject({
      origin: {
        headers: { 'X-Key': 'k' },
        pointer: '/data/first name',
        accept: [200, 203],
        absent: [],
        rate: { count: 10, per: 1000 },
      },
      grace: 600_000,
      refreshAhead: 5000,
    });
  });

  it.each([
    ['a pattern', one('user:?', http), 'keyspaces[0].match: ? has no meaning in a pattern of keys; write \\?'],
    [
      'an unknown capture',
      one('user:*', 'http: "https://x.example/{id}"'),
      'there is no capture {id}; there are {1}, {key}',
    ],
    ['neither http nor sql', one('a', ''), 'keyspaces[0].origin: expected an origin with either http (a URL) or sql'],
    ['both', one('a', `${http}, sql: select 1, connection: c`), 'either http (a URL) or sql'],
    ['another scheme', one('user:*', 'http: "ftp://x.example/{1}"'), 'does not begin with http:// or https://'],
    ['credentials in a URL', one('user:*', 'http: "https://a:hidden@x.example/{1}"'), 'send them in a header'],
    ['a capture in the host', one('user:*', 'http: "https://{1}.example/"'), 'in its path and query only'],
    ['a capture in the scheme', one('user:*', 'http: "{1}://x.example/"'), 'does not begin with http:// or https://'],
    ['a capture behind the host', one('user:*', 'http: "https://x.example{1}"'), 'in its path and query only'],
    ['a capture for a port', one('user:*', 'http: "https://x.example:{1}/"'), 'in its path and query only'],
    [
      'a backslash in the host',
      one('user:*', "http: 'https://x.example\\@y.example/{1}'"),
      'the URL of an origin cannot be used',
    ],
    ['a segment of dots', one('user:*', 'http: "https://x.example/../{1}"'), 'segment of dots'],
    ['a body with GET', one('user:*', `${http}, body: x`), 'keyspaces[0].origin.body: a body needs method: POST'],
    [
      'a template of a body',
      one('user:*', `${http}, method: POST, body: "{x}"`),
      'origin.body: there is no capture {x}',
    ],
    [
      'a header of the connection',
      one('user:*', `${http}, headers: { Content-Length: "1" }`),
      'origin.headers.Content-Length: ',
    ],
    ['no statuses', one('user:*', `${http}, accept: []`), 'origin.accept: expected one status at least'],
    [
      'a status of two meanings',
      one('user:*', `${http}, accept: [200, 404]`),
      'origin.absent: 404 is one of accept, too',
    ],
    ['a pointer', one('user:*', `${http}, pointer: data`), 'a JSON Pointer'],
    [
      'a number',
      one('user:*', `${http}, concurrency: 0`),
      'origin.concurrency: expected a whole number from 1 to 10000',
    ],
    ['a method', one('user:*', `${http}, method: PUT`), 'origin.method: expected one of GET, POST'],
    ['a rate', one('user:*', `${http}, rate: fast`), 'origin.rate: expected a rate such as'],
    ['refreshAhead', one('user:*', http, ', refreshAhead: 1m'), 'keyspaces[0].refreshAhead: expected less than ttl'],
    ['an unknown setting', one('user:*', http, ', tttl: 1m'), 'keyspaces[0].tttl: unknown setting; did you mean ttl?'],
  ])('refuses %s', (_, text, message) => {
    expect(refused(text)).toContain(message);
  });

  it('names the line', () => {
    const text = `keyspaces:\n  - match: "user:*"\n    ttl: 1m\n    origin:\n      http: "https://x.example/{id}"\n`;
    expect(refused(text)).toMatch(/^config:5:\d+: keyspaces\[0\]\.origin\.http: there is no capture \{id\}/);
  });

  it.each([
    ['user:*', '*:1', '"user:*" and "*:1" both match some keys, and neither is the narrower one'],
    ['user:*', 'user:*', '"user:*" names the same keys as "user:*"'],
    ['geo:{lat}:{lon}', 'geo:{a}:{b}', 'names the same keys'],
  ])('refuses %s with %s', (first, second, message) => {
    const text = refused(two(first, second));
    expect(text).toMatch(/^config:3:\d+: keyspaces\[1\]\.match: /);
    expect(text).toContain(message);
  });

  it.each([
    ['user:*', 'user:admin:*'],
    ['*', 'geo:{lat}:{lon}'],
    ['a:*', 'b:*'],
  ])('accepts %s with %s', (first, second) => {
    expect(parse(two(first, second)).keyspaces).toHaveLength(2);
    expect(parse(two(second, first)).keyspaces).toHaveLength(2);
  });

  it('may not say two things of one API', () => {
    const text = (limits: string, host = 'X.example:443'): string =>
      `keyspaces: [{ match: "a:*", origin: { http: "https://x.example/{1}", rate: 10/1s } }, ` +
      `{ match: "b:*", origin: { http: "https://${host}/v2/{1}"${limits} } }]`;
    const message =
      'keyspaces[1].origin: concurrency, rate and queue hold for all of https://x.example; keyspaces[0] says';
    for (const limits of ['', ', rate: 20/1s', ', rate: 10/1s, concurrency: 2', ', rate: 10/1s, queue: 2'])
      expect(refused(text(limits))).toContain(message);
    expect(parse(text(', rate: 10/1s')).keyspaces).toHaveLength(2);
    expect(parse(text(', rate: 20/1s', 'y.example')).keyspaces).toHaveLength(2);
  });

  it('are 1000 at most, and as many are quickly read', () => {
    const list = (count: number): string =>
      `keyspaces: ${JSON.stringify(
        Array.from({ length: count }, (_, i) => ({ match: `k${i}:*`, origin: { http: 'https://x.example/{1}' } })),
      )}`;
    expect(parse(list(1000)).keyspaces).toHaveLength(1000);
    expect(refused(list(1001))).toContain('expected 1000 keyspaces at most');
  });

  it('keep what they are told of secrets to themselves', () => {
    const env = { SECRET: 'hunter2\u0001', TOKEN: 'hunter2' };
    for (const text of [
      one('user:*', `${http}, headers: { Authorization: "Bearer \${SECRET}" }`),
      one('user:*', `http: "https://x:\${TOKEN}@x.example/{1}"`),
      one('user:*', `http: "https://x.example/{1}?k=\${SECRET}"`),
      one('user:*', `http: "\${TOKEN}", sql: "\${TOKEN}"`),
      one('user:*', `http: ["\${TOKEN}"]`),
      one('user:*', `${http}, headers: "\${TOKEN}"`),
      one('user:*', `${http}, headers: { Authorization: ["\${TOKEN}"] }`),
      one('user:*', `${http}, method: POST, body: "\${TOKEN}{"`),
      one('user:*', `sql: "select '\${TOKEN}", connection: none`),
    ])
      expect(refused(text, env)).not.toContain('hunter2');
  });

  it('are never a reason to fail in another way', () => {
    const text = fc.string({
      unit: fc.constantFrom('{', '}', '*', '\\', ':', '/', '?', '1', 'x', '.', '@', '#', '\0', 'é'),
    });
    fc.assert(
      fc.property(text, text, (match, rest) => {
        const input = { keyspaces: [{ match, origin: { http: `http://h/${rest}` }, ttl: '1s' }] };
        try {
          parseConfig(input, context);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('keyspaces of databases', () => {
  const withFleet = (origin: string, connections = '{ fleet: "postgres://localhost/fleet" }'): string =>
    `connections: ${connections}\n${one('user:{id}', origin)}`;

  it('name a query and its connection', () => {
    const config = parse(withFleet('sql: "select * from users where id = {id}", connection: fleet, column: body'));
    expect(config.keyspaces[0]?.origin).toMatchObject({ connection: 'fleet', column: 'body' });
  });

  it.each([
    ['no connection', withFleet('sql: select 1'), 'a query needs the connection it goes to'],
    [
      'another connection',
      withFleet('sql: select 1, connection: flet'),
      'there is no connection "flet"; did you mean fleet?',
    ],
    [
      'one that is like none',
      withFleet('sql: select 1, connection: orders'),
      'there is no connection "orders"; there is fleet',
    ],
    [
      'one of what all objects have',
      withFleet('sql: select 1, connection: toString'),
      'there is no connection "toString"',
    ],
    ['none to be had', one('a', 'sql: select 1, connection: orders'), 'configure it under connections'],
    [
      'an unknown capture',
      withFleet('sql: "select {1}", connection: fleet'),
      'keyspaces[0].origin.sql: {1} is captured by nothing',
    ],
    ['a capture in quotes', withFleet(`sql: "select '{id}'", connection: fleet`), 'becomes a parameter'],
    [
      'a header',
      withFleet('sql: select 1, connection: fleet, headers: { a: b }'),
      'headers belongs to an origin of http',
    ],
    ['a rate', withFleet('sql: select 1, connection: fleet, rate: 1/1s'), 'rate belongs to an origin of http'],
    [
      'a connection with http',
      withFleet(`http: "https://x.example/", connection: fleet`),
      'belongs to an origin of sql',
    ],
  ])('refuses %s', (_, text, message) => {
    expect(refused(text)).toContain(message);
  });

  it('read the query as its database does', () => {
    const query = 'sql: "select $1, {id}", connection: fleet';
    expect(refused(withFleet(query))).toContain('would be a parameter');
    expect(parse(withFleet(query, '{ fleet: "mysql://localhost/fleet" }')).keyspaces).toHaveLength(1);
  });
});
