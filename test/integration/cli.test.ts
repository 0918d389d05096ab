import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('sluice', () => {
  it('prints its version and its help with status 0', async () => {
    const version = await runCli(['--version']);
    expect(version).toMatchObject({ status: 0, stderr: '' });
    expect(version.stdout.toString()).toMatch(/^\d+\.\d+\.\d+/);
    for (const command of [
      [],
      ['start'],
      ['check'],
      ['keys'],
      ['keys', 'set'],
      ['backup'],
      ['restore'],
      ['hash-secret'],
    ]) {
      const { status, stdout, stderr } = await runCli([...command, '--help']);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout.toString()).toContain(`Usage: sluice ${command.join(' ')}`.trimEnd());
    }
  });

  it.each([
    [['start', '--htpt', 'x'], "sluice: unknown option '--htpt' (Did you mean --http?)\n"],
    [['strat'], "sluice: unknown command 'strat' (Did you mean start?)\n"],
    [['keys', 'get'], "sluice: missing required argument 'key'\n"],
    [['keys', 'get', 'a', 'b'], /^sluice: too many arguments.*\n$/],
    [['restore', 'x'], "sluice: required option '--data <folder>' not specified\n"],
    [['start', '--http', '8080'], /^sluice: --http: expected an address such as .*; found "8080"\n$/],
    [['start', '--config', 'missing.yaml'], 'sluice: missing.yaml: cannot be read: no such file\n'],
    [['start', '--http', '0.0.0.0:0'], /^sluice: --http: 0\.0\.0\.0:0 can be reached from other machines.*\n$/],
    [['start', '--store', 'redis://u:hunter2@'], /^sluice: --store: a host is missing(?!.*hunter2).*\n$/],
    [['start', '--store', 'nowhere', '-http', ':8080'], /^sluice: --store: no such store; expected .*\n/],
    [['-redis', 'localhost:6379', '-http', ':8080'], /^sluice: --http: :8080 can be reached from other machines.*\n$/],
    [['-redis', 'localhost:6379', '-capacity', 'many'], /^sluice: --capacity: expected a whole number.*\n$/],
    [['keys', 'set', 'a', 'b', '--ttl', '5'], /^sluice: --ttl: expected a duration with its unit.*\n$/],
    [
      ['keys', 'get', 'a', '--user', 'u'],
      /^sluice: the secret of u is expected in the environment variable SLUICE_PASSWORD.*\n$/,
    ],
    [['check', '--print-defaults', '--json-schema'], 'sluice: --print-defaults and --json-schema exclude each other\n'],
  ])('answers %j with one line and status 2', async (args, expected) => {
    await using folder = await tempDir('sluice-cli-');
    const { status, stdout, stderr } = await runCli(args, { cwd: folder.path });
    expect(stderr).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected));
    expect(status).toBe(2);
    expect(stdout.toString()).toBe('');
  });

  it('prints its help to standard error when no command is given', async () => {
    const { status, stdout, stderr } = await runCli([]);
    expect(status).toBe(2);
    expect(stdout.toString()).toBe('');
    expect(stderr).toContain('Usage: sluice');
  });

  it('says in one line that no node answers', async () => {
    for (const args of [
      ['keys', 'get', 'a', '--resp', '127.0.0.1:1'],
      ['backup', 'x', '--admin', '127.0.0.1:1'],
    ]) {
      const { status, stderr } = await runCli(args);
      expect(stderr).toMatch(/^sluice: 127\.0\.0\.1:1: .*ECONNREFUSED.*is Sluice running.*\n$/);
      expect(status).toBe(1);
    }
  });
});

describe('sluice check', () => {
  it('accepts what it prints as defaults', async () => {
    await using folder = await tempDir('sluice-cli-');
    const { stdout } = await runCli(['check', '--print-defaults']);
    await writeFile(join(folder.path, 'sluice.yaml'), stdout);
    const { status, stdout: answer } = await runCli(['check'], { cwd: folder.path });
    expect(answer.toString()).toContain('sluice.yaml: valid\n');
    expect(status).toBe(0);
  });

  it('prints a JSON Schema', async () => {
    const { status, stdout } = await runCli(['check', '--json-schema']);
    expect(status).toBe(0);
    expect(JSON.parse(stdout.toString())).toMatchObject({
      type: 'object',
      properties: { store: { default: 'embedded' } },
    });
  });

  it('names file, line and column of every finding', async () => {
    await using folder = await tempDir('sluice-cli-');
    await mkdir(join(folder.path, 'conf'));
    await writeFile(
      join(folder.path, 'conf/x.yaml'),
      'store: embedded\nlimits:\n  maxConections: 1\ndurability: disk\n',
    );
    const { status, stderr } = await runCli(['check', '--config', 'conf/x.yaml'], { cwd: folder.path });
    expect(stderr.split('\n').sort()).toEqual([
      '',
      'sluice: conf/x.yaml:3:3: limits.maxConections: unknown setting; did you mean maxConnections?',
      'sluice: conf/x.yaml:4:1: durability: expected one of memory, commit, fsync; found "disk"',
    ]);
    expect(status).toBe(2);
  });

  it('tells where settings come from, and warns', async () => {
    await using folder = await tempDir('sluice-cli-');
    await writeFile(join(folder.path, '.env'), 'SLUICE_HTTP=127.0.0.1:1\nSECRET=x\n');
    await writeFile(
      join(folder.path, 'sluice.yaml'),
      'users:\n  - { name: a, secret: literal }\n  - { name: b, secret: "${SECRET}" }\n',
    );
    const { status, stdout } = await runCli(['check'], { cwd: folder.path, env: { SLUICE_HTPT: 'x' } });
    const text = stdout.toString();
    expect(text).toContain('warning: sluice.yaml:2:16: users[0].secret: the secret itself stands in the file');
    expect(text).toContain('warning: SLUICE_HTPT: no setting has this name; did you mean SLUICE_HTTP?');
    expect(text).toContain('  http is set by SLUICE_HTTP\n');
    expect(text).toContain('  users is set by sluice.yaml:1:1\n');
    expect(text).not.toContain('literal');
    expect(status).toBe(0);
  });
});

describe('sluice hash-secret', () => {
  it('prints a hash that the configuration accepts', async () => {
    await using folder = await tempDir('sluice-cli-');
    const { status, stdout } = await runCli(['hash-secret'], { input: 'open sesame\n' });
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(/^scrypt:16384:8:1:[\w-]{22}:[\w-]{43}\n$/);
    await writeFile(join(folder.path, 'sluice.yaml'), `users: [{ name: a, secret: "${stdout.toString().trim()}" }]`);
    const check = await runCli(['check'], { cwd: folder.path });
    expect(check.stdout.toString()).not.toContain('warning');
    expect(check.status).toBe(0);
  });

  it('wants one line', async () => {
    expect((await runCli(['hash-secret'], { input: '' })).status).toBe(2);
    expect((await runCli(['hash-secret'], { input: 'a\nb\n' })).status).toBe(2);
  });
});
