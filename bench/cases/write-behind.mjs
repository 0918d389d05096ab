import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, cpuPerOperation, interleave, median } from '../lib/measure.mjs';
import { MissingProgram, sleep, temporaryFolder } from '../lib/process.mjs';
import { RespConnection } from '../lib/resp-connection.mjs';
import {
  checkFilled,
  checkRows,
  countWrites,
  createTable,
  filledReport,
  fillScooters,
  idOf,
  reportPositions,
  startWriteBehind,
} from '../lib/scooters.mjs';
import { startPostgres } from '../peers/postgres.mjs';
import { startRedis } from '../peers/redis.mjs';

/** Rows on their way to PostgreSQL, and after a crash. */
export const writeBehindCases = [
  {
    name: 'write-behind-flush',
    title: 'rows written to PostgreSQL that wait, against COPY and merge of the same rows by psql',
    needs: ['postgres', 'psql'],
    run: runFlushCase,
  },
  {
    name: 'write-behind-reduction',
    title: 'rows that PostgreSQL gets for each update, 10,000 scooters at random once a second, rows wait for 5 s',
    needs: ['postgres'],
    run: runReductionCase,
  },
  {
    name: 'write-behind-recovery',
    title: 'seconds until writes are accepted after kill -9 with all keys waiting, against redis-server with the same',
    needs: ['postgres', 'redis-server'],
    run: runRecoveryCase,
  },
];

/** Rows that come due by themselves never, in these cases. */
const never = { minDelay: '1d', maxDelay: '1d', maxPending: 100_000_000 };
const fsync = { durability: 'fsync' };

function refuseNull(options) {
  if (options.null) throw new MissingProgram('no peer can stand in for Sluice here: nothing to compare with --null');
}

/**
 * COPY and merge of the rows as {@link fillScooters} makes them, guarded by their version, in transactions of `batch` rows: a script for psql,
 * and the files it reads.
 */
function mergeScript(count, batch) {
  const folder = temporaryFolder('merge');
  const script = ['create temp table staged (like bare) on commit delete rows;'];
  for (let from = 0; from < count; from += batch) {
    const lines = [];
    for (let i = from; i < Math.min(count, from + batch); i++) lines.push([idOf(i), ...filledReport(i), 1].join('\t'));
    const file = join(folder, `${from}.tsv`);
    writeFileSync(file, `${lines.join('\n')}\n`);
    script.push(
      'begin;',
      `\\copy staged from '${file}'`,
      'insert into bare as t select * from staged on conflict (id) do update set lat = excluded.lat, lon = excluded.lon,',
      'battery = excluded.battery, sluice_version = excluded.sluice_version',
      'where t.sluice_version is null or t.sluice_version < excluded.sluice_version;',
      'commit;',
    );
  }
  const file = join(folder, 'merge.sql');
  writeFileSync(file, `${script.join('\n')}\n`);
  return file;
}

/** A fifth of the keys: 200,000 by default. */
const flushedShare = 0.2;
/** Rows of a transaction, of Sluice and of its peer. */
const batches = [1000, 5000];

async function runFlushCase({ options, note }) {
  refuseNull(options);
  const { rounds } = options;
  const count = Math.ceil(options.keys * flushedShare);
  const postgres = await startPostgres();
  const nodes = [];
  try {
    const rows = [];
    for (const batch of batches) {
      await postgres.rows('drop table if exists scooters, bare');
      for (const name of ['scooters', 'bare']) await createTable(postgres, count, name);
      const sluice = await startWriteBehind(postgres, { ...never, maxBatch: batch }, { settings: fsync });
      nodes.push(sluice);
      const timed = async (servers, work) => {
        await postgres.rows('vacuum analyze scooters');
        await postgres.rows('vacuum analyze bare');
        await postgres.checkpoint();
        const result = await cpuPerOperation(
          servers.map(({ name, cpu }) => ({ name, cpu })),
          async () => {
            const started = performance.now();
            await work();
            return { operations: count, seconds: (performance.now() - started) / 1000 };
          },
        );
        return { ...result, rate: count / result.seconds };
      };
      const merge = (size) => {
        const script = mergeScript(count, size);
        return async () => {
          await postgres.rows('update bare set sluice_version = 0');
          const result = await timed([postgres], () => postgres.psql(script));
          const [{ n }] = await postgres.rows('select count(*)::int as n from bare where sluice_version = 1');
          if (n !== count) throw new Error(`psql has written ${n} of ${count} rows`);
          return result;
        };
      };
      const flush = async () => {
        const before = await sluice.written();
        await fillScooters(sluice.port, count);
        await sluice.settle();
        const result = await timed([sluice, postgres], () => sluice.flush());
        const written = (await sluice.written()) - before;
        if (written !== count) throw new Error(`Sluice has written ${written} of ${count} rows`);
        await checkRows(sluice, postgres, count);
        return result;
      };
      const sides = { batches: merge(batch), whole: merge(count), subject: flush };
      const results = await interleave(rounds, sides, note);
      const figures = (side, figure) => results[side].map((result) => result[figure]);
      const against = (side) => compare(figures(side, 'rate'), figures('subject', 'rate'));
      const peerName = `PostgreSQL: COPY and merge, ${batch} rows a transaction`;
      rows.push(
        { peerName, unit: 'rows/s', atLeast: true, must: 0.7, ...against('batches'), results },
        {
          peerName: `${peerName}: throughput`,
          unit: 'rows/s',
          atLeast: true,
          mustFigure: 15_000,
          aimFigure: 30_000,
          ...against('batches'),
        },
        {
          peerName: `PostgreSQL: COPY and merge, all rows in one transaction; Sluice ${batch}`,
          unit: 'rows/s',
          ...against('whole'),
        },
        {
          peerName: `${peerName}: CPU, PostgreSQL's with Sluice's`,
          unit: 'us',
          ...compare(figures('batches', 'microseconds'), figures('subject', 'microseconds')),
        },
        {
          peerName: `${peerName}: CPU of PostgreSQL alone`,
          unit: 'us',
          ...compare(
            figures('batches', 'microseconds'),
            results.subject.map(({ each }) => each['PostgreSQL']),
          ),
        },
      );
      await nodes.pop().stop();
    }
    return rows;
  } finally {
    for (const node of nodes) await node.stop();
    await postgres.stop();
  }
}

