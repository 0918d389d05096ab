import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNodeUnderTest } from '../support/node-under-test.ts';
import { findProgram, howToInstall } from '../support/programs.ts';
import type { SluiceProcess } from '../support/sluice-process.ts';

const run = promisify(execFile);

const cli = findProgram('redis-cli');
const benchmark = findProgram('redis-benchmark');

let sluice: SluiceProcess;

beforeAll(async () => {
  sluice = await startNodeUnderTest();
});

afterAll(async () => {
  await sluice?.[Symbol.asyncDispose]();
});

describe.each([
  ['RESP2', []],
  ['RESP3', ['-3']],
] as const)('redis-cli over %s', (_, flags) => {
  /** What redis-cli prints for one command. */
  const ask = async (...argv: string[]): Promise<string> => {
    if (cli === undefined) throw new Error(howToInstall('redis-cli'));
    const { stdout } = await run(cli, ['-p', `${sluice.resp.port}`, ...flags, ...argv], { timeout: 10_000 });
    return stdout.replace(/\n$/, '');
  };
  const test3 = test.skipIf(cli === undefined);

  test3('sets, reads, counts', async () => {
    expect(await ask('SET', 'cli', 'hello world')).toBe('OK');
    expect(await ask('GET', 'cli')).toBe('hello world');
    expect(await ask('DEL', 'cli')).toBe('1');
    expect(await ask('GET', 'cli')).toBe('');
    expect(await ask('INCRBY', 'cli', 'abc')).toContain('ERR value is not an integer or out of range');
    expect(await ask('NOSUCH', 'x')).toContain("ERR unknown command 'NOSUCH', with args beginning with: 'x'");
    expect(await ask('PING')).toBe('PONG');
  });

  test3('prints replies of every type', async () => {
    await ask('DEL', 'l', 'h', 's', 'z');
    expect(await ask('RPUSH', 'l', 'a', 'b')).toBe('2');
    expect(await ask('LRANGE', 'l', '0', '-1')).toBe('a\nb');
    expect(await ask('--no-raw', 'LRANGE', 'l', '0', '-1')).toBe('1) "a"\n2) "b"');
    expect(await ask('HSET', 'h', 'f', '1')).toBe('1');
    const hash = flags.length === 0 ? '1) "f"\n2) "1"' : '1# "f" => "1"';
    expect(await ask('--no-raw', 'HGETALL', 'h')).toBe(hash);
    expect(await ask('ZADD', 'z', '1.5', 'm')).toBe('1');
    const score = flags.length === 0 ? '"1.5"' : '(double) 1.5';
    expect(await ask('--no-raw', 'ZSCORE', 'z', 'm')).toBe(score);
    expect(await ask('--no-raw', 'GET', 'nosuch')).toBe('(nil)');
    expect(await ask('INFO', 'server')).toContain('redis_version:');
  });

  test3('reads a transaction and a script of commands from its input', async () => {
    const child = run(cli ?? '', ['-p', `${sluice.resp.port}`, ...flags]);
    child.child.stdin?.end('MULTI\nSET t 1\nINCR t\nEXEC\nGET t\n');
    const { stdout } = await child;
    expect(stdout).toBe('OK\nQUEUED\nQUEUED\nOK\n2\n2\n');
  });

  test3('goes through the keys with --scan', async () => {
    await ask('MSET', ...Array.from({ length: 300 }, (__, i) => [`cli-scan:${i}`, 'x']).flat());
    const found = (await ask('--scan', '--pattern', 'cli-scan:*')).split('\n');
    expect(new Set(found).size).toBe(300);
  });

  test3('loads commands in bulk with --pipe', async () => {
    const child = run(cli ?? '', ['-p', `${sluice.resp.port}`, ...flags, '--pipe']);
    for (let i = 0; i < 1_000; i++)
      child.child.stdin?.write(`*3\r\n$3\r\nSET\r\n$8\r\npipe${`${i}`.padStart(4, '0')}\r\n$1\r\nx\r\n`);
    child.child.stdin?.end();
    const { stdout } = await child;
    expect(stdout).toContain('errors: 0, replies: 1000');
  });
});

describe('redis-benchmark', () => {
  const tests = 'ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange,mset';

  test.skipIf(benchmark === undefined).each([
    ['one command at a time', []],
    ['16 in a pipeline', ['-P', '16']],
    ['16 in a pipeline, over RESP3', ['-P', '16', '-3']],
  ])('runs through with %s', { timeout: 60_000 }, async (_, flags) => {
    const argv = ['-p', `${sluice.resp.port}`, '-q', '-n', '2000', '-t', tests, ...flags];
    const { stdout, stderr } = await run(benchmark ?? '', argv, { timeout: 50_000 });
    expect(stderr).not.toMatch(/warn|err/i);
    expect(stdout).not.toMatch(/error|wrong|unknown/i);
    const results = stdout.split(/[\r\n]+/).filter((line) => / requests per second/.test(line));
    expect(results.length).toBeGreaterThanOrEqual(18);
  });
});
