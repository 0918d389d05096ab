import { describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from './load.ts';

const context = { cwd: '/srv', memoryBytes: 1024 ** 3 };

function refused(text: string, env: Record<string, string> = {}): string {
  try {
    parseConfig(text, { ...context, env });
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('connections', () => {
  it('are URLs by name, or say more', () => {
    const text = `connections:
      fleet: postgres://localhost/fleet
      orders: { url: "mysql://app:\${PASSWORD}@db/orders", maxConnections: 3, connectTimeout: 1s }`;
    expect(parseConfig(text, { ...context, env: { PASSWORD: 'p' } }).value.connections).toEqual({
      fleet: { kind: 'database', url: 'postgres://localhost/fleet', maxConnections: 10, connectTimeout: 5000 },
      orders: { kind: 'database', url: 'mysql://app:p@db/orders', maxConnections: 3, connectTimeout: 1000 },
    });
  });

  it('are APIs, files and nothing at all, for rows that are only written', () => {
    const text = `connections:
      api: https://api.example.com/rows?v=2
      full:
        url: http://api.example.com
        method: PUT
        headers: { Authorization: "Bearer \${TOKEN}" }
        addresses: [10.0.0.0/8]
        concurrency: 2
        rate: 10/1s
        queue: 5
      log: jsonl:./a.jsonl
      log2: { url: "jsonl:///var/b.jsonl" }
      none: "discard:"`;
    expect(parseConfig(text, { ...context, env: { TOKEN: 't' } }).value.connections).toEqual({
      api: {
        kind: 'http',
        url: 'https://api.example.com/rows?v=2',
        connectTimeout: 5000,
        method: 'POST',
        headers: {},
        addresses: undefined,
        concurrency: 32,
        rate: undefined,
        queue: 1000,
      },
      full: {
        kind: 'http',
        url: 'http://api.example.com',
        connectTimeout: 5000,
        method: 'PUT',
        headers: { Authorization: 'Bearer t' },
        addresses: ['10.0.0.0/8'],
        concurrency: 2,
        rate: { count: 10, per: 1000 },
        queue: 5,
      },
      log: { kind: 'jsonl', url: 'jsonl:/srv/a.jsonl', file: '/srv/a.jsonl' },
      log2: { kind: 'jsonl', url: 'jsonl:/var/b.jsonl', file: '/var/b.jsonl' },
      none: { kind: 'discard', url: 'discard:' },
    });
  });

  it('have files relative to the configuration file, or to the working directory', async () => {
    const input = { connections: { here: 'sqlite:./a.db', there: { url: 'sqlite:///var/b.db' } } };
    expect(parseConfig(input, context).value.connections).toMatchObject({
      here: { url: 'sqlite:/srv/a.db' },
      there: { url: 'sqlite:/var/b.db' },
    });
    const text = 'connections: { here: "sqlite:../a.db" }';
    const { value } = await loadConfig({
      ...context,
      env: {},
      file: 'etc/x/sluice.yaml',
      readFile: async (path) => {
        if (path === '/srv/etc/x/sluice.yaml') return text;
        throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      },
    });
    expect(value.connections).toMatchObject({ here: { url: 'sqlite:/srv/etc/a.db' } });
  });

  it.each([
    ['a: oracle://x/y', 'the scheme oracle: is unknown; expected postgres://'],
    ['a: postgres:///x', 'the host is missing'],
    ['a: "sqlite::memory:"', 'name a file'],
    ['a: "https://u:p@h/"', 'it has a user name or password; send them in headers'],
    ['a: "https://h/#x"', 'it has a fragment'],
    ['a: "https://"', 'it is no URL like'],
    ['a: "jsonl:"', 'the file is missing'],
    ['a: "file:./x.jsonl"', 'is written jsonl:FILE'],
    ['a: "discard:x"', 'nothing follows discard:'],
    ['a: { url: "jsonl:x", method: PUT }', 'connections.a.method: method says nothing to a file of JSON lines'],
    [
      'a: { url: "sqlite:x", addresses: [10.0.0.0/8] }',
      'connections.a.addresses: addresses says nothing to a database',
    ],
    ['a: { url: "https://h/", maxConnections: 5 }', 'maxConnections says nothing to an HTTP API'],
    ['a: { url: "https://h/", addresses: [x] }', 'a range of addresses such as 10.0.0.0/8'],
    ['a: { url: "https://h/", rate: x }', 'connections.a: rate: expected'],
    ['a: { url: "https://h/", headers: { Idempotency-Key: x } }', 'the id of the batch'],
    ['a: { url: "https://h/", headers: { host name: x } }', 'not the name of a header'],
    ['a: { url: "https://h/", headers: { content-length: "1" } }', 'belongs to the connection'],
    ['a: { url: "oracle://x/y" }', 'connections.a: url: the scheme oracle: is unknown'],
    ['a: { maxConnections: 5 }', 'connections.a: url: expected postgres://'],
    ['a: 5', 'connections.a: expected postgres://'],
    ['1a: postgres://h/d', 'expected a name of letters, digits, - and _'],
    [
      'a: { url: "postgres://h/d", maxConnections: 0 }',
      'connections.a.maxConnections: expected a whole number from 1 to 1000',
    ],
    [
      'a: { url: "postgres://h/d", size: 1 }',
      'connections.a.size: unknown setting; here may stand url, maxConnections, connectTimeout, method, headers, addresses, concurrency, rate, queue',
    ],
  ])('refuses %s', (entry, message) => {
    expect(refused(`connections: { ${entry} }`)).toContain(message);
  });

  it('keep passwords to themselves', () => {
    for (const url of [
      'postgres://a:${P}@h:x/d',
      'pg://a:${P}@h/d',
      'postgres://a:${P}@h/d?x=1',
      'a:${P}@h',
      '${P}',
      'http://a:${P}@h/',
      'discard:${P}',
    ])
      for (const form of [`"${url}"`, `{ url: "${url}" }`, `{ url: "${url}", size: 1 }`, `["${url}"]`])
        expect(refused(`connections: { fleet: ${form} }`, { P: 'hunter2' })).not.toContain('hunter2');
  });
});
