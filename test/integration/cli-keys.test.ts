import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, runCli } from '../support/run-cli.ts';
import { type SluiceProcess, startSluiceProcess } from '../support/sluice-process.ts';

describe('sluice keys', () => {
  let sluice: SluiceProcess;
  const env: Record<string, string> = {};
  beforeAll(async () => {
    sluice = await startSluiceProcess({ args: ['--store', 'memory', '--http', 'off', '--admin', 'off'] });
    env['SLUICE_RESP'] = `127.0.0.1:${sluice.resp.port}`;
  });
  afterAll(async () => {
    await sluice.kill('SIGKILL');
  });
  const keys = (args: readonly string[], input?: Buffer): Promise<CliResult> =>
    runCli(['keys', ...args], input === undefined ? { env } : { env, input });

  it('writes and reads any bytes', async () => {
    const value = Buffer.concat([Buffer.from([0, 13, 10, 255]), Buffer.alloc(3_000_000, 'x')]);
    expect(await keys(['set', 'photo', '-'], value)).toMatchObject({ status: 0, stderr: '' });
    const { status, stdout } = await keys(['get', 'photo']);
    expect(status).toBe(0);
    expect(stdout.equals(value)).toBe(true);
  });

  it('takes keys and values as UTF-8', async () => {
    await keys(['set', 'grüße', 'schön']);
    expect((await keys(['get', 'grüße'])).stdout.toString()).toBe('schön');
  });

  it('tells a missing key by its status', async () => {
    expect(await keys(['get', 'missing'])).toMatchObject({ status: 1, stderr: 'sluice: there is no key "missing"\n' });
  });

  it('sets a time to live, and only what is absent when asked', async () => {
    expect((await keys(['set', 'short', 'x', '--ttl', '250ms'])).status).toBe(0);
    expect((await keys(['set', 'once', 'x', '--if-absent'])).status).toBe(0);
    expect(await keys(['set', 'once', 'y', '--if-absent'])).toMatchObject({
      status: 1,
      stderr: 'sluice: "once" exists and was not changed\n',
    });
    await expect.poll(async () => (await keys(['get', 'short'])).status).toBe(1);
  });

  it('deletes and counts', async () => {
    await keys(['set', 'one', '1']);
    const { status, stdout } = await keys(['del', 'one', 'two']);
    expect([status, stdout.toString()]).toEqual([0, '1\n']);
  });

  it('lists all keys of a pattern, some of them, or with NUL between', async () => {
    for (const key of ['scan:a', 'scan:b', 'scan:\n']) await keys(['set', key, 'x']);
    const all = await keys(['scan', 'scan:*']);
    expect(all.stdout.toString().split('\n').sort()).toEqual(['', 'scan:\\x0a', 'scan:a', 'scan:b']);
    expect((await keys(['scan', 'scan:*', '--limit', '2'])).stdout.toString().trim().split('\n')).toHaveLength(2);
    const raw = await keys(['scan', '-0', 'scan:*']);
    expect(raw.stdout.toString().split('\0').sort()).toEqual(['', 'scan:\n', 'scan:a', 'scan:b']);
    expect((await keys(['scan', '--limit', 'x'])).status).toBe(2);
  }, 60_000);

  it('says what the node answered when it refuses', async () => {
    const { status, stderr } = await runCli(['keys', 'get', 'a'], { env: { ...env, SLUICE_PASSWORD: 'x' } });
    expect(stderr).toMatch(/^sluice: the node answered: (?:ERR|WRONGPASS) .*\n$/);
    expect(status).toBe(1);
  });
});
