import { describe, expect, it } from 'vitest';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { isSluiceError, type SluiceError } from '../errors.ts';
import { withLongFlags } from './long-flags.ts';
import { buildProgram } from './program.ts';
import { givenSettings } from './setting-flags.ts';

/** The configuration that a command line of `start` comes to, with neither file nor environment. */
async function configOf(commandLine: string): Promise<LoadedConfig> {
  const program = buildProgram({ version: '0', onStatus: () => undefined });
  let options: Readonly<Record<string, unknown>> | undefined;
  program.commands[0]?.action((given: Readonly<Record<string, unknown>>) => {
    options = given;
  });
  await program.parseAsync(withLongFlags(commandLine.split(' ')), { from: 'user' });
  if (options === undefined) throw new Error(`${commandLine} is not one of start`);
  return await loadConfig({
    cwd: '/srv',
    memoryBytes: 1024 ** 3,
    env: {},
    readFile: async () => {
      throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    },
    flags: givenSettings(options),
  });
}

async function refusal(commandLine: string): Promise<SluiceError> {
  const error: unknown = await configOf(commandLine).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isSluiceError(error)) throw new Error(`not refused with a SluiceError: ${String(error)}`);
  return error;
}

const server = { kind: 'standalone', endpoints: [{ host: 'redis.example.com', port: 6379 }], database: 0, tls: false };

describe('the command lines of a caching proxy', () => {
  it.each([
    '-redis redis.example.com:6379 -http localhost:8080 -expire 2m -capacity 1000 -redis-ops-limit 64',
    'start --redis redis.example.com:6379 --http localhost:8080 --expire 2m --capacity 1000 --redis-ops-limit 64',
    '-http=localhost:8080 -redis-ops-limit=64 -capacity=1000 -expire=2m -redis=redis.example.com:6379',
  ])('%s', async (commandLine) => {
    const { value, warnings } = await configOf(commandLine);
    expect(warnings).toEqual([]);
    expect(value).toMatchObject({
      store: server,
      http: { address: { host: 'localhost', port: 8080 } },
      cache: { idle: 120_000, ttl: 0, maxEntries: 1000 },
      upstream: { opsInFlight: 64 },
    });
  });

  it('refuse all interfaces without users, and say what to do', async () => {
    const error = await refusal('-redis redis.example.com:6379 -http :8080');
    expect(error.code).toBe('INSECURE_ADDRESS');
    expect(error.message).toMatch(
      /^--http: :8080 can be reached .* configure users, or bind 127\.0\.0\.1, or .*--insecure/,
    );
    const { value } = await configOf('-redis redis.example.com:6379 -http :8080 --insecure');
    expect(value.http?.address).toEqual({ host: '', port: 8080 });
  });

  it('limit the cache of a server and nothing else', async () => {
    const { warnings } = await configOf('-expire 2m -capacity 1000');
    expect(warnings.map(({ path, message }) => `${path} ${message}`)).toEqual([
      'cache.maxEntries has no effect: the store is embedded, in this process',
      'cache.idle has no effect: the store is embedded, in this process',
    ]);
  });

  it.each([
    ['-redis cache', { ...server, endpoints: [{ host: 'cache', port: 6379 }] }],
    ['-redis redis.example.com', server],
    ['-redis [::1]:7000', { ...server, endpoints: [{ host: '::1', port: 7000 }] }],
    ['-redis rediss://redis.example.com/3', { ...server, database: 3, tls: true }],
    ['-redis redis+sentinel://redis.example.com:6379/main', { ...server, kind: 'sentinel', primaryName: 'main' }],
    ['--store redis.example.com:6379', server],
  ])('take a server from %s', async (commandLine, store) => {
    expect((await configOf(`start ${commandLine}`)).value.store).toEqual(store);
  });

  it.each([
    ['-redis a:1 -capacity many', '--capacity: expected a whole number'],
    ['-redis a:1 -capacity 0', '--capacity: expected a whole number from 1 to'],
    ['-redis a:1 -expire 5', '--expire: expected a duration with its unit'],
    ['-redis a:1 -redis-ops-limit -1', '--redis-ops-limit: expected a whole number from 1 to'],
    ['-redis a:b', '--redis: a host is missing or not of the form HOST or HOST:PORT'],
    ['-redis a:1 --store memory', '--store and --redis say the same; give one of them'],
    ['start --store cache', '--store: no such store; expected'],
  ])('%s is refused by name', async (commandLine, message) => {
    expect((await refusal(commandLine)).message).toContain(message);
  });
});
