import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { RespConnection } from '../support/resp.mjs';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Processes and folders that must not outlive this process, however it ends. */
const leftovers = new Set();
process.once('exit', () => {
  for (const remove of [...leftovers].reverse()) remove();
});

export function temporaryFolder(name) {
  const path = mkdtempSync(join(tmpdir(), name));
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  leftovers.add(remove);
  return {
    path,
    remove() {
      leftovers.delete(remove);
      remove();
    },
  };
}

/** Starts a process that ends with this one. `output()` is the newest part of what it has printed. */
export function startProcess(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-65_536);
    });
  const end = () => child.kill('SIGKILL');
  leftovers.add(end);
  const node = { pid: child.pid, output: () => output, isOver: false, ended: undefined, kill: undefined };
  node.ended = once(child, 'close').then(([code, signal]) => {
    leftovers.delete(end);
    node.isOver = true;
    return code ?? signal;
  });
  node.signal = (signal) => child.kill(signal);
  node.kill = (signal = 'SIGKILL') => {
    if (!node.isOver) child.kill(signal);
    return node.ended;
  };
  return node;
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Tries again until it neither throws nor rejects. */
export async function eventually(work, withinMs = 20_000, everyMs = 20) {
  const until = performance.now() + withinMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(everyMs);
    }
  }
}

/** A server that is killed and started again with the same files on the same port. */
class Server {
  port;
  #start;
  #ask;
  #process;
  #folder;

  constructor({ port, folder, start, ask }) {
    this.port = port;
    this.#folder = folder;
    this.#start = start;
    this.#ask = ask;
  }

  async restart() {
    await this.kill();
    // What a killed server has left behind may hold its files for a moment.
    await eventually(async () => {
      const running = this.#start();
      this.#process = running;
      await eventually(async () => {
        if (!running.isOver) await this.#ask();
      }, 20_000);
      if (running.isOver) throw new Error(`it ended:\n${running.output()}`);
    }, 30_000);
  }

  async kill() {
    await this.#process?.kill();
  }

  freeze() {
    this.#process?.signal('SIGSTOP');
  }

  thaw() {
    this.#process?.signal('SIGCONT');
  }

  async close() {
    await this.kill();
    this.#folder.remove();
  }
}

const folders = () => [
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/sbin',
  ...versionsOf('/usr/lib/postgresql').map((version) => join(version, 'bin')),
];

/** @throws Error with what to install */
function programOf(variable, names) {
  const given = process.env[variable];
  const paths = given ? [given] : folders().flatMap((folder) => names.map((name) => join(folder, name)));
  const found = paths.find(isProgram);
  if (found === undefined) throw new Error(`${names[0]} is not installed; ${variable}=/path/to/it names one`);
  return found;
}

