import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';

/** A real program the tests talk to. */
export type ProgramName = 'redis-server' | 'redis-cli' | 'redis-benchmark' | 'python3-redis' | 'postgres' | 'mariadbd';

interface Program {
  /** The environment variable that names the program; `npm test` sets it. */
  readonly variable: string;
  readonly names: readonly string[];
  readonly install: string;
  /** Whether the program found is of use. */
  readonly works?: (path: string) => boolean;
}

const programs: Readonly<Record<ProgramName, Program>> = {
  'redis-server': {
    variable: 'SLUICE_TEST_REDIS',
    names: ['redis-server', 'valkey-server'],
    install: 'apt-get install redis-server',
  },
  'redis-cli': {
    variable: 'SLUICE_TEST_REDIS_CLI',
    names: ['redis-cli', 'valkey-cli'],
    install: 'apt-get install redis-tools',
  },
  'redis-benchmark': {
    variable: 'SLUICE_TEST_REDIS_BENCHMARK',
    names: ['redis-benchmark', 'valkey-benchmark'],
    install: 'apt-get install redis-tools',
  },
  'python3-redis': {
    variable: 'SLUICE_TEST_PYTHON',
    names: ['python3', '/usr/bin/python3'],
    install: 'apt-get install python3-redis',
    works: (path) => spawnSync(path, ['-c', 'import redis'], { stdio: 'ignore' }).status === 0,
  },
  postgres: {
    variable: 'SLUICE_TEST_POSTGRES',
    // Debian keeps it off the path, in a folder per version.
    names: ['postgres', ...versionsIn('/usr/lib/postgresql').map((version) => `${version}/bin/postgres`)],
    install: 'apt-get install postgresql',
  },
  mariadbd: {
    variable: 'SLUICE_TEST_MARIADB',
    names: ['mariadbd', '/usr/sbin/mariadbd', '/usr/libexec/mariadbd'],
    install: 'apt-get install mariadb-server',
  },
};

/**
 * The path of the program, or undefined when this machine has none: the caller skips, giving {@link howToInstall} as the reason.
 * @throws Error when it is missing and `CI` is set: there a missing server is a failure.
 */
export function findProgram(name: ProgramName): string | undefined {
  const { variable, names, works = () => true } = programs[name];
  const given = process.env[variable];
  const found = given ? [resolve(given)] : names.flatMap(candidates).filter(works);
  const path = found.find(isExecutable);
  if (path === undefined && (given || isCi())) throw new Error(howToInstall(name));
  return path;
}

/** What to do about a missing program, in one line. */
export function howToInstall(name: ProgramName): string {
  const { variable, install } = programs[name];
  const given = process.env[variable];
  if (given) return `${variable}=${given} is not a program that can be run`;
  return `${name} is not installed: ${install}, or name one with ${variable}=/path/to/it`;
}

function candidates(name: string): string[] {
  if (isAbsolute(name)) return [name].filter(isExecutable);
  const server = process.env['SLUICE_TEST_REDIS'];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  // A server named by the caller has its tools beside it.
  if (server) folders.push(dirname(resolve(server)));
  return folders.map((folder) => join(folder, name)).filter(isExecutable);
}

/** The folders in a folder, newest version first. */
function versionsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .sort((a, b) => Number(b) - Number(a))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isCi(): boolean {
  return !['', '0', 'false'].includes(process.env['CI'] ?? '');
}
