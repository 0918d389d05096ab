import { runPgbench, runRedisBenchmark } from '../lib/generators.mjs';
import { compare, cpuPerOperation, interleave, median } from '../lib/measure.mjs';
import { sleep } from '../lib/process.mjs';
import { checkRows, createTable, startWriteBehind } from '../lib/scooters.mjs';
import { startPostgres } from '../peers/postgres.mjs';
import { startRedis } from '../peers/redis.mjs';

/** Changes of rows that are accepted now and written to PostgreSQL meanwhile. */
export const writeBehindAcceptCases = [
  {
    name: 'write-behind-accept',
    title: 'HSET of rows that PostgreSQL gets later, durability fsync, against single-row UPDATEs of PostgreSQL',
    needs: ['redis-benchmark', 'postgres', 'pgbench'],
    run: runAcceptCase,
  },
  {
    name: 'write-behind-accept-redis',
    title: 'the same with Redis as the store, appendfsync always, against plain HSET of the same redis-server',
    needs: ['redis-benchmark', 'redis-server', 'postgres'],
    run: runAcceptRedisCase,
  },
];

const scooters = 10_000;
const connections = 64;
/** Each row at most once in so long. */
const delay = 5;
const policy = { minDelay: `${delay}s`, maxDelay: `${delay}s` };
/** Commands in one write of a client: the first one with which the least throughput is reached. */
const depths = [2, 4, 8];
const leastRate = 25_000;
/** Long enough that rows come due throughout, however short the other measurements are. */
const stretch = 8;

const load = (port, kind, pipeline, operations) =>
  runRedisBenchmark({ port, kind, keys: scooters, operations, connections, pipeline });

/** Loads for about `seconds` a measurement at a time, so that rows are being written when measured. */
async function warmUp(port, kind, pipeline, seconds) {
  const until = performance.now() + seconds * 1000;
  let rate = 10_000;
  while (performance.now() < until) ({ rate } = await load(port, kind, pipeline, Math.ceil(rate)));
  return rate;
}

/** One measurement of Sluice, as a function. The rows that wait must not become ever more and older meanwhile. */
function subjectSide({ sluice, postgres, counted, pipeline, seconds }) {
  // Rows are written all the time: what of them falls into the measurement belongs to it, and nothing has to settle.
  const servers = [sluice, ...counted].map(({ name, cpu }) => ({ name, cpu }));
  return async () => {
    const rate = await warmUp(sluice.port, 'hset', pipeline, delay + 1);
    let longestLag = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        longestLag = Math.max(longestLag, await sluice.lag());
        await sleep(500);
      }
    })();
    const writtenBefore = await sluice.written();
    const result = await cpuPerOperation(servers, () => load(sluice.port, 'hset', pipeline, Math.ceil(rate * seconds)));
    const rowsPerSecond = ((await sluice.written()) - writtenBefore) / result.seconds;
    isOver = true;
    await watching;
    if (longestLag > 2 * delay) throw new Error(`the oldest row waited for ${longestLag.toFixed(1)} s: they pile up`);
    if (rowsPerSecond === 0) throw new Error('no row was written meanwhile: measure for longer');
    await sluice.drained();
    await checkRows(sluice, postgres, scooters);
    return { ...result, longestLag, rowsPerSecond };
  };
}

/** The least depth of {@link depths} that reaches the rate, else the last one. */
async function chooseDepth(port, note) {
  await warmUp(port, 'hset', depths[0], delay + 1);
  for (const pipeline of depths) {
    const { rate, p50, p99 } = await load(port, 'hset', pipeline, leastRate * 2);
    note(`pipeline ${pipeline}: ${Math.round(rate)}/s, p50 ${p50} ms, p99 ${p99} ms`);
    if (rate >= leastRate || pipeline === depths.at(-1)) return pipeline;
  }
}

const figuresOf = (results) => (side, figure) => results[side].map((result) => result[figure]);

