import { runWrk } from '../lib/generators.mjs';
import { checkHttp, readAllHttp } from '../lib/load.mjs';
import { compare, cpuPerOperation, interleave } from '../lib/measure.mjs';
import { startNginxProxy } from '../peers/nginx.mjs';
import { startSluice } from '../peers/sluice.mjs';

/** Read-through keys over HTTP, in front of an nginx that makes up the value of any key. */
export const originCases = [
  {
    name: 'origin-hit',
    title: 'HTTP GET of a read-through hit with token and rate limit, against the same without',
    needs: ['nginx', 'wrk'],
    run: runHitCase,
  },
  {
    name: 'origin-miss',
    title: 'HTTP GET that is fetched from an HTTP origin each time, against nginx proxy_pass',
    needs: ['nginx', 'wrk'],
    run: runMissCase,
  },
];

/** Kept values of the hit case. */
const hitKeys = 100_000;
const token = 'a-token-that-is-long-enough-to-be-random-0123456789';
const fields = `Authorization: Bearer ${token}\r\n`;

const keyspace = (originPort, ttl) => ({
  match: '*',
  origin: { http: `http://127.0.0.1:${originPort}/{key}`, concurrency: 64, queue: 10_000 },
  ttl,
});

async function runHitCase({ options, note }) {
  const { rounds, seconds, connections } = options;
  const keys = Math.min(hitKeys, options.keys);
  const nginx = await startNginxProxy();
  const keyspaces = [keyspace(nginx.originPort, '1d')];
  const open = await startSluice({ settings: { keyspaces } });
  const guarded = await startSluice({
    settings: {
      keyspaces,
      tokens: [{ name: 'bench', secret: token, keys: ['*'], verbs: ['read'] }],
      limits: { rate: { perUser: '1000000/1s' } },
    },
  });
  try {
    const side =
      (server, http, send = {}) =>
      async () => {
        const headers = { 'cache-status': /^sluice; hit\b/ };
        await checkHttp(server.urlOf, keys, { rewritten: true, headers, send });
        return await cpuPerOperation([server], () => runWrk({ ...http, keys, seconds, connections }));
      };
    const guardedHttp = { ...guarded.http, fields };
    await readAllHttp(open.http, keys);
    await readAllHttp(guardedHttp, keys);
    for (const http of [open.http, guardedHttp]) await runWrk({ ...http, keys, seconds: 1, connections });
    const results = await interleave(
      rounds,
      { open: side(open, open.http), subject: side(guarded, guardedHttp, { authorization: `Bearer ${token}` }) },
      note,
    );
    const figures = (name) => results[name].map(({ microseconds }) => microseconds);
    const ratio = compare(figures('open'), figures('subject'));
    return [{ peerName: 'Sluice without token and rate', must: 1.25, aim: 1.1, unit: 'us', ...ratio, results }];
  } finally {
    await Promise.all([open.stop(), guarded.stop()]);
    await nginx.stop();
  }
}

async function runMissCase({ options, note }) {
  const { rounds, seconds, connections, keys } = options;
  const nginx = await startNginxProxy();
  // Kept so shortly that no read finds what another one left.
  const sluice = await startSluice({ settings: { keyspaces: [keyspace(nginx.originPort, '1ms')] } });
  try {
    const side = (server, headers) => async () => {
      await checkHttp(server.urlOf, keys, { rewritten: true, headers });
      return await cpuPerOperation([server], () => runWrk({ ...server.http, keys, seconds, connections }));
    };
    await runWrk({ ...sluice.http, keys, seconds: 1, connections });
    const results = await interleave(
      rounds,
      { nginx: side(nginx, {}), subject: side(sluice, { 'cache-status': /^sluice; fwd=miss\b/ }) },
      note,
    );
    const figures = (name) => results[name].map(({ microseconds }) => microseconds);
    const ratio = compare(figures('nginx'), figures('subject'));
    return [{ peerName: 'nginx proxy_pass', must: 3, aim: 2, unit: 'us', ...ratio, results }];
  } finally {
    await sluice.stop();
    await nginx.stop();
  }
}