const reduction = { scooters: 10_000, rate: 1, delay: 5 };

async function runReductionCase({ options, note }) {
  refuseNull(options);
  const { scooters, rate, delay } = reduction;
  // From one write of a row to the next, on average.
  const period = delay + 1 / rate;
  // One for all to begin, one to forget how they did.
  const warmUp = 2 * period;
  const seconds = Math.max(1, Math.round((options.seconds * 20) / period)) * period;
  const postgres = await startPostgres();
  const nodes = [];
  try {
    await createTable(postgres, scooters);
    await countWrites(postgres);
    const policy = { minDelay: `${delay}s`, maxDelay: `${delay}s` };
    const sluice = await startWriteBehind(postgres, policy, { settings: fsync });
    nodes.push(sluice);
    const load = await reportPositions({
      port: sluice.port,
      scooters,
      rate,
      ramp: period,
      seconds: warmUp + seconds + 1,
    });
    const look = async () => {
      const [{ n }] = await postgres.rows('select coalesce(sum(rows), 0)::float as n from writes');
      return { accepted: load.accepted(), rows: n, at: performance.now(), cpu: [sluice.cpu(), postgres.cpu()] };
    };
    await Promise.race([sleep(warmUp * 1000), load.done]);
    const from = await look();
    await Promise.race([sleep(seconds * 1000), load.done]);
    const to = await look();
    const lag = await sluice.lag();
    await load.done;
    await sluice.drained();
    await checkRows(sluice, postgres, scooters);
    const accepted = to.accepted - from.accepted;
    const rows = to.rows - from.rows;
    const took = (to.at - from.at) / 1000;
    const offered = accepted / took / (scooters * rate);
    note(
      `${accepted} updates and ${rows} rows in ${took.toFixed(1)} s, lag ${lag} s, ${offered.toFixed(3)} of the load offered`,
    );
    if (Math.abs(offered - 1) > 0.02)
      throw new Error(`${(offered * 100).toFixed(1)} % of the updates that were to come were accepted`);
    const [peer, subject] = [1 / (1 + rate * delay), rows / accepted];
    const cpu = (at) => ((to.cpu[at] - from.cpu[at]) / accepted) * 1e6;
    return [
      {
        peerName: '1 / (1 + 5)',
        unit: 'rows per update',
        within: 0.05,
        peer,
        subject,
        ratio: subject / peer,
        accepted,
        rows,
        took,
      },
      {
        peerName: "PostgreSQL's CPU for each update, Sluice's",
        unit: 'us',
        ...{ peer: cpu(1), subject: cpu(0), ratio: cpu(0) / cpu(1) },
      },
    ];
  } finally {
    for (const node of nodes) await node.stop();
    await postgres.stop();
  }
}

async function runRecoveryCase({ options, note }) {
  refuseNull(options);
  const { keys } = options;
  const rounds = Math.min(options.rounds, 3);
  const postgres = await startPostgres();
  try {
    await createTable(postgres, 1);
    const startSubject = (data) => startWriteBehind(postgres, never, { data, settings: fsync });
    /** Fills a server, kills it in the moment the last write is answered, and starts it again with what it left. */
    const crash = (start, check) => async () => {
      const first = await start();
      await fillScooters(first.port, keys);
      await first.kill();
      const started = performance.now();
      const again = await start(first);
      try {
        const connection = await RespConnection.open(again.port);
        await connection.call('HSET', `scooter:${idOf(keys)}`, 'lat', '59', 'lon', '18', 'battery', '1');
        const seconds = (performance.now() - started) / 1000;
        const cpu = again.cpu();
        connection.close();
        await checkFilled(again.port, keys);
        await check(again);
        return { seconds, cpu };
      } finally {
        await again.kill();
      }
    };
    const results = await interleave(
      rounds,
      {
        peer: crash(
          (first) => startRedis({ more: ['--appendfsync', 'always'], folder: first?.folder }),
          async () => {},
        ),
        subject: crash(
          (first) => startSubject(first?.data),
          async (again) => {
            const waiting = await again.pending();
            if (waiting !== keys + 1) throw new Error(`${waiting} rows wait after the crash, not ${keys + 1}`);
          },
        ),
      },
      note,
    );
    const figures = (side, figure) => results[side].map((result) => result[figure]);
    note(`CPU until then: ${median(figures('subject', 'cpu'))} s`);
    const between = compare(figures('peer', 'seconds'), figures('subject', 'seconds'));
    return [
      { peerName: 'redis-server, appendfsync always', unit: 's', mustFigure: 15, aimFigure: 5, ...between, results },
    ];
  } finally {
    await postgres.stop();
  }
}
