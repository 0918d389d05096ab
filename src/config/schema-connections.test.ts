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
      fleet: { url: 'postgres://localhost/fleet', maxConnections: 10, connectTimeout: 5000 },
      orders: { url: 'mysql://app:p@db/orders', maxConnections: 3, connectTimeout: 1000 },
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
      'connections.a.size: unknown setting; here may stand url, maxConnections, connectTimeout',
    ],
  ])('refuses %s', (entry, message) => {
    expect(refused(`connections: { ${entry} }`)).toContain(message);
  });

  it('keep passwords to themselves', () => {
    for (const url of ['postgres://a:${P}@h:x/d', 'pg://a:${P}@h/d', 'postgres://a:${P}@h/d?x=1', 'a:${P}@h', '${P}'])
      for (const form of [`"${url}"`, `{ url: "${url}" }`, `{ url: "${url}", size: 1 }`, `["${url}"]`])
        expect(refused(`connections: { fleet: ${form} }`, { P: 'hunter2' })).not.toContain('hunter2');
  });
});
