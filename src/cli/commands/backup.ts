import { access, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SluiceError } from '../../errors.ts';
import { formatByteSize } from '../../kernel/bytesize.ts';
import { adminFailure, askAdmin } from '../ask-admin.ts';
import { exitOk, usageError } from '../exit-status.ts';
import { type NodeTarget, nodeTarget } from '../node-target.ts';

/** `sluice backup FILE`. */
export async function backup(options: Readonly<Record<string, unknown>>, [file]: readonly string[]): Promise<number> {
  const target = resolve(file as string);
  const data = options['data'] as string | undefined;
  if (data !== undefined && options['admin'] !== undefined) throw usageError('--data and --admin exclude each other');
  if (options['force'] !== true && (await exists(target))) {
    throw new SluiceError('BACKUP_EXISTS', `${target} exists; --force replaces it`);
  }
  const part = `${target}.part`;
  try {
    // What an earlier attempt that was killed has left.
    await rm(part, { force: true });
    if (data === undefined) {
      await download(await nodeTarget(options, 'admin'), part);
    } else {
      const { backupDataFolder } = await import('../../app/offline.ts');
      await backupDataFolder(resolve(data), part);
    }
    const size = await syncFile(part);
    await rename(part, target);
    // The rename itself; some systems cannot sync a folder, and the file is complete either way.
    await syncFile(dirname(target)).catch(() => 0);
    process.stdout.write(`${target}: ${formatByteSize(size)}\n`);
    return exitOk;
  } catch (error) {
    await rm(part, { force: true });
    throw fileError(error, target);
  }
}

/** Streams the backup of a running node into `file`; resolves when the whole of it has arrived. */
async function download(node: NodeTarget, file: string): Promise<void> {
  // Open before anything can fail: a stream that is destroyed while it opens its file makes the file after it was removed.
  await using handle = await open(file, 'w', 0o600);
  const response = await askAdmin(node, { path: '/api/backup' });
  if (response.statusCode !== 200) throw await adminFailure(node, response, 'a backup');
  // A connection that ends before the last chunk makes the pipeline fail, so a short file never passes for a backup.
  await pipeline(response, handle.createWriteStream());
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Forces a file (or the entries of a folder) to disk; returns its length. */
async function syncFile(path: string): Promise<number> {
  await using file = await open(path, 'r');
  await file.sync();
  return (await file.stat()).size;
}

function fileError(error: unknown, target: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = ['ENOENT', 'EACCES', 'ENOSPC', 'EIO', 'EROFS', 'EISDIR', 'ENOTDIR', 'EDQUOT', 'ECONNRESET'];
  if (error instanceof SluiceError || code === undefined || !known.includes(code)) return error;
  return new SluiceError('DATA_UNAVAILABLE', `no backup was written to ${target}: ${message}`, { cause: error });
}