async function runAcceptCase({ options, note }) {
  const { rounds } = options;
  const seconds = options.seconds * stretch;
  const postgres = await startPostgres();
  const stops = [postgres];
  try {
    await createTable(postgres, scooters);
    // A table of its own, without the other one's dead rows.
    await createTable(postgres, scooters, 'direct');
    const sluice = options.null
      ? undefined
      : await startWriteBehind(postgres, policy, { settings: { durability: 'fsync' } });
    if (sluice) stops.unshift(sluice);
    const pipeline = sluice && (await chooseDepth(sluice.port, note));
    await sluice?.drained();
    const update = async () =>
      cpuPerOperation(
        [postgres].map(({ name, cpu }) => ({ name, cpu })),
        () =>
          runPgbench({
            ...{ url: postgres.url, keys: scooters, seconds, connections },
            statement:
              'update direct set lat = 59 + :id / 1e6, lon = random(), battery = 50, sluice_version = sluice_version + 1 ' +
              "where id = lpad(:id::text, 12, '0')",
          }),
      );
    const sides = {
      peer: update,
      subject: sluice ? subjectSide({ sluice, postgres, counted: [postgres], pipeline, seconds }) : update,
    };
    const results = await interleave(rounds, sides, note);
    const figures = figuresOf(results);
    const between = (figure) => compare(figures('peer', figure), figures('subject', figure));
    const peerName = 'PostgreSQL: single-row UPDATEs';
    const depth = `pipeline ${pipeline ?? 1}, PostgreSQL written to`;
    return [
      { peerName: `${peerName} (${depth})`, unit: '/s', atLeast: true, must: 5, aim: 10, ...between('rate'), results },
      {
        peerName: `${peerName}: throughput`,
        unit: '/s',
        atLeast: true,
        mustFigure: leastRate,
        aimFigure: 40_000,
        ...between('rate'),
      },
      { peerName: `${peerName}: p99`, unit: 'ms', mustFigure: 20, ...between('p99') },
      { peerName: `${peerName}: p50`, unit: 'ms', ...between('p50') },
      { peerName: `${peerName}: CPU, PostgreSQL's with Sluice's`, unit: 'us', ...between('microseconds') },
      ...(sluice
        ? [
            {
              peerName: `${peerName}: CPU of Sluice alone`,
              unit: 'us',
              ...compare(
                figures('peer', 'microseconds'),
                results.subject.map(({ each }) => each['Sluice']),
              ),
            },
            {
              peerName: `${peerName}: rows that PostgreSQL writes`,
              unit: '/s',
              ...compare(figures('peer', 'rate'), figures('subject', 'rowsPerSecond')),
            },
          ]
        : []),
    ];
  } finally {
    for (const server of stops) await server.stop();
  }
}

async function runAcceptRedisCase({ options, note }) {
  const { rounds } = options;
  const seconds = options.seconds * stretch;
  const postgres = await startPostgres();
  const stops = [postgres];
  try {
    const redis = await startRedis({ more: ['--appendfsync', 'always'] });
    stops.unshift(redis);
    await createTable(postgres, scooters);
    const sluice = options.null
      ? undefined
      : await startWriteBehind(postgres, policy, { redisPort: redis.port, settings: { cache: { enabled: false } } });
    if (sluice) stops.unshift(sluice);
    const rows = [];
    for (const pipeline of [1, await (sluice ? chooseDepth(sluice.port, note) : depths.at(-1))]) {
      await sluice?.drained();
      const plain = async () => {
        const rate = await warmUp(redis.port, 'hsetPlain', pipeline, 1);
        return await cpuPerOperation(
          [redis].map(({ name, cpu }) => ({ name, cpu })),
          () => load(redis.port, 'hsetPlain', pipeline, Math.ceil(rate * seconds)),
        );
      };
      const subject = subjectSide({ sluice, postgres, counted: [redis, postgres], pipeline, seconds });
      const results = await interleave(rounds, { peer: plain, subject: sluice ? subject : plain }, note);
      const figures = figuresOf(results);
      const between = (figure) => compare(figures('peer', figure), figures('subject', figure));
      const peerName = `redis-server: HSET, pipeline ${pipeline}`;
      rows.push(
        { peerName, unit: '/s', atLeast: true, must: 0.5, aim: 0.8, ...between('rate'), results },
        { peerName: `${peerName}: p99`, unit: 'ms', ...between('p99') },
        { peerName: `${peerName}: CPU, with Sluice's and PostgreSQL's`, unit: 'us', ...between('microseconds') },
      );
      if (sluice)
        rows.push({
          peerName: `${peerName}: CPU of redis-server alone`,
          unit: 'us',
          ...compare(
            figures('peer', 'microseconds'),
            results.subject.map(({ each }) => each['redis-server']),
          ),
        });
      note(`${peerName}: median p99 ${median(figures('subject', 'p99'))} ms`);
    }
    return rows;
  } finally {
    for (const server of stops) await server.stop();
  }
}
