import { access, open, rename, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SluiceError } from '../../errors.ts';
import { formatByteSize } from '../../kernel/bytesize.ts';
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
  const where = `${node.host}:${node.port}`;
  // Open before anything can fail: a stream that is destroyed while it opens its file makes the file after it was removed.
  await using handle = await open(file, 'w', 0o600);
  let response: IncomingMessage;
  try {
    response = await requestBackup(node);
  } catch (error) {
    throw new SluiceError('STORE_UNAVAILABLE', `${where}: ${(error as Error).message}; is Sluice running?`, {
      cause: error,
    });
  }
  const { statusCode } = response;
  if (statusCode !== 200) {
    const detail = await problemOf(response);
    if (statusCode === 401) throw new SluiceError('UNAUTHENTICATED', `${where}: the credentials were not accepted`);
    if (statusCode === 403) throw new SluiceError('FORBIDDEN', `${where}: the credentials do not allow a backup`);
    throw new SluiceError('STORE_UNAVAILABLE', `${where} answered ${statusCode}${detail}`);
  }
  // A connection that ends before the last chunk makes the pipeline fail, so a short file never passes for a backup.
  await pipeline(response, handle.createWriteStream());
}

function requestBackup(node: NodeTarget): Promise<IncomingMessage> {
  const send = node.tls === undefined ? httpRequest : httpsRequest;
  const headers: Record<string, string> = {};
  if (node.password !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${node.user ?? 'default'}:${node.password}`).toString('base64')}`;
  }
  return new Promise((done, fail) => {
    const request = send(
      {
        host: node.host,
        port: node.port,
        path: '/api/backup',
        headers,
        agent: false,
        ...(node.tls?.ca && { ca: node.tls.ca }),
      },
      done,
    );
    request.on('error', fail);
    request.end();
  });
}

/** The detail of a problem+json answer, or nothing. */
async function problemOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += chunk as string;
    if (text.length > 64 * 1024) break;
  }
  try {
    const { detail, title } = JSON.parse(text) as { detail?: string; title?: string };
    const words = detail ?? title;
    return words === undefined ? '' : `: ${words}`;
  } catch {
    return '';
  }
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
