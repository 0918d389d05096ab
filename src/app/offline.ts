import { backupDatabase, restoreBackup } from '../store/engine/backup.ts';

/**
 * Copies the data folder of a node, running or not, into `file`.
 * @throws SluiceError BACKUP_EXISTS, DATA_DAMAGED, DATA_VERSION, DATA_UNAVAILABLE
 */
export async function backupDataFolder(folder: string, file: string): Promise<void> {
  await backupDatabase(folder, file);
}

/** Makes a data folder from a backup. @throws SluiceError BACKUP_INVALID, BACKUP_EXISTS, DATA_LOCKED, DATA_UNAVAILABLE */
export function restoreDataFolder(file: string, folder: string, options: { readonly force: boolean }): Promise<void> {
  return restoreBackup(file, folder, options);
}
