import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { runCli } from '../support/run-cli.ts';
import { type SluiceProcess, startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** The lines a process has printed for people, without those of its log. */
function said(sluice: SluiceProcess): string {
  return sluice
    .output()
    .split('\n')
    .filter((line) => !line.startsWith('{'))
    .join('\n');
}

describe('sluice start', () => {
  it('names addresses, data and three commands to try, with the real ports', async () => {
    await using sluice = await startSluiceProcess();
    const { http, resp, admin } = sluice;
    expect(http.port).toBeGreaterThan(0);
    const text = said(sluice);
    expect(text).toContain(`http://127.0.0.1:${http.port}\n`);
    expect(text).toContain(`http://127.0.0.1:${admin.port}\n`);
    expect(text).toContain(sluice.dataDir);
    expect(text).toContain(`curl -X PUT http://127.0.0.1:${http.port}/greeting -d hello\n`);
    expect(text).toContain(`curl http://127.0.0.1:${http.port}/greeting\n`);
    expect(text).toContain(`redis-cli -p ${resp.port} get greeting\n`);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('drains and ends with status 0 on %s', async (signal) => {
    await using sluice = await startSluiceProcess({ args: ['--store', 'memory', '--admin', 'off'] });
    expect(await sluice.kill(signal)).toBe(0);
  });

  it.each([0, 20, 100])('takes an INT that npm passes on %d ms later for the same one', async (delay) => {
    await using sluice = await startSluiceProcess({
      args: ['--store', 'memory', '--admin', 'off'],
      env: { npm_lifecycle_event: 'start' },
    });
    process.kill(sluice.pid, 'SIGINT');
    await sleep(delay);
    process.kill(sluice.pid, 'SIGINT');
    expect(await sluice.ended).toBe(0);
  });

  it('says in one line with status 1 that a port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await using folder = await tempDir('sluice-cli-');
    for (const name of ['http', 'resp', 'admin']) {
      const listeners = ['http', 'resp', 'admin'].flatMap((each) => [
        `--${each}`,
        `127.0.0.1:${each === name ? port : 0}`,
      ]);
      const args = ['start', '--store', 'memory', '--log-level', 'silent', ...listeners];
      const { status, stderr } = await runCli(args, { cwd: folder.path });
      expect(stderr).toMatch(new RegExp(`^sluice: ${name} .*127\\.0\\.0\\.1:${port}.*\\n$`));
      expect(status).toBe(1);
    }
    other.close();
    await once(other, 'close');
  });

  it('reads the configuration beside it, and the environment over it', async () => {
    await using folder = await tempDir('sluice-cli-');
    const file = join(folder.path, 'my.yaml');
    await writeFile(file, 'store: memory\nhttp: off\nusers: [{ name: default, secret: "${PW}" }]\n');
    await writeFile(join(folder.path, '.env'), 'PW=open sesame\n');
    await using sluice = await startSluiceProcess({
      args: ['--config', file, '--http', 'off', '--admin', 'off'],
      env: { SLUICE_LOG_LEVEL: 'silent' },
    });
    await using client = await connectRaw(sluice.resp);
    expect(await client.command('GET', 'a')).toMatch(/^-NOAUTH/);
    expect(await client.command('AUTH', 'open')).toMatch(/^-WRONGPASS/);
    expect(await client.command('AUTH', 'open sesame')).toBe('+OK\r\n');
    expect(await client.command('SET', 'a', 'b')).toBe('+OK\r\n');
  });

  it('puts a changed file into effect, or keeps the old configuration and says why', async () => {
    await using folder = await tempDir('sluice-cli-');
    const file = join(folder.path, 'sluice.yaml');
    const save = async (secret: string): Promise<void> => {
      // As editors do: a new file takes the place of the old one.
      await writeFile(`${file}.new`, `users: [{ name: default, secret: ${secret} }]\n`);
      await rename(`${file}.new`, file);
    };
    await save('first');
    await using sluice = await startSluiceProcess({
      args: ['--store', 'memory', '--http', 'off', '--admin', 'off', '--config', file],
    });
    const authenticates = async (secret: string): Promise<boolean> => {
      await using client = await connectRaw(sluice.resp);
      return (await client.command('AUTH', secret)) === '+OK\r\n';
    };
    expect(await authenticates('first')).toBe(true);
    await save('second');
    await eventually(async () => expect(await authenticates('second')).toBe(true));
    expect(await authenticates('first')).toBe(false);

    await save('[]');
    await eventually(() => expect(said(sluice)).toContain('the old one stays in effect'));
    expect(said(sluice)).toContain('users[0].secret: expected scrypt:');
    expect(await authenticates('second')).toBe(true);
    expect(await sluice.kill('SIGTERM')).toBe(0);
  });

  it('loads the configuration again on HUP and says what waits for a restart', async () => {
    await using folder = await tempDir('sluice-cli-');
    const file = join(folder.path, 'sluice.yaml');
    await writeFile(file, 'durability: commit\n');
    await using sluice = await startSluiceProcess({ args: ['--store', 'memory', '--admin', 'off', '--config', file] });
    await writeFile(file, 'durability: fsync\nmaxBytes: 100MiB\n');
    process.kill(sluice.pid, 'SIGHUP');
    await eventually(() => expect(said(sluice)).toContain('waits for a restart: durability'));
    expect(said(sluice)).toContain('now in effect: maxBytes');
  });

  it('quits at once at a second INT when the drain takes long', async () => {
    await using sluice = await startSluiceProcess({
      args: ['--store', 'memory', '--admin', 'off'],
      env: { SLUICE_SHUTDOWN_TIMEOUT: '1m' },
    });
    // A request whose body never comes keeps the drain waiting.
    await using held = await connectRaw(sluice.http);
    held.write('PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc');
    await sleep(100);
    process.kill(sluice.pid, 'SIGINT');
    await sleep(1200);
    process.kill(sluice.pid, 'SIGINT');
    expect(await sluice.ended).toBe(130);
  });
});
