import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { type DatabaseServer, startDatabase } from './database-server.ts';
import { findProgram, howToInstall } from './programs.ts';

export interface MariadbServer extends DatabaseServer {
  readonly url: (login?: { readonly user: string; readonly password: string }) => string;
  /** Runs statements as root. */
  readonly run: (sql: string) => Promise<readonly Record<string, unknown>[]>;
}

const client = { user: 'sluice', password: 'p@ss/word %41' };

/**
 * A real MariaDB server (or what `SLUICE_TEST_MARIADB` names) with a database `fleet` and a user who may do everything in it.
 * @throws Error with what to install when there is none; callers that may skip ask `findProgram('mariadbd')` first.
 */
export async function startMariadb(args: readonly string[] = []): Promise<MariadbServer> {
  const program = findProgram('mariadbd');
  if (program === undefined) throw new Error(howToInstall('mariadbd'));
  const connect = (port: number) =>
    createConnection({ host: '127.0.0.1', port, user: 'root', multipleStatements: true });
  const server = await startDatabase({
    program,
    initialize: (_folder, data) => {
      const login = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
      return [installer(program), '--no-defaults', `--datadir=${data}`, ...login];
    },
    args: (port, folder, data) => [
      '--no-defaults',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 's')}`,
      `--pid-file=${join(folder, 'pid')}`,
      '--skip-name-resolve',
      '--innodb-buffer-pool-size=16M',
      ...args,
    ],
    ask: async (port) => (await connect(port)).end(),
  });
  const run = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
    const connection = await connect(server.port);
    try {
      const [rows] = await connection.query(sql);
      return rows as unknown as readonly Record<string, unknown>[];
    } finally {
      await connection.end();
    }
  };
  await run(
    `create database fleet character set utf8mb4; create user ${client.user}@'%' identified by '${client.password}'; grant all on fleet.* to ${client.user}@'%'`,
  );
  return Object.assign(server, {
    url: ({ user, password } = client): string =>
      `mariadb://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/fleet`,
    run,
  });
}

/** `mariadb-install-db`, which belongs to the server. */
function installer(program: string): string {
  const folder = dirname(program);
  const places = [folder, join(folder, '../bin'), join(folder, '../scripts')];
  return (
    places.map((place) => join(place, 'mariadb-install-db')).find((path) => existsSync(path)) ?? 'mariadb-install-db'
  );
}
