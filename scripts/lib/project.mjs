import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The set-up could not be done, and the reader has been or is now told why. `status` is what the process ends with. */
export class SetupError extends Error {
  constructor(message, status = 1) {
    super(message);
    this.status = status;
  }
}

/** A path inside the project, from `/`-separated parts. */
export const at = (...parts) => join(root, ...parts);

/** The content of a small file, or undefined when it is not there. */
export function readIfPresent(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

export const sha256 = (...chunks) => {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk).update('\0');
  return hash.digest('hex');
};

/** Every file below `folder`, as absolute paths in a stable order; nothing when the folder is not there. */
export function filesBelow(folder) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/**
 * What belongs to the project: the files git tracks, and those that are new and not ignored, relative to the root.
 * Outside a git work tree (an unpacked archive) all files but those that are installed or built.
 */
export function projectFiles() {
  const git = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const names =
    git.status === 0
      ? git.stdout.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))
      : filesBelow(root)
          .map((file) => relative(root, file).split(sep).join('/'))
          .filter((name) => !/^(?:dist|\.dist-\d+(?:-old)?|\.git|sluice-data)\//.test(name));
  return [...new Set(names)].sort();
}

/** Path, size and modification time of each file: cheaper than reading them, and enough to see an edit. */
export function digestOf(files) {
  return sha256(
    ...files.map((file) => {
      const { size, mtimeMs } = statSync(file);
      return `${relative(root, file).split(sep).join('/')} ${size} ${mtimeMs}`;
    }),
  );
}

/** Messages of the set-up go to stderr: stdout belongs to the program that is started. */
export const say = (message) => process.stderr.write(`${message}\n`);
