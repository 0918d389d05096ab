/**
 * Rows that are written behind: scooters that report their position, in Sluice hashes `scooter:000000000042`, in PostgreSQL a table of typed
 * columns.
 */
import { startSluice } from '../peers/sluice.mjs';
import { below } from './data.mjs';
import { sleep } from './process.mjs';
import { RespConnection } from './resp-connection.mjs';

/** What redis-benchmark makes of `__rand_int__`. */
export const idOf = (number) => String(number).padStart(12, '0');

const match = 'scooter:*';
const columns =
  'id text primary key, lat double precision, lon double precision, battery integer, sluice_version bigint';

/** The table with a row of each of `count` scooters: what it sees later are updates. */
export async function createTable(postgres, count, name = 'scooters') {
  await postgres.rows(`create table ${name} (${columns})`);
  await postgres.rows(
    `insert into ${name} select lpad(n::text, 12, '0'), 59, 18, 100, 0 from generate_series(0, ${count - 1}) as n`,
  );
  await postgres.rows(`vacuum analyze ${name}`);
}

/**
 * A table `writes` that gets the number of rows of each statement that writes scooters, with the instant, from a trigger that runs once for
 * each: exact, and not by what Sluice says of itself.
 */
export async function countWrites(postgres) {
  await postgres.rows(`
    create table writes (at timestamptz not null default clock_timestamp(), rows bigint not null);
    create function count_writes() returns trigger language plpgsql as $$
      begin insert into writes (rows) select count(*) from written having count(*) > 0; return null; end $$;
    create trigger inserted after insert on scooters referencing new table as written
      for each statement execute function count_writes();
    create trigger updated after update on scooters referencing new table as written
      for each statement execute function count_writes();`);
}

