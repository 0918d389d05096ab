import { runRedisBenchmark, runWrk } from '../lib/generators.mjs';
import { checkHttp, checkMget, checkResp, readAllHttp } from '../lib/load.mjs';
import { compare, interleave } from '../lib/measure.mjs';
import { behindProxy } from '../lib/proxied-side.mjs';

const respPrograms = ['redis-server', 'redis-benchmark', 'nutcracker'];

/** Measurements are a little shorter here: there are many. */
const shorter = 0.8;

/** Keys of the HTTP case: a cached value has what HTTP says beside it only when HTTP has asked for it once. */
const httpKeys = 100_000;

function pipelineText(pipeline) {
  return pipeline === 1 ? 'no pipeline' : `pipeline ${pipeline}`;
}

/**
 * Sluice in front of redis-server, beside twemproxy (RESP) and webdis (HTTP) in front of another redis-server with the same keys.
 * How many reads reached the redis-server is counted there in every measurement.
 */
export const proxyCases = [
  ...[
    { pipeline: 1, must: 1.2, aim: 1 },
    { pipeline: 16, must: 1.1, aim: 0.7 },
  ].map((target) => ({
    name: `proxy-hit-p${target.pipeline}`,
    title: `RESP GET of cached keys, ${pipelineText(target.pipeline)}, against twemproxy with its redis-server`,
    needs: respPrograms,
    run: (context) => runHitCase(context, target),
  })),
  {
    name: 'proxy-http',
    title: 'HTTP GET of cached keys, against webdis with its redis-server',
    needs: ['redis-server', 'webdis', 'wrk'],
    run: runHttpCase,
  },
  {
    name: 'proxy-mget',
    title: 'MGET of 1,000 keys, against redis-server asked directly',
    needs: ['redis-server', 'redis-benchmark'],
    run: runMgetCase,
  },
  ...[1, 16].map((pipeline) => ({
    name: `proxy-miss-p${pipeline}`,
    title: `RESP GET of keys that are not cached, ${pipelineText(pipeline)}: Sluice's own CPU against twemproxy's own`,
    needs: respPrograms,
    run: (context) => runMissCase(context, { pipeline, must: 2.2, aim: 1.5 }),
  })),
  {
    name: 'proxy-relief',
    title: "redis-server's CPU per GET when nine of ten keys are cached, against direct GET",
    needs: respPrograms,
    run: runReliefCase,
  },
  // Last: writes empty the cache.
  ...[1, 16].map((pipeline) => ({
    name: `proxy-set-p${pipeline}`,
    title: `RESP SET of cached keys, ${pipelineText(pipeline)}, against twemproxy: for information`,
    needs: respPrograms,
    run: (context) => runSetCase(context, { pipeline }),
  })),
];

/** A side that is loaded by redis-benchmark. */
async function respSide({ options }, server, { kind = 'get', pipeline = 1, reached, redis = server.redis }) {
  const { keys, connections } = options;
  const load = (operations) => runRedisBenchmark({ port: server.port, kind, keys, operations, connections, pipeline });
  // How many operations make a measurement of the length asked for. The first of them are slower: code is compiled.
  const few = kind === 'mget' ? 500 : 10_000 * pipeline;
  await load(few);
  const { rate } = await load(few);
  const operations = Math.ceil((rate * options.seconds * shorter) / 500) * 500;
  const check = () => (kind === 'mget' ? checkMget : checkResp)(server.port, keys, { rewritten: true });
  return behindProxy({ server, redis, reached, check, generate: () => load(operations) });
}

/** Reads at the redis-server per operation. */
const every = [0.99, 1.01];
/** A cache as large as all keys: the share that was dropped since it was filled. */
const none = [0, 0.002];
const any = [0, Number.POSITIVE_INFINITY];

function figures(results, name, figure) {
  return results[name].map((result) => result[figure]);
}

function against(results, peerName, [peer, peerFigure], [subject, subjectFigure], target = {}) {
  const figure = compare(figures(results, peer, peerFigure), figures(results, subject, subjectFigure));
  return { peerName, unit: 'us', ...target, ...figure };
}

async function runHitCase(context, { pipeline, must, aim }) {
  const { servers, options, note } = context;
  const [redis, twemproxy, subject] = [await servers.redis(), await servers.twemproxy(), await servers.proxied('all')];
  const sides = {
    peer: await respSide(context, twemproxy, { pipeline, reached: every, redis }),
    subject: await respSide(context, subject, { pipeline, reached: options.null ? every : none }),
  };
  const results = await interleave(options.rounds, sides, note);
  const total = against(results, 'twemproxy + redis-server', ['peer', 'microseconds'], ['subject', 'microseconds'], {
    must,
    aim,
  });
  return [{ ...total, results }];
}