/** Whether the server of a database or store is there. */
export function isInstalled(name) {
  try {
    if (name === 'postgres') programOf('SLUICE_TEST_POSTGRES', ['postgres']);
    if (name === 'mariadb') programOf('SLUICE_TEST_MARIADB', ['mariadbd']);
    if (name === 'redis') programOf('SLUICE_TEST_REDIS', ['redis-server', 'valkey-server']);
    return true;
  } catch {
    return false;
  }
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function versionsOf(folder) {
  try {
    return readdirSync(folder)
      .sort((a, b) => Number(b) - Number(a))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** The servers refuse to run as root. */
function unprivileged() {
  if (process.getuid?.() !== 0) return undefined;
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  return { uid: Number(uid), gid: Number(gid) };
}

function databaseFolder() {
  const folder = temporaryFolder('sluice-fault-db-');
  const data = join(folder.path, 'data');
  mkdirSync(data, { mode: 0o700 });
  const owner = unprivileged();
  if (owner !== undefined) for (const path of [folder.path, data]) chownSync(path, owner.uid, owner.gid);
  return { folder, data, owner };
}

function run(program, args, options) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${program} failed:\n${stdout}\n${stderr}`, { cause: error });
}

/** redis-server that keeps every write it has answered. */
export async function startRedisServer() {
  const program = programOf('SLUICE_TEST_REDIS', ['redis-server', 'valkey-server']);
  const folder = temporaryFolder('sluice-fault-redis-');
  const port = await freePort();
  const settings = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction'];
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder.path, ...settings];
  const server = new Server({
    port,
    folder,
    start: () => startProcess(program, args),
    ask: async () => {
      const connection = await RespConnection.connect(port);
      try {
        const [reply] = await connection.send([['GET', 'none']]);
        if (reply instanceof Error) throw reply;
      } finally {
        connection.close();
      }
    },
  });
  await server.restart();
  return server;
}

/** `{ url(port), run(sql), restart, kill, close, columns }`: a real PostgreSQL with fsync on. */
export async function startPostgresServer() {
  const program = programOf('SLUICE_TEST_POSTGRES', ['postgres']);
  const { default: pg } = await import('pg');
  const { folder, data, owner } = databaseFolder();
  const env = { ...process.env, HOME: folder.path };
  const options = { cwd: folder.path, env, ...owner };
  const login = ['-U', 'owner', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  run(join(dirname(program), 'initdb'), ['-D', data, ...login], options);
  const port = await freePort();
  const settings = [
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder.path}`,
    'shared_buffers=32MB',
    'max_wal_size=256MB',
  ];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  const query = async (sql) => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'owner', database: 'postgres' });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows ?? [];
    } finally {
      await client.end().catch(() => {});
    }
  };
  const server = new Server({
    port,
    folder,
    start: () => startProcess(program, args, { ...options }),
    ask: () => query('select 1'),
  });
  await server.restart();
  const url = (relayPort) => `postgres://owner@127.0.0.1:${relayPort}/postgres`;
  return Object.assign(server, { url, run: query, text: 'text', integer: 'bigint', serial: 'bigserial' });
}

/** The same for MariaDB. */
export async function startMariadbServer() {
  const program = programOf('SLUICE_TEST_MARIADB', ['mariadbd']);
  const { createConnection } = await import('mysql2/promise');
  const { folder, data, owner } = databaseFolder();
  const env = { ...process.env, HOME: folder.path };
  const options = { cwd: folder.path, env, ...owner };
  const installer =
    ['.', '../bin', '../scripts']
      .map((place) => join(dirname(program), place, 'mariadb-install-db'))
      .find((path) => isProgram(path)) ?? 'mariadb-install-db';
  const login = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
  run(installer, ['--no-defaults', `--datadir=${data}`, ...login], options);
  const port = await freePort();
  const args = [
    ...['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1'],
    ...[`--socket=${join(folder.path, 's')}`, `--pid-file=${join(folder.path, 'pid')}`],
    ...['--skip-name-resolve', '--innodb-buffer-pool-size=16M'],
  ];
  const query = async (sql) => {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
    try {
      const [rows] = await connection.query(sql);
      return rows;
    } finally {
      await connection.end().catch(() => {});
    }
  };
  const server = new Server({
    port,
    folder,
    start: () => startProcess(program, args, options),
    ask: () => query('select 1'),
  });
  await server.restart();
  await query('create database fleet character set utf8mb4 collate utf8mb4_bin');
  await query("create user sluice@'%' identified by 'secret'");
  await query("grant all on fleet.* to sluice@'%'");
  return Object.assign(server, {
    url: (relayPort) => `mariadb://sluice:secret@127.0.0.1:${relayPort}/fleet`,
    run: async (sql) => query(sql.replaceAll(/\b((?:rows|counts|totals|events|fences)_\d+)\b/g, 'fleet.$1')),
    text: 'varchar(100) collate utf8mb4_bin',
    integer: 'bigint',
    serial: 'bigint auto_increment primary key',
  });
}

/** SQLite has no server: a file, read beside the node that writes to it. */
export async function openSqliteFile() {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const folder = temporaryFolder('sluice-fault-db-');
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec('pragma journal_mode = wal; pragma busy_timeout = 2000');
  return {
    url: () => `sqlite:${file}`,
    text: 'text',
    integer: 'integer',
    serial: 'integer primary key autoincrement',
    run: async (sql) => database.prepare(sql).all(),
    close() {
      database.close();
      folder.remove();
    },
  };
}
