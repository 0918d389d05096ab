import { lstatSync, writeFileSync } from 'node:fs';
import { npm } from './npm.mjs';
import { at, readIfPresent, root, SetupError, say, sha256 } from './project.mjs';

const stampFile = () => at('node_modules', '.sluice-install');

/** What an installation depends on, a line each: the lock file; the Node major and the platform, for native code. */
function wanted(lock) {
  const [major] = process.versions.node.split('.');
  return { lock: sha256(lock), machine: `node ${major} ${process.platform} ${process.arch}` };
}

/**
 * True when npm's own record of what it put into node_modules names every package of the lock at the same version,
 * so that somebody who ran `npm ci` by hand does not pay for it twice.
 */
function alreadyInstalled(lock) {
  const record = readIfPresent(at('node_modules', '.package-lock.json'));
  if (record === undefined) return false;
  const present = JSON.parse(record).packages ?? {};
  return Object.entries(JSON.parse(lock).packages).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const found = present[path];
    // A package for another platform, or an optional peer, is in the lock and rightly not on the disk.
    if (found === undefined) return entry.optional === true || entry.peer === true || entry.devOptional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/**
 * Brings node_modules to what package-lock.json says. Does nothing (one read of the lock, about 1 ms) when it is there.
 * Returns true when it had to install. Throws a SetupError with npm's status when npm fails.
 */
export function ensureInstalled() {
  const lock = readIfPresent(at('package-lock.json'));
  if (lock === undefined) throw new SetupError('package-lock.json is missing: this is not a complete checkout');
  const want = wanted(lock);
  const stamp = `${want.lock}\n${want.machine}\n`;
  const found = readIfPresent(stampFile());
  if (found === stamp) return false;
  const machine = found?.split('\n')[1];
  if ((machine === undefined || machine === want.machine) && alreadyInstalled(lock)) {
    writeFileSync(stampFile(), stamp);
    return false;
  }
  if (lstatSync(at('node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new SetupError('node_modules is out of date and a link: install in the folder it points to');
  }
  say('sluice: installing packages from the lock file (npm ci) …');
  const { status, error } = npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // stdout belongs to the program that is started afterwards.
    stdio: ['ignore', 2, 2],
  });
  if (error) throw error;
  if (status !== 0) throw new SetupError('`npm ci` failed; what it printed is above', status ?? 1);
  // Written last: an interrupted installation leaves no stamp and is done again.
  writeFileSync(stampFile(), stamp);
  return true;
}
