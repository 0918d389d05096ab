import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { isSluiceError, type SluiceError } from '../../src/errors.ts';
import { backupDatabase, restoreBackup } from '../../src/store/engine/backup.ts';
import { openDurableEngine, openMemoryEngine } from '../../src/store/engine/durable-engine.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';
import { stateOf } from './support/engine-state.ts';
import { openEngine, read, write } from './support/open-engine.ts';

async function folderBytes(path: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(path)) sum += (await stat(join(path, name))).size;
  return sum;
}

describe('a data folder', () => {
  it('keeps every type of value over a restart', async () => {
    await using folder = await tempDir();
    let before: object;
    {
      await using opened = await openEngine(folder.path);
      await write(opened, ({ user, compat, internal }) => {
        user.strings.set('text', 'h\xe9llo\x00', { contentType: 'text/plain', expiresAt: Date.now() + 1e6 });
        user.strings.append('text', '!');
        user.hashes.set('hash', 'field', 'value');
        for (const element of ['b', 'c']) user.lists.pushRight('list', element);
        user.lists.pushLeft('list', 'a');
        user.sets.add('set', 'member');
        user.sortedSets.add('zset', 'member', -1.5);
        compat.strings.set('text', 'another space');
        internal.hashes.set('text', 'third', 'space');
        user.strings.set('gone', 'x');
        user.delete('gone');
      });
      before = stateOf(opened.engine);
    }
    await using opened = await openEngine(folder.path);
    expect(stateOf(opened.engine)).toEqual(before);
    expect(Object.keys(before)).toHaveLength(7);
  });

  it('can be read by its owner only', async () => {
    await using folder = await tempDir();
    const path = join(folder.path, 'a', 'b');
    await using opened = await openEngine(path);
    await write(opened, ({ user }) => user.strings.set('k', 'v'));
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(path)) expect((await stat(join(path, name))).mode & 0o777, name).toBe(0o600);
  });

  it('is refused to a second user in the same process', async () => {
    await using folder = await tempDir();
    await using first = await openEngine(folder.path);
    const error = await openEngine(folder.path).catch((thrown: unknown) => thrown as SluiceError);
    expect(isSluiceError(error, 'DATA_LOCKED')).toBe(true);
    expect((error as SluiceError).message).toBe(
      `the data folder ${folder.path} is in use by another process or is already open in this one; stop or close that, or use another folder`,
    );
    await write(first, ({ user }) => user.strings.set('k', 'still mine'));
  });

  it('is refused to a second process also after this one has tried to open it again', async () => {
    await using folder = await tempDir();
    await using _first = await openEngine(folder.path);
    await expect(openEngine(folder.path)).rejects.toMatchObject({ code: 'DATA_LOCKED' });
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', holder, resolve('dist/store/engine/durable-engine.js'), folder.path],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const exit = once(child, 'exit');
    try {
      const opened = once(child.stdout, 'data').then(String);
      expect(await Promise.race([opened, text(child.stderr)])).toContain('DATA_LOCKED');
    } finally {
      child.kill('SIGKILL');
      await exit;
    }
  });

  it('is refused to a second process, and free again as soon as the first is killed', async () => {
    await using folder = await tempDir();
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', holder, resolve('dist/store/engine/durable-engine.js'), folder.path],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      await once(child.stdout, 'data');
      await expect(openEngine(folder.path)).rejects.toMatchObject({ code: 'DATA_LOCKED' });
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await using opened = await openEngine(folder.path);
    expect(read(opened, 'k')).toBe('v');
  });

  it('stays refused to other processes whatever else this process does with its files', async () => {
    await using folder = await tempDir();
    const data = join(folder.path, 'data');
    await using first = await openEngine(data);
    await write(first, ({ user }) => user.strings.set('k', 'v'));
    // With POSIX locks, closing any descriptor of a file drops all the process's locks on it.
    await expect(openEngine(data)).rejects.toMatchObject({ code: 'DATA_LOCKED' });
    await backupDatabase(data, join(folder.path, 'backup'));
    await expect(restoreBackup(join(folder.path, 'backup'), data, { force: true })).rejects.toMatchObject({
      code: 'DATA_LOCKED',
    });
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', intruder, resolve('dist/store/engine/durable-engine.js'), data],
      { encoding: 'utf8' },
    );
    expect({ stdout, status }).toEqual({ stdout: 'DATA_LOCKED\n', status: 0 });
    await write(first, ({ user }) => user.strings.set('k', 'still mine'));
  });

  it('that is moved away refuses writes, and takes them again when it is put back', async () => {
    await using folder = await tempDir();
    const [path, away] = [join(folder.path, 'data'), join(folder.path, 'away')];
    await using opened = await openEngine(path);
    await write(opened, ({ user }) => user.strings.set('k', 'v'));
    await rename(path, away);
    // It is looked after once a second while something is written.
    const writing = async (): Promise<void> => write(opened, ({ user }) => user.strings.set('n', String(Date.now())));
    await eventually(async () =>
      expect(await writing().catch((error: SluiceError) => error.code)).toBe('STORE_READ_ONLY'),
    );
    expect(opened.engine.reason).toContain(`${join(path, 'sluice.db')} is gone or out of reach`);
    expect(opened.warnings).toHaveLength(1);
    expect(read(opened, 'k')).toBe('v');
    await mkdir(path);
    await writeFile(join(path, 'sluice.db'), '');
    await eventually(() => expect(opened.engine.reason).toContain('is no longer the file that is open'));
    await rm(path, { recursive: true });
    await rename(away, path);
    await eventually(writing);
    await opened.close();
  });

  it('does not grow with overwrites of the same keys', async () => {
    await using folder = await tempDir();
    const options = { checkpointLogBytes: 512 * 1024, walBytes: 256 * 1024 };
    await using opened = await openEngine(folder.path, options);
    const sizes: number[] = [];
    for (let round = 0; round < 12; round++) {
      for (let batch = 0; batch < 20; batch++)
        await write(opened, ({ user }) => {
          for (let i = 0; i < 500; i++) user.strings.set(`key ${i}`, `${round} ${batch} ${i}`.padEnd(200, '.'));
        });
      sizes.push(await folderBytes(folder.path));
    }
    const { checkpoints, bytes } = opened.journal.stats();
    expect(checkpoints).toBeGreaterThan(4);
    expect(bytes).toBeGreaterThan(20e6);
    expect(Math.max(...sizes)).toBeLessThan(6e6);
    // No faster at the end than in the middle, where the first passes have been made.
    expect(sizes.at(-1)).toBeLessThan(1.5 * (sizes[5] as number));
  });

  it('gives back what expired', async () => {
    await using folder = await tempDir();
    const options = { checkpointLogBytes: 64 * 1024, walBytes: 64 * 1024 };
    await using opened = await openEngine(folder.path, options);
    const expiresAt = Date.now() + 300;
    await write(opened, ({ user }) => {
      for (let i = 0; i < 5000; i++) user.strings.set(`short ${i}`, 'x'.repeat(100), { expiresAt });
    });
    await eventually(() => {
      opened.engine.sweep();
      expect(opened.engine.user.size).toBe(0);
    });
    await eventually(async () => {
      await write(opened, ({ user }) => user.strings.set('tick', Math.random().toString()));
      const { imageBytes, logBytes } = opened.journal.stats();
      expect(imageBytes + logBytes).toBeLessThan(100_000);
    });
  });

  it('gives back what a flush dropped', async () => {
    await using folder = await tempDir();
    const options = { checkpointLogBytes: 64 * 1024, walBytes: 64 * 1024 };
    await using opened = await openEngine(folder.path, options);
    await write(opened, ({ user }) => {
      for (let i = 0; i < 5000; i++) user.strings.set(`key ${i}`, 'x'.repeat(200));
    });
    await eventually(() => expect(opened.journal.stats()).toMatchObject({ checkpoints: 1, logBytes: 0 }));
    expect(opened.journal.stats().imageBytes).toBeGreaterThan(1e6);
    await write(opened, ({ user }) => user.flush());
    await eventually(() => expect(opened.journal.stats().imageBytes).toBeLessThan(1000));
  });

  it('is left when the store is closed while it still loads', async () => {
    await using folder = await tempDir();
    {
      await using opened = await openEngine(folder.path);
      for (let batch = 0; batch < 20; batch++)
        await write(opened, ({ user }) => {
          for (let i = 0; i < 5000; i++) user.strings.set(`key ${batch} ${i}`, 'x'.repeat(50));
        });
    }
    const { systemClock } = await import('../../src/app/system-clock.ts');
    const opened = await openDurableEngine({
      clock: systemClock,
      random: Math.random,
      maxBytes: 1e12,
      dataDir: folder.path,
    });
    expect(opened.engine.state).toBe('loading');
    await opened.close();
    await expect(opened.ready).rejects.toMatchObject({ code: 'CLOSED' });
    await using again = await openEngine(folder.path);
    expect(again.engine.user.size).toBe(100_000);
  });

  it('is cleared of backups that were not finished, and of nothing else', async () => {
    await using folder = await tempDir();
    await (await openEngine(folder.path)).close();
    const names = ['backup-0b1c-2f.tmp', 'backup-0b1c-2f.tmp-journal', 'backup-of-mine.tmp', 'notes.txt'];
    for (const name of names) await writeFile(join(folder.path, name), '');
    await using _opened = await openEngine(folder.path);
    const left = await readdir(folder.path);
    expect(names.filter((name) => left.includes(name))).toEqual(['backup-of-mine.tmp', 'notes.txt']);
  });

  it('is refused where it cannot be made', async () => {
    await using folder = await tempDir();
    await mkdir(join(folder.path, 'sluice.db'));
    await expect(openEngine(folder.path)).rejects.toMatchObject({
      code: 'DATA_UNAVAILABLE',
      message: expect.stringContaining(join(folder.path, 'sluice.db')),
    });
    const below = join(folder.path, 'file', 'data');
    await writeFile(join(folder.path, 'file'), '');
    await expect(openEngine(below)).rejects.toMatchObject({
      code: 'DATA_UNAVAILABLE',
      message: expect.stringMatching(`^the data folder ${below} cannot be created: ENOTDIR`),
    });
    if (process.platform === 'linux') {
      await expect(openEngine('/proc/sluice/data')).rejects.toMatchObject({
        code: 'DATA_UNAVAILABLE',
        message: expect.stringMatching(/^the data folder .* cannot be created: ENOENT/),
      });
    }
  });
});

