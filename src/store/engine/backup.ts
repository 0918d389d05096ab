import { Worker } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, SluiceError } from '../../errors.ts';
import { quiet, workerFile } from './journal-thread.ts';

/** What the backup's worker thread is started with. */
export type BackupTask =
  | { readonly kind: 'backup'; readonly dataDir: string; readonly file: string }
  | { readonly kind: 'restore'; readonly file: string; readonly dataDir: string; readonly force: boolean };

export type BackupReply =
  | { readonly bytes: number }
  | { readonly code: ErrorCode; readonly message: string; readonly details?: ErrorDetails };

/**
 * Copies a data folder into one file, consistent as of one moment and checked, whether or not a node is using the folder, of this
 * process or of another. Commits go on meanwhile.
 * @returns the size of the file.
 * @throws SluiceError BACKUP_EXISTS, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE
 */
export async function backupDatabase(dataDir: string, file: string): Promise<{ readonly bytes: number }> {
  return run({ kind: 'backup', dataDir, file });
}

/**
 * Makes the data of a folder from a backup. The backup is read through before the folder is touched.
 * @param options force: replace the data of a folder that is not empty.
 * @throws SluiceError BACKUP_INVALID, BACKUP_EXISTS, DATA_LOCKED, DATA_UNAVAILABLE
 */
export async function restoreBackup(
  file: string,
  dataDir: string,
  options: { readonly force?: boolean } = {},
): Promise<void> {
  await run({ kind: 'restore', file, dataDir, force: options.force ?? false });
}

/** In a thread of its own: SQLite's calls wait for the disk. */
function run(task: BackupTask): Promise<{ readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerFile('backup-worker'), {
      workerData: task,
      execArgv: quiet,
      name: 'sluice-backup',
    });
    let reply: BackupReply | undefined;
    worker.once('message', (message: BackupReply) => {
      reply = message;
    });
    worker.once('error', reject);
    worker.once('exit', () => {
      if (reply === undefined) reject(new SluiceError('DATA_UNAVAILABLE', `the ${task.kind} ended without a result`));
      else if ('bytes' in reply) resolve(reply);
      else
        reject(
          new SluiceError(reply.code, reply.message, reply.details === undefined ? {} : { details: reply.details }),
        );
    });
  });
}
