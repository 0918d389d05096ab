import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SluiceError } from '../../src/errors.ts';
import { eventually } from '../support/eventually.ts';
import { startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type OpenedEngine, openEngine, read, write } from './support/open-engine.ts';
import { smallDisk, whyNoSmallDisk } from './support/small-disk.ts';

const MIB = 1024 * 1024;
const noDisk = whyNoSmallDisk();
const noLimit = process.platform === 'linux' ? undefined : 'needs prlimit of Linux';

/** Writes until it is refused. @returns the error, and the number of the last write that was acknowledged. */
async function writeUntilRefused(
  opened: OpenedEngine,
  bytes: number,
): Promise<{ error: SluiceError; acknowledged: number }> {
  for (let i = 0; ; i++) {
    try {
      await write(opened, ({ user }) => user.strings.set(`key ${i}`, `${i}`.padEnd(bytes, '.')));
    } catch (error) {
      return { error: error as SluiceError, acknowledged: i - 1 };
    }
  }
}

describe.skipIf(noDisk !== undefined)(`a disk of our own${noDisk === undefined ? '' : ` (${noDisk})`}`, () => {
  it('that gets full makes the store read-only, reads go on, and with room again it writes again', async () => {
    await using disk = await smallDisk(16 * MIB);
    const data = join(disk.path, 'data');
    {
      await using opened = await openEngine(data, { walBytes: MIB });
      await write(opened, ({ user }) => user.strings.set('first', 'kept'));
      await disk.fill(200_000);
      const { error, acknowledged } = await writeUntilRefused(opened, 10_000);
      expect(error).toMatchObject({
        code: 'STORE_READ_ONLY',
        message:
          'the write could not be made durable: database or disk is full; it may or may not be there after a restart',
      });
      expect(acknowledged).toBeGreaterThan(1);
      expect(opened.engine.state).toBe('read-only');
      expect(opened.engine.reason).toBe('the journal cannot write: database or disk is full');
      expect(() => opened.engine.requireWritable()).toThrow(expect.objectContaining({ code: 'STORE_READ_ONLY' }));
      expect(opened.warnings).toEqual(['the journal cannot write, the store is read-only: database or disk is full']);
      // Reads, also of what is not on disk, wait for nothing.
      expect(read(opened, 'first')).toBe('kept');
      expect(read(opened, `key ${acknowledged + 1}`)).toContain(`${acknowledged + 1}`);
      expect(opened.journal.committed).toBe(Number.POSITIVE_INFINITY);
      expect(opened.journal.stats()).toMatchObject({ failures: 1, problem: expect.stringContaining('full') });

      await disk.empty();
      await eventually(() => expect(opened.engine.state).toBe('ready'), { timeoutMs: 10_000 });
      expect(opened.warnings.at(-1)).toBe('the journal writes again; what was held in memory is on disk');
      await write(opened, ({ user }) => user.strings.set('last', 'kept too'));
      expect(opened.journal.committed).toBeLessThan(Number.POSITIVE_INFINITY);
    }
    await using opened = await openEngine(data);
    expect(read(opened, 'first')).toBe('kept');
    expect(read(opened, 'last')).toBe('kept too');
    expect(opened.warnings).toEqual([]);
  });

  it('that gets full is noticed before it is, so that what is accepted can be written', async () => {
    await using disk = await smallDisk(24 * MIB);
    await using opened = await openEngine(join(disk.path, 'data'), { walBytes: MIB, minFreeBytes: 8 * MIB });
    await disk.fill(9 * MIB);
    const { error } = await writeUntilRefused(opened, 100_000);
    expect(error.message).toMatch(/^writes are refused: the disk of the data folder has only \d\.\d MiB left$/);
    expect(opened.journal.stats().failures).toBe(0);
    await opened.journal.drain();
    expect(read(opened, 'key 0')?.length).toBe(100_000);
    await disk.empty();
    await eventually(() => expect(opened.engine.state).toBe('ready'), { timeoutMs: 10_000 });
    await write(opened, ({ user }) => user.strings.set('k', 'v'));
  });

  it('that stays full costs no acknowledged write when the store is closed and opened again', async () => {
    await using disk = await smallDisk(16 * MIB);
    const data = join(disk.path, 'data');
    let acknowledged: number;
    {
      await using opened = await openEngine(data, { walBytes: MIB });
      await disk.fill(200_000);
      ({ acknowledged } = await writeUntilRefused(opened, 10_000));
      await expect(opened.close()).rejects.toMatchObject({
        code: 'STORE_READ_ONLY',
        message: 'the last changes could not be written: database or disk is full',
      });
    }
    await disk.empty();
    await using opened = await openEngine(data);
    for (let i = 0; i <= acknowledged; i++) expect(read(opened, `key ${i}`)).toBe(`${i}`.padEnd(10_000, '.'));
  });

  it('that cannot be written at all is refused at the start, with the reason', async () => {
    await using disk = await smallDisk(8 * MIB);
    const data = join(disk.path, 'data');
    await (await openEngine(data)).close();
    disk.makeReadOnly();
    await expect(openEngine(data)).rejects.toMatchObject({
      code: 'DATA_UNAVAILABLE',
      message: expect.stringMatching(`^${join(data, 'sluice.head')} cannot be written: EROFS: read-only file system`),
    });
    await expect(openEngine(join(disk.path, 'other'))).rejects.toMatchObject({
      code: 'DATA_UNAVAILABLE',
      message: expect.stringMatching(`^the data folder ${join(disk.path, 'other')} cannot be created: EROFS`),
    });
  });
});

