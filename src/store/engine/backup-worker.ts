import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { isSluiceError, SluiceError } from '../../errors.ts';
import type { BackupReply, BackupTask } from './backup.ts';
import { createFile, DataFolder, dataError, removeFile, syncFolder } from './data-folder.ts';
import { EffectReader } from './effect-codec.ts';
import { JournalReader } from './journal-file.ts';
import { type Database, loadSqlite, type OpenDatabase } from './sqlite.ts';

/** Copies the folder's database as of this moment; a node that uses the folder goes on meanwhile. */
function backup(open: OpenDatabase, dataDir: string, file: string): void {
  const folder = new DataFolder(dataDir);
  if (!existsSync(folder.database))
    throw new SluiceError('DATA_UNAVAILABLE', `${folder.path} is no data folder: it has no sluice.db`);
  if (existsSync(file)) throw new SluiceError('BACKUP_EXISTS', `${file} exists; choose another file or remove it`);
  let source: Database | undefined;
  try {
    createFile(file);
    source = open(folder.database, { readOnly: true });
    source.prepare('VACUUM INTO ?').run(file);
    source.close();
    source = undefined;
    // What was damaged in the folder would be found only when the backup is needed.
    verify(open, file);
    syncFile(file);
    syncFolder(dirname(file));
  } catch (error) {
    source?.close();
    removeFile(file);
    throw dataError(error, `${folder.database} cannot be backed up to ${file}`);
  }
}

function restore(open: OpenDatabase, file: string, dataDir: string, force: boolean): void {
  try {
    verify(open, file);
  } catch (error) {
    const cause = dataError(error, `${file} cannot be read`);
    throw new SluiceError('BACKUP_INVALID', `${file} is no backup that can be restored: ${cause.message}`, { cause });
  }
  const folder = new DataFolder(dataDir);
  folder.create();
  const lock = folder.acquire(open);
  try {
    const found = readdirSync(folder.path).filter((name) => !name.startsWith(basename(folder.lock)));
    if (found.length > 0 && !force) {
      throw new SluiceError(
        'BACKUP_EXISTS',
        `${folder.path} is not empty (${found.slice(0, 3).join(', ')}); choose an empty folder, or replace its data with --force`,
      );
    }
    const part = `${folder.restoring}.part`;
    removeFile(part);
    createFile(part);
    copyFileSync(file, part);
    syncFile(part);
    // From here on the restore is finished by whoever opens the folder next, should we not come to it.
    renameSync(part, folder.restoring);
    syncFolder(folder.path);
    folder.finishRestore();
  } catch (error) {
    throw dataError(error, `${file} cannot be restored into ${folder.path}`);
  } finally {
    lock.close();
  }
}

/** Reads all of it: format, checksums, that no change is missing, that every frame can be read. */
function verify(open: OpenDatabase, file: string): void {
  const reader = new JournalReader(open, file);
  try {
    reader.meta();
    for (const { effects } of reader.contents(reader.image())) {
      const frames = new EffectReader(effects);
      try {
        while (frames.next() !== undefined);
      } catch (error) {
        throw reader.damaged(error instanceof Error ? error.message : String(error));
      }
    }
  } finally {
    reader.close();
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function run(open: OpenDatabase, task: BackupTask): BackupReply {
  try {
    if (task.kind === 'backup') backup(open, task.dataDir, task.file);
    else restore(open, task.file, task.dataDir, task.force);
    return { bytes: statSync(task.file).size };
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    const { code, message, details } = error;
    return { code, message, ...(details === undefined ? {} : { details }) };
  }
}

parentPort?.postMessage(run(await loadSqlite(), workerData as BackupTask));
