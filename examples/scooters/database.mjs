import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CITIES, EARLIER_RIDES, isSeeded, position } from './ledger.mjs';
import { startPostgres } from './postgres.mjs';
import { say } from './tools.mjs';

const TABLES = {
  example_scooters:
    'id text primary key, lat double precision, lon double precision, battery integer, report integer, model text, sluice_version bigint',
  example_trips: 'sluice_id text primary key, scooter text, trip integer, km double precision',
  example_cities: 'city text primary key, rides bigint, sluice_version bigint',
};

/**
 * The database: a file of SQLite, a PostgreSQL of its own, or the one that `url` names. It has `url`, `name`, `query(sql)` for rows,
 * `away(seconds)`, which takes it away from everybody for a while, and `close()`.
 */
export async function openDatabase({ url, ownPostgres, folder }) {
  if (ownPostgres) return ownServer(await startPostgres());
  if (url === undefined) return sqlite(join(folder, 'fleet.db'));
  if (/^postgres(ql)?:/.test(url)) return postgres(url);
  throw new Error('FLEET_URL: expected postgres://user:password@host/database');
}

/** Makes the tables anew, with what was known before the start. */
export async function seed(database, ledger) {
  for (const [table, columns] of Object.entries(TABLES)) {
    await database.query(`drop table if exists ${table}`);
    await database.query(`create table ${table} (${columns})`);
  }
  const rows = [];
  for (let id = 0; id < ledger.size; id++) {
    if (!isSeeded(id, ledger.riding)) continue;
    const { lat, lon, battery, report } = position(id, 0);
    rows.push(`('${id}', ${lat}, ${lon}, ${battery}, ${report}, 'S1')`);
  }
  await database.query(`insert into example_scooters (id, lat, lon, battery, report, model) values ${rows.join()}`);
  const cities = CITIES.map((city) => `('${city}', ${EARLIER_RIDES})`);
  await database.query(`insert into example_cities (city, rides) values ${cities.join()}`);
}

async function sqlite(file) {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  const connection = new DatabaseSync(file);
  connection.exec('pragma journal_mode = wal; pragma busy_timeout = 10000');
  return {
    url: `sqlite:${file}`,
    name: 'a file of SQLite',
    query: async (sql) => connection.prepare(sql).all(),
    async away(seconds) {
      say(
        `\nSQLite has no server to kill: an exclusive lock on its file, so that nobody else can write, for ${seconds} s`,
      );
      connection.exec('begin exclusive');
      await sleep(seconds * 1000);
      connection.exec('rollback');
    },
    async close() {
      connection.close();
    },
  };
}

function postgres(url) {
  return {
    url,
    name: 'the PostgreSQL of FLEET_URL',
    query: (sql) => withClient(url, async (client) => (await client.query(sql)).rows),
    async away(seconds) {
      say(
        `\nthe PostgreSQL is not ours to kill: an exclusive lock on the tables, so that nobody else gets at them, for ${seconds} s`,
      );
      await withClient(url, async (client) => {
        await client.query('begin');
        await client.query(`lock table ${Object.keys(TABLES).join()} in access exclusive mode`);
        await sleep(seconds * 1000);
        await client.query('rollback');
      });
    },
    close: async () => undefined,
  };
}

function ownServer(server) {
  return {
    ...postgres(server.url),
    name: `a PostgreSQL of its own (${server.program})`,
    async away(seconds) {
      say(`\nkill -9 of PostgreSQL, in the middle of it; it stays away for ${seconds} s`);
      await server.kill();
      await sleep(seconds * 1000);
      await server.start();
      say('PostgreSQL is there again');
    },
    close: () => server.close(),
  };
}

async function withClient(url, use) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
