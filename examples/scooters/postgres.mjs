import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import pg from 'pg';
import { freePort, until } from './tools.mjs';

/**
 * A PostgreSQL on this machine, with an empty database in a temporary folder, from the programs that are installed. It refuses to run as root,
 * so there it runs as `nobody`.
 */
export async function startPostgres() {
  const programs = findPrograms();
  if (programs === undefined) throw new Error('--postgres: PostgreSQL is not installed: apt-get install postgresql');
  const owner = process.getuid?.() === 0 ? nobody() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'scooters-postgres-'));
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  if (owner !== undefined) for (const path of [folder, passwordFile]) chownSync(path, owner.uid, owner.gid);
  const server = new PostgresServer({ folder, data, password, owner, program: join(programs, 'postgres') });
  process.on('exit', () => server.end());
  const login = ['-U', 'fleet', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const args = ['-D', data, ...login, '-E', 'UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(join(programs, 'initdb'), args, { cwd: folder, encoding: 'utf8', ...owner });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`, { cause: made.error });
  server.port = await freePort();
  await server.start();
  return server;
}

class PostgresServer {
  program;
  port;
  #place;
  #child;
  #output = '';

  constructor(place) {
    this.program = place.program;
    this.#place = place;
  }

  get url() {
    return `postgres://fleet:${this.#place.password}@127.0.0.1:${this.port}/postgres`;
  }

  /** After a kill -9 it may have to wait for the processes that are left behind: it is tried until it answers. */
  async start() {
    await until(() => this.#try(), 'PostgreSQL answers', 30_000).catch((error) => {
      throw new Error(`${error.message}\n${this.#output}`);
    });
  }

  /** kill -9 of the process that holds all others. */
  async kill(signal = 'SIGKILL') {
    if (this.#isOver()) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
  }

  async close() {
    await this.kill('SIGQUIT');
    this.end();
  }

  /** For the end of this process. */
  end() {
    if (!this.#isOver()) this.#child.kill('SIGQUIT');
    rmSync(this.#place.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #isOver() {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #try() {
    if (this.#isOver()) this.#spawn();
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.end();
    return true;
  }

  #spawn() {
    const { folder, data, owner } = this.#place;
    const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`];
    const args = ['-D', data, '-p', `${this.port}`, ...settings.flatMap((setting) => ['-c', setting])];
    this.#child = spawn(this.program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...owner });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#output = `${this.#output}${text}`.slice(-4000);
    });
  }
}

/** The folder with `postgres` and `initdb`. Debian keeps it off the path, one for each version. */
function findPrograms() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const debian = versions.sort((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/postgresql/${version}/bin`);
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(isAbsolute), ...debian];
  return folders.find((folder) => ['postgres', 'initdb'].every((name) => existsSync(join(folder, name))));
}

function nobody() {
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (entry === null) throw new Error('there is no user nobody to run PostgreSQL as');
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}
