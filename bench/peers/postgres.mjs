import { execFile, execFileSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  cpuSeconds,
  freePort,
  MissingProgram,
  requireProgram,
  startServer,
  temporaryFolder,
  unprivileged,
} from '../lib/process.mjs';

/** Of the development dependencies, as Sluice needs it to write to PostgreSQL. */
async function loadDriver() {
  try {
    return (await import('pg')).default;
  } catch {
    throw new MissingProgram('pg is not in node_modules');
  }
}

/**
 * A PostgreSQL server of its own with every setting as it comes: fsync and synchronous_commit are on, which is looked at. As root it runs as
 * `nobody`.
 */
export async function startPostgres() {
  const pg = await loadDriver();
  const [program, initialize] = ['postgres', 'initdb'].map(requireProgram);
  const folder = temporaryFolder('postgres');
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o700 });
  const user = unprivileged();
  if (user !== undefined) for (const path of [folder, data]) chownSync(path, user.uid, user.gid);
  const spawnOptions = { cwd: folder, env: { ...process.env, HOME: folder }, ...user };
  const login = ['-U', 'bench', '--auth=trust', '-E', 'UTF8', '--locale=C'];
  execFileSync(initialize, ['-D', data, ...login], { ...spawnOptions, stdio: 'pipe' });
  const port = await freePort();
  const url = `postgres://bench@127.0.0.1:${port}/postgres`;
  const connect = async () => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const places = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`];
  const server = await startServer(
    program,
    ['-D', data, '-p', String(port), ...places.flatMap((setting) => ['-c', setting])],
    {
      ...spawnOptions,
      name: 'postgres',
      ready: async () => {
        await (await connect()).end();
        return true;
      },
      // The other one waits until every client has gone.
      stopSignal: 'SIGINT',
    },
  );
  const control = await connect();
  const rows = async (sql, values) => (await control.query(sql, values)).rows;
  for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) {
    const [found] = await rows(`show ${setting}`);
    if (found[setting] !== 'on') throw new Error(`PostgreSQL has ${setting} ${found[setting]}`);
  }
  return {
    name: 'PostgreSQL',
    pid: server.pid,
    port,
    url,
    cpu: () => cpuSeconds(server.pid),
    /** Runs one statement, or several without values. @returns its rows */
    rows,
    /** Has what was written before in the files, so that no checkpoint of it falls into what is measured next. */
    async checkpoint() {
      await rows('checkpoint');
    },
    /** Runs a script by psql, which stops at the first error. */
    async psql(file) {
      const options = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file];
      await promisify(execFile)(requireProgram('psql'), [...options, url], { maxBuffer: 1 << 24 });
    },
    async stop() {
      await control.end();
      await server.stop();
    },
  };
}
