import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { at, digestOf, filesBelow, readIfPresent, root, SetupError, say, sha256 } from './project.mjs';

const stampFile = '.build-stamp';
const temporary = /^\.dist-(\d+)(-old)?$/;

/** What `dist` is made from: the sources without their tests, the compiler's settings, the installed packages. */
function wanted() {
  const sources = filesBelow(at('src')).filter((file) => !file.endsWith('.test.ts'));
  const settings = ['tsconfig.json', 'tsconfig.build.json'].map((name) => at(name));
  return sha256(digestOf([...sources, ...settings]), readIfPresent(at('package-lock.json')) ?? '');
}

/**
 * Compiles `src` into `dist` unless `dist` is already made from exactly these sources.
 * The compiler writes beside `dist`, and the finished folder, stamp inside, takes its place by a rename: an interrupted
 * or failed build never leaves a `dist` that looks complete. Throws a SetupError when the sources do not compile.
 */
export function ensureBuilt({ always = false } = {}) {
  const stamp = wanted();
  if (!always && readIfPresent(at('dist', stampFile)) === stamp) return false;
  say('sluice: building dist from src (tsc) …');
  removeLeftovers();
  const fresh = at(`.dist-${process.pid}`);
  try {
    const tsc = at('node_modules', 'typescript', 'bin', 'tsc');
    const arguments_ = [tsc, '-p', at('tsconfig.build.json'), '--outDir', fresh, '--noEmitOnError'];
    const { status, error } = spawnSync(process.execPath, arguments_, { cwd: root, stdio: ['ignore', 2, 2] });
    if (error) throw error;
    if (status !== 0) throw new SetupError('the build failed; the errors are above, `dist` is as it was');
    const command = `${fresh}/cli/main.js`;
    if (existsSync(command)) chmodSync(command, 0o755);
    writeFileSync(`${fresh}/${stampFile}`, stamp);
    replace(fresh, at('dist'), `${fresh}-old`);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return true;
}

/** Two renames. Another build may put its `dist` between them; then ours, at least as new, replaces it in turn. */
function replace(fresh, target, aside) {
  for (let attempt = 1; ; attempt++) {
    try {
      if (existsSync(target)) renameSync(target, aside);
      renameSync(fresh, target);
      break;
    } catch (error) {
      if (attempt === 5 || !['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code)) throw error;
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  }
}

/** Folders of builds that were killed: those whose process is gone, and in any case those older than an hour. */
function removeLeftovers() {
  for (const name of readdirSync(root)) {
    const pid = temporary.exec(name)?.[1];
    if (pid === undefined) continue;
    const old = Date.now() - statSync(at(name)).mtimeMs > 3_600_000;
    if (old || !isRunning(Number(pid))) rmSync(at(name), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
