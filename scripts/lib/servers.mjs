import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { say } from './project.mjs';

/**
 * The programs the tests talk to. `find` answers the path of the program, or undefined; `variable` is how the tests are
 * told of it (and how a caller names another one); `debian` are the packages that bring it.
 */
const programs = [
  {
    name: 'redis-server',
    variable: 'SLUICE_TEST_REDIS',
    debian: 'redis-server',
    find: () => named('SLUICE_TEST_REDIS') ?? onPath('redis-server') ?? onPath('valkey-server'),
  },
  {
    name: 'redis-cli',
    variable: 'SLUICE_TEST_REDIS_CLI',
    debian: 'redis-tools',
    find: () => named('SLUICE_TEST_REDIS_CLI') ?? onPath('redis-cli') ?? beside('cli'),
  },
  {
    name: 'redis-benchmark',
    variable: 'SLUICE_TEST_REDIS_BENCHMARK',
    debian: 'redis-tools',
    find: () => named('SLUICE_TEST_REDIS_BENCHMARK') ?? onPath('redis-benchmark') ?? beside('benchmark'),
  },
  {
    name: 'strace',
    variable: 'SLUICE_TEST_STRACE',
    debian: 'strace',
    // It traces Linux system calls: elsewhere there is nothing to install.
    only: 'linux',
    find: () => named('SLUICE_TEST_STRACE') ?? onPath('strace'),
  },
  {
    name: 'python3 with the redis module',
    variable: 'SLUICE_TEST_PYTHON',
    debian: 'python3-redis',
    find: () => pythonWith('redis'),
  },
  {
    name: 'postgres',
    variable: 'SLUICE_TEST_POSTGRES',
    debian: 'postgresql',
    find: () => named('SLUICE_TEST_POSTGRES') ?? onPath('postgres') ?? newestPostgres(),
  },
  {
    name: 'mariadbd',
    variable: 'SLUICE_TEST_MARIADB',
    debian: 'mariadb-server',
    find: () =>
      named('SLUICE_TEST_MARIADB') ??
      onPath('mariadbd') ??
      ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd'].find(isExecutable),
  },
  {
    name: 'python3 with the modules fastapi and uvicorn',
    debian: 'python3-fastapi python3-uvicorn',
    find: () => pythonWith('redis, fastapi, uvicorn'),
  },
];

const isCi = () => !['', '0', 'false'].includes(process.env['CI'] ?? '');

/**
 * Finds the real servers and tools, installs what is missing where it may (Debian or Ubuntu, as root), and says what to
 * install where it may not. Returns the environment for the tests: a path per program
 * found; the tests of those that are not skip themselves (`findProgram` in test/support/programs.ts).
 * Returns undefined when tests may not run: something is missing and `CI` is set, or a variable names a wrong path.
 */
export function ensureServers() {
  for (const { variable } of programs) {
    const path = variable === undefined ? undefined : process.env[variable];
    if (path && !isExecutable(resolve(path))) {
      say(`sluice: ${variable}=${path} is not a program that can be run`);
      return undefined;
    }
  }
  let found = findAll();
  const packages = [...new Set(missingOf(found).flatMap(({ debian }) => debian.split(' ')))];
  if (packages.length > 0 && isDebian() && process.getuid() === 0) {
    installWithApt(packages);
    found = findAll();
  }
  const missing = missingOf(found);
  if (missing.length > 0) {
    explain(missing);
    if (isCi()) {
      say('sluice: CI is set, so a missing server is a failure');
      return undefined;
    }
    say('sluice: going on without; the tests that need them are skipped and counted as skipped');
  }
  return Object.fromEntries(
    found
      .filter(({ path, variable }) => path !== undefined && variable !== undefined)
      .map(({ variable, path }) => [variable, path]),
  );
}

const findAll = () =>
  programs
    .filter(({ only }) => only === undefined || only === process.platform)
    .map((program) => ({ ...program, path: program.find() }));

const missingOf = (found) => found.filter(({ path }) => path === undefined);

function explain(missing) {
  const debian = [...new Set(missing.map((program) => program.debian))].join(' ');
  say(`sluice: not found: ${missing.map(({ name }) => name).join(', ')}. To install:`);
  say(`  Debian, Ubuntu   sudo apt-get install --no-install-recommends ${debian}`);
  say(
    '  Fedora           sudo dnf install valkey strace postgresql-server mariadb-server python3-redis python3-fastapi python3-uvicorn',
  );
  say('  macOS            brew install redis postgresql mariadb && python3 -m pip install redis fastapi uvicorn');
  say('  or name a server: SLUICE_TEST_REDIS=/path/to/redis-server (or valkey-server) npm test');
}

/** Installs Debian packages without starting the services they bring. A failure is reported by what is still missing. */
function installWithApt(packages) {
  say(`sluice: installing ${packages.join(' ')} with apt-get …`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', LC_ALL: 'C' };
  const apt = (...args) => {
    const { status } = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      env: environment,
      stdio: ['ignore', 2, 2],
    });
    return status === 0;
  };
  withoutServices(() => {
    apt('update');
    if (!apt('install', '-y', '--no-install-recommends', ...packages))
      say('sluice: apt-get install failed (see above)');
  });
}

/**
 * Debian's packages start their service after installation unless /usr/sbin/policy-rc.d says no (status 101). Where
 * somebody has put a policy there already, theirs stands.
 */
function withoutServices(work) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-policy-'));
  const script = join(folder, 'policy-rc.d');
  writeFileSync(script, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const undo = () => {
    rmSync(policy, { force: true });
    rmSync(folder, { recursive: true, force: true });
  };
  symlinkSync(script, policy);
  // apt-get runs as a blocking child: a Ctrl-C reaches us only when it is over, and then this still runs.
  process.once('exit', undo);
  try {
    return work();
  } finally {
    process.removeListener('exit', undo);
    undo();
  }
}

const isDebian = () => process.platform === 'linux' && existsSync('/etc/debian_version') && onPath('apt-get');

function named(variable) {
  const path = process.env[variable];
  return path ? resolve(path) : undefined;
}

function onPath(name) {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, name);
    if (isAbsolute(folder) && isExecutable(file)) return file;
  }
  return undefined;
}

/** The tool that belongs to a server named by the caller: valkey-cli beside valkey-server. */
function beside(tool) {
  const server = named('SLUICE_TEST_REDIS') ?? onPath('valkey-server');
  if (server === undefined) return undefined;
  return ['redis', 'valkey'].map((kind) => join(dirname(server), `${kind}-${tool}`)).find(isExecutable);
}

/** Debian keeps it off the path, in a folder per version. */
function newestPostgres() {
  const folder = '/usr/lib/postgresql';
  const versions = existsSync(folder) ? readdirSync(folder).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(folder, version, 'bin', 'postgres')).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The first Python that can import all of these. */
function pythonWith(modules) {
  const works = (python) => spawnSync(python, ['-c', `import ${modules}`], { stdio: 'ignore' }).status === 0;
  const candidates = [named('SLUICE_TEST_PYTHON'), onPath('python3'), '/usr/bin/python3'];
  return candidates.find((python) => python !== undefined && existsSync(python) && works(python));
}
