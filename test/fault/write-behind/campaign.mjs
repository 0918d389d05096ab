import { randomOf } from '../support/campaign.mjs';
import { Lane } from './lane.mjs';
import { Relay } from './relay.mjs';
import { openSqliteFile, sleep, startMariadbServer, startPostgresServer, startRedisServer } from './servers.mjs';

/** Kills after which all is compared, and a new round begins with empty tables. */
const ROUND = 40;
/** Longer than what a node has claimed is left to it: `timeout` and a margin, ms. */
const PAST_LEASE = 8_000;

/**
 * Kills nodes, the store and the database, and makes the way to the database bad, until there were enough kills or the time is over.
 * @param options dist, kills, seconds, store, database, seed, lanes, nodes, shapes, fence, onProgress(text)
 */
export async function campaign({
  dist,
  kills: wanted,
  seconds = Number.POSITIVE_INFINITY,
  store,
  database: kind,
  seed,
  lanes = 2,
  nodes = store === 'redis' ? 3 : 1,
  shapes = ['row'],
  fence = kind !== 'sqlite',
  onProgress = () => {},
}) {
  const totals = { kills: 0, rounds: 0, rows: 0, once: 0, acknowledged: 0, unknown: 0, refused: 0, looks: 0 };
  const result = { ...totals, done: {}, problems: [], slowestStart: 0, logs: [] };
  const redis = store === 'redis' ? await startRedisServer() : undefined;
  const server =
    kind === 'postgres' ? await startPostgresServer() : kind === 'mariadb' ? await startMariadbServer() : undefined;
  const started = performance.now();
  const until = started + seconds * 1000;
  let rounds = 0;
  let left = wanted;
  /** What several lanes share is killed by one of them at a time. */
  let killing = Promise.resolve();

  /** One at a time: who looks at what all lanes share must not have it killed meanwhile. */
  const alone = async (work) => {
    const before = killing;
    let release;
    killing = new Promise((done) => {
      release = done;
    });
    await before;
    try {
      return await work();
    } finally {
      release();
    }
  };

  const killShared = (target, downMs, name, lane) =>
    alone(async () => {
      await target.kill();
      await sleep(downMs);
      await target.restart();
      lane.done[name] = (lane.done[name] ?? 0) + 1;
    });

  const runLane = async (number) => {
    const random = randomOf(seed + number * 7919);
    while (left > 0 && performance.now() < until && result.problems.length < 50) {
      const id = ++rounds;
      const database = server ?? (await openSqliteFile());
      const relay = server === undefined ? undefined : await Relay.start(server.port);
      const lane = new Lane({ dist, id, database, relay, redis, nodes, random, shapes, fence });
      try {
        await alone(() => lane.start());
        let inRound = 0;
        let isFrozen = redis === undefined || nodes === 1;
        while (inRound < ROUND && left > 0 && performance.now() < until) {
          await sleep(80 + random() * 220);
          if (random() < 0.4) {
            lane.trouble();
            await sleep(random() * 300);
          }
          const what = random();
          let kills = 1;
          // What hears of the trouble has to live for as long as it waits for an answer.
          if (relay !== undefined && random() < 0.05) await sleep(1_000 + random() * 1_000);
          if (relay !== undefined && random() < 0.03) await lane.deleteBefore();
          if (server !== undefined && what < 0.08) {
            await killShared(server, random() * 200, 'kills of the database', lane);
          } else if (redis !== undefined && what < 0.25) {
            await killShared(redis, random() * 100, 'kills of Redis', lane);
          } else if (!isFrozen && inRound > ROUND / 3) {
            isFrozen = true;
            await lane.freezeNode(PAST_LEASE);
            kills = 0;
          } else if (what > 0.97) {
            await lane.stopNode();
            kills = 0;
          } else kills = await lane.killNode();
          inRound += kills;
          left -= kills;
          result.kills += kills;
          onProgress(
            `${result.kills} kills, ${result.acknowledged + lane.ledger.acknowledged} acknowledged, ${result.problems.length + lane.ledger.problems.length} wrong`,
          );
        }
        // The other lanes may take the database away.
        await alone(() => lane.finish());
      } finally {
        await alone(() => lane.close());
        relay?.close();
        if (server === undefined) database.close();
      }
      const { ledger, watch, done, problems, slowestStart, log } = lane;
      result.rounds++;
      result.rows += ledger.size;
      result.once += ledger.once;
      for (const name of ['acknowledged', 'unknown', 'refused']) result[name] += ledger[name];
      result.looks += watch.looks;
      for (const [name, count] of [...Object.entries(done)]) result.done[name] = (result.done[name] ?? 0) + count;
      for (const problem of problems) result.problems.push({ round: id, ...problem });
      if (log !== undefined) result.logs.push(log);
      result.slowestStart = Math.max(result.slowestStart, slowestStart ?? 0);
    }
  };

  try {
    await Promise.all(Array.from({ length: lanes }, (_, number) => runLane(number)));
  } finally {
    await redis?.close();
    await server?.close();
  }
  result.seconds = (performance.now() - started) / 1000;
  return result;
}
