import { fillResp } from '../lib/load.mjs';
import { compare, interleave, median } from '../lib/measure.mjs';
import { residentBytes, sleep } from '../lib/process.mjs';
import { startRedis } from '../peers/redis.mjs';
import { startSluice } from '../peers/sluice.mjs';

/** Memory: what one string costs, and what a node costs that holds nothing. Every round starts fresh servers. */
export const memoryCases = [
  {
    name: 'memory',
    title: 'memory per string of 20 + 100 bytes with a ttl, beside redis-server',
    needs: ['redis-server'],
    run: runMemoryCase,
  },
  { name: 'idle', title: 'resident memory of a node that has just started', needs: ['redis-server'], run: runIdleCase },
];

const startSubject = (options) => (options.null ? startRedis() : startSluice({ probed: true }));

async function runMemoryCase({ options, note }) {
  const { keys } = options;
  // Memory does not move from round to round as CPU time does: three rounds show it.
  const rounds = Math.min(options.rounds, 3);
  const perEntry = (start) => async () => {
    const server = await start();
    try {
      await server.settle();
      await server.collectGarbage?.();
      const before = residentBytes(server.pid);
      await fillResp(server.port, keys, { ttlSeconds: 86_400 });
      await server.settle();
      const heap = await server.collectGarbage?.();
      const after = residentBytes(server.pid);
      return {
        bytes: (after.all - before.all) / keys,
        anonymousBytes: (after.anonymous - before.anonymous) / keys,
        startedWith: before.all,
        ...(heap && { heapUsed: heap.heapUsed, external: heap.external, arrayBuffers: heap.arrayBuffers }),
      };
    } finally {
      await server.stop();
    }
  };
  const results = await interleave(
    rounds,
    { peer: perEntry(() => startRedis()), subject: perEntry(() => startSubject(options)) },
    note,
  );
  const figures = (name) => results[name].map(({ bytes }) => bytes);
  const figure = compare(figures('peer'), figures('subject'));
  return [{ peerName: 'redis-server', unit: 'bytes', mustFigure: 260, aimFigure: 200, ...figure, results }];
}

async function runIdleCase({ options, note }) {
  const resident = (start) => async () => {
    const server = await start();
    try {
      await sleep(3000);
      const { all, anonymous } = residentBytes(server.pid);
      return { megabytes: all / 2 ** 20, anonymousMegabytes: anonymous / 2 ** 20 };
    } finally {
      await server.stop();
    }
  };
  // Not probed: a node as an operator starts it.
  const subject = options.null ? () => startRedis() : () => startSluice();
  const results = await interleave(
    options.rounds,
    { peer: resident(() => startRedis()), subject: resident(subject) },
    note,
  );
  const figures = (name) => median(results[name].map(({ megabytes }) => megabytes));
  const [peer, own] = [figures('peer'), figures('subject')];
  return [
    {
      peerName: 'redis-server',
      unit: 'MiB',
      mustFigure: 110,
      aimFigure: 80,
      peer,
      subject: own,
      ratio: own / peer,
      results,
    },
  ];
}