describe('an engine without a folder', () => {
  it('has nothing to wait for', async () => {
    const { systemClock } = await import('../../src/app/system-clock.ts');
    const opened = openMemoryEngine({ clock: systemClock, random: Math.random, maxBytes: 1e9 });
    await opened.ready;
    await write(opened, ({ user }) => user.strings.set('k', 'v'));
    expect(read(opened, 'k')).toBe('v');
    expect(opened.journal.committed).toBe(Number.POSITIVE_INFINITY);
    await opened.journal.drain();
    await opened.close();
  });
});

const intruder = `
const [, module, dataDir] = process.argv;
const { openDurableEngine } = await import(module);
const clock = { now: () => Date.now(), monotonic: () => performance.now(), setTimer: () => ({ cancel() {} }) };
await openDurableEngine({ clock, random: Math.random, maxBytes: 1e9, dataDir }).then(
  () => console.log('it opened'),
  (error) => console.log(error.code),
);
process.exit();
`;

const holder = `
const [, module, dataDir] = process.argv;
const { openDurableEngine } = await import(module);
const clock = { now: () => Date.now(), monotonic: () => performance.now(), setTimer: () => ({ cancel() {} }) };
const opened = await openDurableEngine({ clock, random: Math.random, maxBytes: 1e9, dataDir });
await opened.ready;
opened.engine.begin();
opened.engine.user.strings.set('k', 'v');
await opened.journal.drain();
console.log('held');
setInterval(() => {}, 1000);
`;
