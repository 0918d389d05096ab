import { copyFile, cp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SluiceError } from '../../src/errors.ts';
import { loadSqlite } from '../../src/store/engine/sqlite.ts';
import { tempDir } from '../support/temp-dir.ts';
import { openEngine, read, write } from './support/open-engine.ts';

interface Filled extends AsyncDisposable {
  readonly path: string;
  readonly database: string;
}

/** A folder as a killed node leaves it, with an image, a log and a write-ahead log that is not folded in. */
async function filledFolder({ walBytes = 1 << 20 } = {}): Promise<Filled> {
  const made = await tempDir();
  const folder = await tempDir();
  const path = join(folder.path, 'data');
  await using opened = await openEngine(made.path, { checkpointLogBytes: 100_000, walBytes });
  for (let batch = 0; batch < 40; batch++)
    await write(opened, ({ user }) => {
      for (let i = 0; i < 100; i++) user.strings.set(`key ${i}`, `value ${batch} ${i}`.padEnd(100, '.'));
    });
  expect(opened.journal.stats().checkpoints).toBeGreaterThan(0);
  // A copy of the files of a store in use is what a crash leaves.
  await cp(made.path, path, { recursive: true });
  await opened.close();
  return {
    path,
    database: join(path, 'sluice.db'),
    [Symbol.asyncDispose]: async () => {
      await made[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Folds the write-ahead log in, so that all is in one file. */
async function fold(database: string): Promise<void> {
  const sqlite = (await loadSqlite())(database);
  sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  sqlite.close();
}

async function refusal(path: string): Promise<SluiceError> {
  await using opened = await openEngine(path).catch((error: unknown) => {
    throw Object.assign(new Error('refused'), { refused: error });
  });
  return expect.unreachable(`it opened with ${opened.engine.user.size} keys`) as never;
}

async function expectDamaged(folder: Filled, words: RegExp): Promise<void> {
  const before = await readFile(folder.database);
  const error = await refusal(folder.path).catch((thrown: { refused?: SluiceError }) => thrown.refused ?? thrown);
  expect(error).toMatchObject({ code: 'DATA_DAMAGED' });
  const { message } = error as SluiceError;
  expect(message).toMatch(words);
  expect(message).toContain(folder.database);
  expect(message).toContain(`sluice restore FILE --data ${folder.path} --force`);
  // What is left can still be looked at by somebody who knows how.
  expect((await readFile(folder.database)).equals(before)).toBe(true);
}

describe('damage to a data folder', () => {
  it('a folder as a crash leaves it is none', async () => {
    await using folder = await filledFolder();
    await using opened = await openEngine(folder.path);
    expect(read(opened, 'key 7')).toBe('value 39 7'.padEnd(100, '.'));
    expect(opened.warnings).toEqual([]);
  });

  it('garbage in the place of the header is refused', async () => {
    await using folder = await filledFolder();
    await fold(folder.database);
    const file = await open(folder.database, 'r+');
    await file.write('this is no database at all', 0);
    await file.close();
    await expectDamaged(folder, /file is not a database/);
  });

  it('a damaged page is refused', async () => {
    await using folder = await filledFolder();
    await fold(folder.database);
    const { size } = await stat(folder.database);
    const file = await open(folder.database, 'r+');
    // The roots of the tables come first.
    for (let at = 4096; at < Math.min(size, 10 * 4096); at += 4096) await file.write(Buffer.alloc(64, 0xff), 0, 64, at);
    await file.close();
    await expectDamaged(folder, /malformed/);
  });

  it('a changed byte in a value is refused', async () => {
    await using folder = await filledFolder();
    await fold(folder.database);
    const bytes = await readFile(folder.database);
    const at = bytes.indexOf('value 3');
    expect(at).toBeGreaterThan(0);
    bytes[at + 2] = 'x'.charCodeAt(0);
    await writeFile(folder.database, bytes);
    await expectDamaged(folder, /row \d+ of the table "(log|image)" does not match its checksum/);
  });

  it('a truncated database is refused', async () => {
    await using folder = await filledFolder();
    await fold(folder.database);
    await truncate(folder.database, Math.floor((await stat(folder.database)).size / 2));
    await expectDamaged(folder, /malformed/);
  });

  it('a missing group of the log is refused', async () => {
    await using folder = await filledFolder();
    const sqlite = (await loadSqlite())(folder.database);
    sqlite.exec('DELETE FROM log WHERE seq = (SELECT max(seq) FROM log WHERE seq < (SELECT max(seq) FROM log))');
    sqlite.close();
    await expectDamaged(folder, /the changes \d+ to \d+ are missing from the table "log"/);
  });

  it('a missing part of the image is refused', async () => {
    await using folder = await filledFolder();
    const sqlite = (await loadSqlite())(folder.database);
    sqlite.exec('DELETE FROM image WHERE id = (SELECT max(id) FROM image)');
    sqlite.close();
    await expectDamaged(folder, /the changes 1 to \d+ are missing from the table "log"/);
  });

  it('a missing or empty database is refused when there was one', async () => {
    await using folder = await filledFolder();
    await truncate(folder.database, 0);
    await expectDamaged(folder, /is missing or empty although 4000 changes were written/);
    await rm(folder.database);
    await expect(openEngine(folder.path)).rejects.toMatchObject({ code: 'DATA_DAMAGED' });
  });

  it('a truncated write-ahead log is survived, and it is said how much was cut', async () => {
    // Never folded in, so that the file holds everything in order.
    await using folder = await filledFolder({ walBytes: 1 << 26 });
    const wal = `${folder.database}-wal`;
    const { size } = await stat(wal);
    await truncate(wal, Math.floor(size * 0.6));
    await using opened = await openEngine(folder.path);
    expect(opened.warnings).toHaveLength(1);
    const match =
      /^(\d+) changes that had been acknowledged are missing from the data folder .*: it ends at change (\d+), 4000 had been written/.exec(
        opened.warnings[0] as string,
      );
    expect(Number(match?.[1]) + Number(match?.[2])).toBe(4000);
    const [, batch] = /^value (\d+) 7/.exec(read(opened, 'key 7') ?? '') ?? [];
    expect((Number(batch) + 1) * 100).toBe(Number(match?.[2]));
  });

  it('a database of another program is refused', async () => {
    await using folder = await filledFolder();
    await rm(folder.path, { recursive: true });
    await using empty = await openEngine(folder.path);
    await empty.close();
    const sqlite = (await loadSqlite())(folder.database);
    sqlite.exec('PRAGMA application_id = 1');
    sqlite.close();
    await expectDamaged(folder, /it is no database of Sluice/);
  });

  it('a folder of a newer version is refused', async () => {
    await using folder = await filledFolder();
    const sqlite = (await loadSqlite())(folder.database);
    sqlite.exec('PRAGMA user_version = 9');
    sqlite.close();
    await expect(openEngine(folder.path)).rejects.toMatchObject({
      code: 'DATA_VERSION',
      message: `${folder.database} has format 9, this version of Sluice reads format 1; run a version that reads it`,
    });
  });

  it('a restore that was interrupted before its last step is finished', async () => {
    await using folder = await filledFolder();
    await using other = await filledFolder();
    await fold(other.database);
    await copyFile(other.database, join(folder.path, 'sluice.restoring'));
    await using opened = await openEngine(folder.path);
    expect(read(opened, 'key 7')).toBe('value 39 7'.padEnd(100, '.'));
    expect(opened.warnings).toEqual([]);
  });
});
