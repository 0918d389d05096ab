import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { SluiceError } from '../errors.ts';
import type { AclStorage } from '../guard/credentials.ts';
import { type ByteString, toBuffer } from '../kernel/bytes.ts';

/** Longer is none that somebody wrote. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The file of users: small, and read and written while nothing else happens, as the commands that do it answer when it is done. */
export function aclFile(path: string): AclStorage {
  return {
    path,
    read() {
      let bytes: Buffer;
      try {
        bytes = readFileSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new SluiceError('CONFIG_INVALID', `aclFile: ${path} cannot be read`, { cause: error });
      }
      if (bytes.length > MAX_BYTES) throw new SluiceError('CONFIG_INVALID', `aclFile: ${path} is too large`);
      return bytes.toString('latin1');
    },
    write: (text) => replaceFile(path, text),
  };
}

/** By a new file beside it, which takes its place: whoever reads it sees the old text or the new one. */
function replaceFile(path: string, text: ByteString): void {
  const next = `${path}.${randomUUID()}.tmp`;
  try {
    // Nobody else has to read the hashes.
    const file = openSync(next, 'wx', 0o600);
    try {
      writeFileSync(file, toBuffer(text));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw new SluiceError('CONFIG_INVALID', `aclFile: ${path} cannot be written`, { cause: error });
  }
}