async function runHttpCase({ servers, options, note }) {
  const keys = Math.min(httpKeys, options.keys);
  const [redis, webdis, subject] = [
    await servers.redis(),
    await servers.webdis(),
    await servers.proxied('all', 'webdis'),
  ];
  const headers = options.null ? {} : { 'cache-status': /^sluice; hit\b/ };
  await readAllHttp(subject.http, keys);
  // The first requests are slower: code is compiled.
  await runWrk({ ...subject.http, keys, seconds: 1, connections: options.connections });
  const side = (server, reached, behind, expected) =>
    behindProxy({
      ...{ server, reached, redis: behind },
      check: () => checkHttp(server.urlOf, keys, { rewritten: true, headers: expected }),
      generate: () => runWrk({ ...server.http, keys, seconds: options.seconds, connections: options.connections }),
    });
  const sides = {
    // Requests under way when wrk ends are not counted by it.
    webdis: side(webdis, [0.99, 1.05], redis, {}),
    subject: side(subject, options.null ? [0.99, 1.05] : none, subject.redis, headers),
  };
  const results = await interleave(options.rounds, sides, note);
  const target = { must: 1, aim: 0.8 };
  const total = against(
    results,
    `webdis + redis-server, ${keys} keys`,
    ['webdis', 'microseconds'],
    ['subject', 'microseconds'],
    target,
  );
  return [{ ...total, results }];
}

async function runMgetCase(context) {
  const { servers, options, note } = context;
  const redis = await servers.redis();
  const kind = 'mget';
  const sides = {
    peer: await respSide(context, redis, { kind, redis, reached: every }),
    warm: await respSide(context, await servers.proxied('all', 'redis'), {
      kind,
      reached: options.null ? every : none,
    }),
    // One MGET or a GET for each key: what Sluice makes of it is its own affair.
    cold: await respSide(context, await servers.proxied('few', 'redis'), { kind, reached: any }),
  };
  const results = await interleave(options.rounds, sides, note);
  const row = (what, name, target) =>
    against(results, `redis-server directly; ${what}`, ['peer', 'microseconds'], [name, 'microseconds'], target);
  return [{ ...row('all keys cached', 'warm', { must: 2.5, aim: 1.5 }), results }, row('1000 keys cached', 'cold')];
}

async function runMissCase(context, { pipeline, must, aim }) {
  const { servers, options, note } = context;
  const redis = await servers.redis();
  const sides = {
    peer: await respSide(context, await servers.twemproxy(), { pipeline, reached: every, redis }),
    // A thousand of many keys is what hits there.
    filling: await respSide(context, await servers.proxied('few'), { pipeline, reached: [0.95, 1.01] }),
    off: await respSide(context, await servers.proxied('off'), { pipeline, reached: every }),
  };
  const results = await interleave(options.rounds, sides, note);
  const target = { must, aim };
  return [
    { ...against(results, 'twemproxy alone; each read fills', ['peer', 'own'], ['filling', 'own'], target), results },
    against(results, 'twemproxy alone; no cache', ['peer', 'own'], ['off', 'own'], target),
    against(results, 'redis-server behind twemproxy; each read fills', ['peer', 'redis'], ['filling', 'redis']),
    against(results, 'redis-server behind twemproxy; no cache', ['peer', 'redis'], ['off', 'redis']),
  ];
}

/** Uniform access to ten keys of which nine fit: a hit ratio of 90 % with any policy. */
async function runReliefCase(context) {
  const { servers, options, note } = context;
  const redis = await servers.redis();
  const subject = await servers.proxied('most', 'redis');
  const reached = options.null ? every : [0.08, 0.12];
  const sides = {
    direct: await respSide(context, redis, { redis, reached: every }),
    subject: await respSide(context, subject, { reached }),
  };
  const results = await interleave(options.rounds, sides, note);
  const target = { must: 0.15, aim: 0.1 };
  const peerName = 'redis-server directly; Sluice: its redis-server alone';
  return [{ ...against(results, peerName, ['direct', 'redis'], ['subject', 'redis'], target), results }];
}

/** redis-server writes its file on both sides alike: what is compared first is the proxies themselves. */
async function runSetCase(context, { pipeline }) {
  const { servers, options, note } = context;
  const redis = await servers.redis();
  const kind = 'set';
  const sides = {
    peer: await respSide(context, await servers.twemproxy(), { kind, pipeline, reached: any, redis }),
    subject: await respSide(context, await servers.proxied('all'), { kind, pipeline, reached: any }),
  };
  const results = await interleave(Math.min(options.rounds, 3), sides, note);
  return [
    { ...against(results, 'twemproxy alone', ['peer', 'own'], ['subject', 'own']), results },
    against(results, 'redis-server behind twemproxy', ['peer', 'redis'], ['subject', 'redis']),
  ];
}
