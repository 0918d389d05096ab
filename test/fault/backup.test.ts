import { copyFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { backupDatabase, restoreBackup } from '../../src/store/engine/backup.ts';
import { tempDir } from '../support/temp-dir.ts';
import { stateOf } from './support/engine-state.ts';
import { openEngine, read, write } from './support/open-engine.ts';

describe('a backup', () => {
  it('taken under load is a state the store once had, and holds up no commit for long', async () => {
    await using folder = await tempDir();
    await using opened = await openEngine(join(folder.path, 'data'), {
      checkpointLogBytes: 500_000,
      walBytes: 1 << 20,
    });
    const file = join(folder.path, 'keys.backup');
    let written = 0;
    let stop = false;
    const load = async (): Promise<void> => {
      while (!stop) {
        // Two keys in one turn: never one without the other.
        await write(opened, ({ user }) => {
          written++;
          user.strings.set('a', `${written}`);
          user.lists.pushRight('b', `${written}`);
          for (let i = 0; i < 50; i++) user.strings.set(`key ${i}`, `${written}`.padEnd(100, '.'));
        });
      }
    };
    const running = load();
    while (written < 300) await new Promise((resolve) => setTimeout(resolve, 5));
    const before = written;
    const { bytes } = await backupDatabase(join(folder.path, 'data'), file);
    const after = written;
    stop = true;
    await running;
    expect(after).toBeGreaterThan(before + 5);
    expect((await stat(file)).size).toBe(bytes);
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    await restoreBackup(file, join(folder.path, 'restored'));
    await using restored = await openEngine(join(folder.path, 'restored'));
    const a = Number(read(restored, 'a'));
    expect(a).toBeGreaterThanOrEqual(before - 1);
    expect(a).toBeLessThanOrEqual(after + 1);
    expect(restored.engine.user.lists.read('b')?.length).toBe(a);
    expect(read(restored, 'key 49')).toBe(`${a}`.padEnd(100, '.'));
    expect(restored.warnings).toEqual([]);
    await write(restored, ({ user }) => user.strings.set('goes', 'on'));
  });

  it('is taken of a folder that nobody uses, and leaves that as it was', async () => {
    await using folder = await tempDir();
    const data = join(folder.path, 'data');
    let state: object;
    {
      await using opened = await openEngine(data);
      await write(opened, ({ user }) => user.strings.set('k', 'v'));
      state = stateOf(opened.engine);
    }
    const before = await readFile(join(data, 'sluice.db'));
    await backupDatabase(data, join(folder.path, 'b'));
    expect((await readFile(join(data, 'sluice.db'))).equals(before)).toBe(true);
    await restoreBackup(join(folder.path, 'b'), join(folder.path, 'other'));
    await using restored = await openEngine(join(folder.path, 'other'));
    expect(stateOf(restored.engine)).toEqual(state);
  });

  it('does not overwrite a file', async () => {
    await using folder = await tempDir();
    await using opened = await openEngine(join(folder.path, 'data'));
    await write(opened, ({ user }) => user.strings.set('k', 'v'));
    await writeFile(join(folder.path, 'b'), 'mine');
    await expect(backupDatabase(join(folder.path, 'data'), join(folder.path, 'b'))).rejects.toMatchObject({
      code: 'BACKUP_EXISTS',
      message: `${join(folder.path, 'b')} exists; choose another file or remove it`,
    });
    expect(await readFile(join(folder.path, 'b'), 'utf8')).toBe('mine');
  });

  it('needs a data folder and a place', async () => {
    await using folder = await tempDir();
    await expect(backupDatabase(folder.path, join(folder.path, 'b'))).rejects.toMatchObject({
      code: 'DATA_UNAVAILABLE',
      message: `${folder.path} is no data folder: it has no sluice.db`,
    });
    await using opened = await openEngine(join(folder.path, 'data'));
    await expect(backupDatabase(join(folder.path, 'data'), join(folder.path, 'no', 'b'))).rejects.toMatchObject({
      code: 'DATA_UNAVAILABLE',
    });
    await opened.close();
  });
});

describe('a restore', () => {
  async function withBackup(path: string): Promise<{ file: string; data: string }> {
    const data = join(path, 'data');
    const file = join(path, 'keys.backup');
    await using opened = await openEngine(data);
    await write(opened, ({ user }) => user.strings.set('k', 'from the backup'));
    await backupDatabase(data, file);
    await write(opened, ({ user }) => user.strings.set('k', 'newer'));
    return { file, data };
  }

  it('is refused while the folder is in use', async () => {
    await using folder = await tempDir();
    const { file, data } = await withBackup(folder.path);
    await using opened = await openEngine(data);
    await expect(restoreBackup(file, data, { force: true })).rejects.toMatchObject({ code: 'DATA_LOCKED' });
    expect(read(opened, 'k')).toBe('newer');
  });

  it('replaces data only when told to', async () => {
    await using folder = await tempDir();
    const { file, data } = await withBackup(folder.path);
    await expect(restoreBackup(file, data)).rejects.toMatchObject({
      code: 'BACKUP_EXISTS',
      message: `${data} is not empty (sluice.db, sluice.head); choose an empty folder, or replace its data with --force`,
    });
    await restoreBackup(file, data, { force: true });
    await using opened = await openEngine(data);
    expect(read(opened, 'k')).toBe('from the backup');
    expect(opened.warnings).toEqual([]);
    expect(await readdir(data)).not.toContain('sluice.restoring');
  });

  it('takes an empty folder as it is', async () => {
    await using folder = await tempDir();
    const { file } = await withBackup(folder.path);
    await mkdir(join(folder.path, 'empty'));
    await restoreBackup(file, join(folder.path, 'empty'));
    await using opened = await openEngine(join(folder.path, 'empty'));
    expect(read(opened, 'k')).toBe('from the backup');
  });

  it('of a file that is damaged or none is refused before the folder is touched', async () => {
    await using folder = await tempDir();
    const { file, data } = await withBackup(folder.path);
    const target = join(folder.path, 'target');
    const flipped = join(folder.path, 'flipped');
    const bytes = await readFile(file);
    bytes[bytes.indexOf('from the backup')] = 'F'.charCodeAt(0);
    await writeFile(flipped, bytes);
    const cut = join(folder.path, 'cut');
    await copyFile(file, cut);
    await truncate(cut, (await stat(file)).size - 4096);
    const text = join(folder.path, 'text');
    await writeFile(text, 'this is a letter');
    const words: readonly (readonly [string, RegExp])[] = [
      [flipped, /does not match its checksum/],
      [cut, /malformed/],
      [text, /file is not a database/],
      [join(folder.path, 'absent'), /ENOENT/],
    ];
    for (const [broken, why] of words) {
      for (const into of [target, data]) {
        await expect(restoreBackup(broken, into, { force: true }), broken).rejects.toMatchObject({
          code: 'BACKUP_INVALID',
          message: expect.stringMatching(why),
        });
      }
    }
    expect(await readdir(folder.path)).not.toContain('target');
    await using opened = await openEngine(data);
    expect(read(opened, 'k')).toBe('newer');
  });
});
