import { SluiceError } from '../errors.ts';

/** Copies the data folder of a node that is not running into `file`. @throws SluiceError DATA_LOCKED, DATA_DAMAGED, DATA_UNAVAILABLE */
export function backupDataFolder(_folder: string, _file: string): Promise<void> {
  return Promise.reject(new SluiceError('NOT_SUPPORTED', 'a backup of a folder is not part of this version'));
}

/** Makes a data folder from a backup. @throws SluiceError BACKUP_INVALID, BACKUP_EXISTS, DATA_LOCKED, DATA_UNAVAILABLE */
export function restoreDataFolder(
  _file: string,
  _folder: string,
  _options: { readonly force: boolean },
): Promise<void> {
  return Promise.reject(new SluiceError('NOT_SUPPORTED', 'a restore is not part of this version'));
}