/** What `/metrics` says of the keyspace. */
async function figureOf(sluice, metric) {
  const text = await (await fetch(`${sluice.admin}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`sluice_write_behind_${metric}{`));
  if (line === undefined) throw new Error(`Sluice tells no ${metric}`);
  return Number(line.slice(line.lastIndexOf(' ') + 1));
}

/**
 * Sluice that writes scooters to the table of `postgres`. `policy` are more settings of the keyspace; the others are those of startSluice.
 */
export async function startWriteBehind(postgres, policy, { settings, ...options } = {}) {
  const writeBehind = { sink: 'fleet', table: 'scooters', key: 'id', columns: ['lat', 'lon', 'battery'], ...policy };
  const sluice = await startSluice({
    ...options,
    settings: { connections: { fleet: postgres.url }, keyspaces: [{ match, writeBehind }], ...settings },
  });
  const self = {
    ...sluice,
    /** Rows that wait. */
    pending: () => figureOf(sluice, 'pending'),
    /** Rows that were written since the start. */
    written: () => figureOf(sluice, 'rows_written_total'),
    /** How long the oldest of them has waited, s. */
    lag: () => figureOf(sluice, 'lag_seconds'),
    /** Writes what waits, whatever its age, and resolves when it is written. */
    async flush() {
      const response = await fetch(`${sluice.admin}/api/write-behind/flush`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ wait: true, timeout: 300_000 }),
      });
      const { keyspaces } = await response.json();
      const isWritten = keyspaces?.every((one) => one.isWritten && one.pending === 0);
      if (response.status !== 200 || !isWritten)
        throw new Error(
          `the flush was answered by ${response.status} ${JSON.stringify(keyspaces)}\n${sluice.output()}`,
        );
    },
    /** Waits until it has been written what waits. */
    async drained() {
      const deadline = performance.now() + 120_000;
      while ((await self.pending()) > 0) {
        if (performance.now() > deadline) throw new Error(`rows still wait after 120 s\n${sluice.output()}`);
        await sleep(100);
      }
    },
  };
  return self;
}

/** That 200 random scooters are in the table as they are in Sluice, which has nothing left to write. */
export async function checkRows(sluice, postgres, count) {
  const connection = await RespConnection.open(sluice.port);
  const ids = [...new Set(Array.from({ length: 200 }, () => idOf(below(count))))];
  const replies = await connection.pipeline(ids.map((id) => ['HMGET', `scooter:${id}`, 'lat', 'lon', 'battery']));
  connection.close();
  const found = await postgres.rows('select id, lat, lon, battery from scooters where id = any($1)', [ids]);
  const rows = new Map(found.map((row) => [row.id, row]));
  let written = 0;
  ids.forEach((id, at) => {
    const [lat, lon, battery] = replies[at];
    // Never written: Sluice knows nothing of it.
    if (lat === null) return;
    written++;
    const row = rows.get(id);
    if (row?.lat !== Number(lat) || row.lon !== Number(lon) || row.battery !== Number(battery))
      throw new Error(
        `scooter ${id} is ${JSON.stringify(replies[at])} in Sluice, in PostgreSQL ${JSON.stringify(row)}`,
      );
  });
  if (written === 0) throw new Error('none of 200 scooters was ever written');
}

/**
 * Reports of `scooters` scooters, each a Poisson process of `rate` a second, for `seconds`, by `connections` connections, whoever is slow.
 * All together are one Poisson process, of which each report is that of a random scooter. They begin one after the other within `ramp`
 * seconds, so that their rows do not come due in waves.
 * @returns `{ sent(), done }`: how many were accepted so far, and a promise of the end, which rejects on an error reply
 */
export async function reportPositions({ port, scooters, rate, seconds, ramp, connections = 16 }) {
  const all = await Promise.all(Array.from({ length: connections }, () => RespConnection.open(port)));
  let accepted = 0;
  const run = async () => {
    const started = performance.now();
    let next = 0;
    let turn = 0;
    let failure;
    const underWay = new Set();
    for (;;) {
      const elapsed = (performance.now() - started) / 1000;
      const commands = [];
      while (next <= Math.min(elapsed, seconds)) {
        const position = [
          'lat',
          `59.${idOf(below(1e6))}`,
          'lon',
          `18.${idOf(below(1e6))}`,
          'battery',
          String(below(101)),
        ];
        commands.push(['HSET', `scooter:${idOf(below(scooters))}`, ...position]);
        next += -Math.log(1 - Math.random()) / (scooters * rate);
      }
      if (commands.length > 0) {
        const answered = all[turn++ % connections].pipeline(commands).then(
          () => {
            accepted += commands.length;
          },
          (error) => {
            failure ??= error;
          },
        );
        underWay.add(answered);
        answered.finally(() => underWay.delete(answered));
      }
      if (failure !== undefined || next > seconds) break;
      await sleep(2);
    }
    await Promise.all(underWay);
    for (const connection of all) connection.close();
    if (failure !== undefined) throw failure;
  };
  const done = run();
  done.catch(() => {});
  return { accepted: () => accepted, done };
}

/** The report that {@link fillScooters} makes of scooter `number`. */
export const filledReport = (number) => [
  `59.${idOf(number % 1e6)}`,
  `18.${idOf(number % 999_983)}`,
  String(number % 101),
];

/** One report of every scooter, four connections, 500 commands at a time. */
export async function fillScooters(port, count) {
  let next = 0;
  const worker = async () => {
    const connection = await RespConnection.open(port);
    while (next < count) {
      const from = next;
      next = Math.min(count, from + 500);
      const commands = [];
      for (let i = from; i < next; i++) {
        const [lat, lon, battery] = filledReport(i);
        commands.push(['HSET', `scooter:${idOf(i)}`, 'lat', lat, 'lon', lon, 'battery', battery]);
      }
      await connection.pipeline(commands);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}

/** That 500 random scooters have what {@link fillScooters} has written. */
export async function checkFilled(port, count) {
  const connection = await RespConnection.open(port);
  const numbers = Array.from({ length: 500 }, () => below(count));
  const replies = await connection.pipeline(
    numbers.map((number) => ['HMGET', `scooter:${idOf(number)}`, 'lat', 'lon', 'battery']),
  );
  connection.close();
  numbers.forEach((number, at) => {
    if (replies[at].join() !== filledReport(number).join())
      throw new Error(`scooter ${idOf(number)} was answered by ${JSON.stringify(replies[at])}`);
  });
}
