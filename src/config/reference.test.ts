import { describe, expect, it } from 'vitest';
import { configJsonSchema } from './json-schema.ts';
import { parseConfig } from './load.ts';
import { configReference, defaultsAsYaml } from './reference.ts';
import { listSettings } from './settings.ts';

const context = { cwd: '/srv', memoryBytes: 2 ** 32, listeners: 'default' } as const;

describe('listSettings', () => {
  it('gives every setting one name, one environment name and a description', () => {
    const settings = listSettings();
    const names = settings.map(({ name }) => name);
    const variables = settings.map(({ environment }) => environment);
    expect(new Set(names).size).toBe(settings.length);
    expect(new Set(variables).size).toBe(settings.length);
    expect(names).toEqual(
      expect.arrayContaining(['store', 'http', 'http.tls.cert', 'limits.maxConnections', 'log.level']),
    );
    expect(variables).toEqual(
      expect.arrayContaining([
        'SLUICE_HTTP',
        'SLUICE_STORE',
        'SLUICE_LIMITS_MAX_CONNECTIONS',
        'SLUICE_HTTP_TLS_REQUEST_CLIENT_CERT',
      ]),
    );
    for (const { description } of settings) expect(description).toMatch(/[.)]$/);
  });
});

describe('defaultsAsYaml', () => {
  it('is a configuration that means the same as none', () => {
    expect(parseConfig(defaultsAsYaml(), context).value).toEqual(parseConfig({}, context).value);
  });
});

describe('configReference', () => {
  it('names every setting with its default and its environment name', () => {
    const page = configReference();
    for (const { name, environment } of listSettings()) {
      expect(page).toContain(`### \`${name}\``);
      expect(page).toContain(`\`${environment}\``);
    }
    expect(page).not.toContain('undefined');
  });
});

describe('configJsonSchema', () => {
  it('knows every key, its default and the short form of listeners', () => {
    const schema = configJsonSchema() as {
      properties: Record<string, { default?: unknown; anyOf?: unknown }>;
      additionalProperties: unknown;
    };
    expect(schema.additionalProperties).toBe(false);
    expect(Object.keys(schema.properties)).toEqual([...new Set(listSettings().map(({ path }) => path[0]))]);
    expect(schema.properties['durability']).toMatchObject({ enum: ['memory', 'commit', 'fsync'], default: 'commit' });
    expect(schema.properties['http']).toMatchObject({
      default: '127.0.0.1:8080',
      anyOf: [{ type: 'string' }, { type: 'object' }],
    });
    expect(schema.properties['shutdownTimeout']).toMatchObject({ type: 'string', default: '10s' });
  });
});
