import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json. */
export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What a finished program said and how it ended; `status` is null when a signal ended it. */
export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary copy of this project, or of parts of it, that is removed with `[Symbol.dispose]`. */
export interface ProjectCopy extends Disposable {
  readonly root: string;
  /** Runs a script of the copy with this Node; `environment` is laid over ours, undefined removes a variable. */
  node(args: readonly string[], environment?: Record<string, string | undefined>): Promise<Finished>;
}

/**
 * Copies what git tracks and what is new and not ignored, times included, and links node_modules.
 * @param only paths, or beginnings of paths with a closing slash, to copy; all when left out.
 * @param options.built also copy `dist`, so that the copy need not be built.
 */
export function copyProject(only?: readonly string[], { built = false }: { built?: boolean } = {}): ProjectCopy {
  const root = mkdtempSync(join(tmpdir(), 'sluice-copy-'));
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: projectRoot,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr}`);
  const names = listed.stdout.split('\0').filter((name) => name !== '' && existsSync(join(projectRoot, name)));
  for (const name of new Set(names)) {
    const wanted =
      only === undefined || only.some((part) => (part.endsWith('/') ? name.startsWith(part) : name === part));
    if (wanted) copy(name, root);
  }
  if (built && existsSync(join(projectRoot, 'dist'))) copy('dist', root);
  symlinkSync(join(projectRoot, 'node_modules'), join(root, 'node_modules'), 'dir');
  return {
    root,
    node: (args, environment = {}) => runNode(root, args, environment),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

function copy(name: string, root: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  cpSync(join(projectRoot, name), join(root, name), { recursive: true, preserveTimestamps: true });
}

function runNode(
  root: string,
  args: readonly string[],
  environment: Record<string, string | undefined>,
): Promise<Finished> {
  // What `npm test` and vitest told this process is not for the copy.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:SLUICE_|VITEST)/.test(name));
  const all = Object.entries({ ...Object.fromEntries(inherited), ...environment });
  const env: NodeJS.ProcessEnv = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((done, failed) => {
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', failed);
    child.once('close', (status) => done({ status, stdout, stderr }));
  });
}
