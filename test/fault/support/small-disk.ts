import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempDir } from '../../support/temp-dir.ts';

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Takes all but the given number of free bytes away. */
  fill(leave: number): Promise<void>;
  /** Gives back what `fill` took. */
  empty(): Promise<void>;
  /** Lets nobody open a file for writing any more. */
  makeReadOnly(): void;
}

/** Why there can be no disk of our own here, or undefined when there can. */
export function whyNoSmallDisk(): string | undefined {
  if (process.platform !== 'linux') return 'needs a tmpfs of Linux';
  if (process.getuid?.() !== 0) return 'only root may mount';
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'this machine does not allow mounts';
  }
}

/** A file system of a few MiB of its own. */
export async function smallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await tempDir('sluice-disk-');
  const ballast = join(folder.path, 'ballast');
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'none', folder.path]);
  return {
    path: folder.path,
    async fill(leave) {
      const { bavail, bsize } = statfsSync(folder.path);
      await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
    },
    empty: () => rm(ballast, { force: true }),
    makeReadOnly: () => execFileSync('mount', ['-o', 'remount,ro', folder.path]),
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', ['--lazy', folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}
