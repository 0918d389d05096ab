import { runPgbench, runPgUpdates, runRedisBenchmark } from '../lib/generators.mjs';
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

/** Loads for about `seconds` in short runs, so that rows are being written when measured. @returns the rate of all of them together */
async function warmUp(port, kind, pipeline, seconds) {
  let operations = 0;
  let took = 0;
  let rate = 10_000;
  while (took < seconds) {
    const run = await load(port, kind, pipeline, Math.ceil(rate));
    operations += run.operations;
    took += run.seconds;
    rate = operations / took;
  }
  return rate;
}

/** One measurement of Sluice, as a function. Rows are written to PostgreSQL meanwhile. */
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

/** The peer of an HSET. @param parameter what stands for the number of a scooter */
const updateOf = (parameter) =>
  `update direct set lat = 59 + ${parameter} / 1e6, lon = random(), battery = 50, sluice_version = sluice_version + 1 ` +
  `where id = lpad((${parameter})::text, 12, '0')`;

const longestWait = ({ subject }) =>
  compare(
    subject.map(() => delay),
    subject.map(({ longestLag }) => longestLag),
  );

const figuresOf = (results) => (side, figure) => results[side].map((result) => result[figure]);

async function runAcceptCase({ options, note }) {
  const { rounds } = options;
  const seconds = Math.max(options.seconds * stretch, delay + 2);
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
    // Both take a whole number of seconds.
    const target = { url: postgres.url, keys: scooters, seconds: Math.round(seconds), connections };
    const updateBy = (generate, parameter) => () =>
      cpuPerOperation(
        [postgres].map(({ name, cpu }) => ({ name, cpu })),
        () => generate({ ...target, statement: updateOf(parameter) }),
      );
    const byPg = updateBy(runPgUpdates, '$1::int');
    const sides = {
      pg: byPg,
      pgbench: updateBy(runPgbench, ':id'),
      subject: sluice ? subjectSide({ sluice, postgres, counted: [postgres], pipeline, seconds }) : byPg,
    };
    const results = await interleave(rounds, sides, note);
    const figures = figuresOf(results);
    const between = (figure, side = 'pg') => compare(figures(side, figure), figures('subject', figure));
    const peerName = `single-row UPDATEs of PostgreSQL, ${connections} connections`;
    const how = `; Sluice: pipeline ${pipeline}`;
    const rows = [
      { peerName: `${peerName} by pg${how}`, unit: '/s', atLeast: true, must: 5, aim: 10, ...between('rate'), results },
      { peerName: `${peerName} by pgbench${how}`, unit: '/s', atLeast: true, ...between('rate', 'pgbench') },
      {
        peerName: `the same: throughput${how}`,
        unit: '/s',
        atLeast: true,
        ...{ mustFigure: leastRate, aimFigure: 40_000 },
        ...between('rate'),
      },
      { peerName: `the same: p99${how}`, unit: 'ms', mustFigure: 20, ...between('p99') },
      { peerName: `the same: p50${how}`, unit: 'ms', ...between('p50') },
      { peerName: "the same: CPU of PostgreSQL; Sluice's and PostgreSQL's", unit: 'us', ...between('microseconds') },
    ];
    if (sluice === undefined) return rows;
    const alone = results.subject.map(({ each }) => each['Sluice']);
    return [
      ...rows,
      {
        peerName: "the same: CPU of PostgreSQL; Sluice's alone",
        unit: 'us',
        ...compare(figures('pg', 'microseconds'), alone),
      },
      {
        peerName: 'the same: rows that PostgreSQL writes',
        unit: '/s',
        ...compare(figures('pg', 'rate'), figures('subject', 'rowsPerSecond')),
      },
      {
        peerName: 'the time that a row is to wait; the longest it did',
        unit: 's',
        ...longestWait(results),
      },
    ];
  } finally {
    for (const server of stops) await server.stop();
  }
}

async function runAcceptRedisCase({ options, note }) {
  const { rounds } = options;
  const seconds = Math.max(options.seconds * stretch, delay + 2);
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
      if (sluice === undefined) continue;
      const redisAlone = results.subject.map(({ each }) => each['redis-server']);
      rows.push(
        {
          peerName: `${peerName}: CPU of redis-server alone`,
          unit: 'us',
          ...compare(figures('peer', 'microseconds'), redisAlone),
        },
        { peerName: 'the time that a row is to wait; the longest it did', unit: 's', ...longestWait(results) },
      );
      note(`${peerName}: median p99 ${median(figures('subject', 'p99'))} ms`);
    }
    return rows;
  } finally {
    for (const server of stops) await server.stop();
  }
}