describe('a disk that does not keep up', () => {
  it('makes the store refuse writes until half of what waits is written', async () => {
    await using folder = await tempDir();
    await using opened = await openEngine(folder.path, { maxPendingBytes: 1_000_000 });
    const { engine, journal } = opened;
    engine.begin();
    for (let i = 0; i < 11; i++) engine.user.strings.set(`key ${i}`, 'x'.repeat(100_000));
    expect(engine.state).toBe('read-only');
    expect(() => engine.requireWritable()).toThrow('writes are refused: the disk does not keep up with the writes');
    // Nothing has failed: who waits is told when it is durable.
    expect(journal.committed).toBeLessThan(engine.revealed);
    await journal.drain();
    expect(engine.state).toBe('ready');
    expect(journal.stats()).toMatchObject({ overloads: 1, failures: 0, problem: '' });
  });
});

describe.skipIf(noLimit !== undefined)(`an I/O error${noLimit === undefined ? '' : ` (${noLimit})`}`, () => {
  it('makes a node refuse writes and go on reading, and it recovers without a restart', async () => {
    await using node = await startSluiceProcess({ args: ['--resp', 'off', '--admin', 'off'] });
    const url = `http://${node.http.host}:${node.http.port}`;
    const put = (key: string, body: string): Promise<Response> => fetch(`${url}/${key}`, { method: 'PUT', body });
    const limit = (bytes: string): void => {
      execFileSync('prlimit', ['--pid', String(node.pid), `--fsize=${bytes}:unlimited`]);
    };
    expect((await put('before', 'kept')).status).toBe(201);
    // From here on no file may be written beyond this size: an error of write(2), as of a broken disk.
    limit('60000');
    const refused = await put('big', 'x'.repeat(100_000));
    expect(refused.status).toBe(503);
    expect(await refused.text()).toMatch(/disk I\/O error|database or disk is full/);
    expect((await put('small', 'x')).status).toBe(503);
    expect(await (await fetch(`${url}/before`)).text()).toBe('kept');
    limit('unlimited');
    await eventually(async () => expect((await put('after', 'y')).status).toBe(201), { timeoutMs: 10_000 });
    expect((await (await fetch(`${url}/big`)).text()).length).toBe(100_000);
    expect(await node.kill('SIGTERM')).toBe(0);
  });
});
