import { runRedisBenchmark } from '../lib/generators.mjs';
import { checkResp } from '../lib/load.mjs';
import { compare, cpuPerOperation, interleave } from '../lib/measure.mjs';

/** GET and SET over RESP, one command at a time and 16 to a pipeline, against redis-server. */
export const respCases = [
  { kind: 'get', pipeline: 1, must: 1.6, aim: 1.3 },
  { kind: 'get', pipeline: 16, must: 3, aim: 2 },
  { kind: 'set', pipeline: 1, must: 2.4, aim: 1.9 },
  { kind: 'set', pipeline: 16, must: 3.5, aim: 2.5 },
].map(({ kind, pipeline, must, aim }) => ({
  name: `resp-${kind}-p${pipeline}`,
  title: {
    get: `RESP GET, ${pipeline === 1 ? 'no pipeline' : `pipeline ${pipeline}`}, against redis-server`,
    set: `RESP SET of ever new values, ${pipeline === 1 ? 'no pipeline' : `pipeline ${pipeline}`}, against redis-server with appendfsync everysec`,
  }[kind],
  needs: ['redis-server', 'redis-benchmark'],
  run: (context) => runRespCase(context, { kind, pipeline, must, aim }),
}));

async function runRespCase({ servers, options, note }, { kind, pipeline, must, aim }) {
  const redis = await servers.redis();
  const subject = await servers.subject();
  const { keys, connections, rounds } = options;
  const check = (server) => checkResp(server.port, keys, { rewritten: true });

  const side = async (server) => {
    await check(server);
    const load = (operations) =>
      runRedisBenchmark({ port: server.port, kind, keys, operations, connections, pipeline });
    // How many operations make a measurement of the length asked for.
    const { rate } = await load(pipeline * 5000);
    const operations = Math.ceil((rate * options.seconds) / 1000) * 1000;
    return async () => {
      const result = await cpuPerOperation([server], () => load(operations));
      const changed = await check(server);
      if (kind === 'set' && operations > keys / 10 && changed === 0)
        throw new Error(`${server.name} kept none of the new values`);
      return result;
    };
  };

  const results = await interleave(rounds, { peer: await side(redis), subject: await side(subject) }, note);
  const figures = (name) => results[name].map(({ microseconds }) => microseconds);
  const row = {
    peerName: 'redis-server',
    unit: 'us',
    must,
    aim,
    ...compare(figures('peer'), figures('subject')),
    results,
  };
  if (kind === 'get') return [row];
  // Left alone, redis-server rewrites its file when it has doubled: once for as many writes as there are keys. Sluice's
  // log is folded within each measurement, so the like of that is added to the peer in a second row.
  const rewriteMicroseconds = ((await redis.rewriteCpuSeconds()) / keys) * 1e6;
  const withRewrite = figures('peer').map((figure) => figure + rewriteMicroseconds);
  note(`a rewrite costs redis-server ${rewriteMicroseconds.toFixed(2)} us per write`);
  return [
    row,
    { peerName: 'redis-server with its rewrites', unit: 'us', must, aim, ...compare(withRewrite, figures('subject')) },
  ];
}
