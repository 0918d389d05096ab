import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { openPostgresSink } from '../../src/sink/postgres/postgres-sink.ts';
import type { Sink, TableMapping } from '../../src/sink/sink.ts';
import { openSqliteSink } from '../../src/sink/sqlite/sqlite-sink.ts';
import type { PostgresServer } from './postgres.ts';
import { tempDir } from './temp-dir.ts';

/** A database with nothing in it. */
export interface EmptyDatabase extends AsyncDisposable {
  readonly sink: Sink;
  /** Another writer of the same tables, as another node would have. */
  readonly second: Sink;
  /** Values of rows; 64-bit integers may be text. */
  readonly run: (sql: string) => Promise<readonly unknown[][]>;
}

/** What makes them; that of PostgreSQL empties the database of a server. */
export const emptyDatabases = {
  PostgreSQL: async (server: PostgresServer | undefined): Promise<EmptyDatabase> => {
    const { url, run } = server as PostgresServer;
    await run('drop schema public cascade; create schema public');
    const [sink, second] = await Promise.all(['fleet', 'second'].map((name) => openPostgresSink({ name, url: url() })));
    return {
      sink: sink as Sink,
      second: second as Sink,
      run: async (sql) => (await run(sql)).map((found) => Object.values(found)),
      [Symbol.asyncDispose]: async () => void (await Promise.all([sink?.close(), second?.close()])),
    };
  },
  SQLite: async (): Promise<EmptyDatabase> => {
    const folder = await tempDir();
    const file = join(folder.path, 'fleet.db');
    const database = new DatabaseSync(file);
    database.exec('PRAGMA journal_mode = WAL');
    const sink = openSqliteSink({ name: 'fleet', file });
    const second = openSqliteSink({ name: 'second', file });
    return {
      sink,
      second,
      run: async (sql) => {
        if (!/^\s*select/i.test(sql)) return void database.exec(sql) as never;
        return database
          .prepare(sql)
          .all()
          .map((found) => Object.values(found));
      },
      async [Symbol.asyncDispose]() {
        await sink.close();
        await second.close();
        database.close();
        await folder[Symbol.asyncDispose]();
      },
    };
  },
};

export const visits: TableMapping = {
  shape: 'counter',
  table: 'visits',
  key: ['page'],
  columns: [
    { field: 'seen', column: 'seen' },
    { field: 'liked', column: 'liked' },
  ],
  version: 'ver',
  fence: undefined,
};
export const rides: TableMapping = {
  shape: 'record',
  table: 'rides',
  key: ['sluice_id'],
  columns: [
    { field: 'scooter', column: 'scooter' },
    { field: 'km', column: 'km' },
  ],
  version: undefined,
  fence: undefined,
};
