import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { type DatabaseServer, startDatabase } from './database-server.ts';
import { findProgram, howToInstall } from './programs.ts';

export interface PostgresServer extends DatabaseServer {
  /** For the owner of everything, or for another user. */
  readonly url: (login?: { readonly user: string; readonly password: string }) => string;
  /** Runs statements as the owner. */
  readonly run: (sql: string) => Promise<readonly Record<string, unknown>[]>;
}

const owner = { user: 'owner', password: 'p@ss/word %41' };

/**
 * A real PostgreSQL server (or what `SLUICE_TEST_POSTGRES` names), with password logins, UTF-8 and a database `postgres`.
 * @throws Error with what to install when there is none; callers that may skip ask `findProgram('postgres')` first.
 */
export async function startPostgres(args: readonly string[] = []): Promise<PostgresServer> {
  const program = findProgram('postgres');
  if (program === undefined) throw new Error(howToInstall('postgres'));
  const connect = async (port: number): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port, ...owner, database: 'postgres' });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const server = await startDatabase({
    program,
    initialize: (folder, data) => {
      const passwordFile = join(folder, 'password');
      writeFileSync(passwordFile, owner.password, { mode: 0o644 });
      const login = ['-U', owner.user, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
      return [join(dirname(program), 'initdb'), '-D', data, ...login, '-E', 'UTF8', '--locale=C', '--no-sync'];
    },
    args: (port, folder, data) => {
      const settings = [
        'listen_addresses=127.0.0.1',
        `unix_socket_directories=${folder}`,
        'shared_buffers=16MB',
        ...args,
      ];
      return ['-D', data, '-p', `${port}`, ...settings.flatMap((setting) => ['-c', setting])];
    },
    ask: async (port) => (await connect(port)).end(),
  });
  return Object.assign(server, {
    url: ({ user, password } = owner): string =>
      `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/postgres`,
    run: async (sql: string) => {
      const client = await connect(server.port);
      try {
        return (await client.query(sql)).rows ?? [];
      } finally {
        await client.end();
      }
    },
  });
}
