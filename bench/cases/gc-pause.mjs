import { runRedisBenchmark } from '../lib/generators.mjs';
import { fillResp } from '../lib/load.mjs';
import { compare, interleave } from '../lib/measure.mjs';
import { MissingProgram } from '../lib/process.mjs';
import { startSluice } from '../peers/sluice.mjs';

/**
 * Garbage-collection pauses of the main thread, many entries against few: the longest one under writes and reads, and,
 * since a full collection may not fall into the measurement, how long a forced one takes.
 */
export const gcPauseCases = [
  {
    name: 'gc-pause',
    title: 'longest garbage-collection pause with all keys, against the same node with 10,000',
    needs: ['redis-benchmark'],
    run: runGcPauseCase,
  },
];

const few = 10_000;

async function runGcPauseCase({ options, note }) {
  if (options.null) throw new MissingProgram('redis-server collects no garbage: nothing to compare with --null');
  const nodes = [];
  const start = async (keys) => {
    const node = await startSluice({ probed: true });
    nodes.push(node);
    await fillResp(node.port, keys, { ttlSeconds: 86_400 });
    await node.settle();
    note(`while ${keys} keys were loaded: ${JSON.stringify(await node.ask('report'))}`);
    const load = (kind, operations) =>
      runRedisBenchmark({ port: node.port, kind, keys, operations, connections: options.connections, pipeline: 16 });
    return { node, load };
  };
  try {
    const [small, large] = [await start(few), await start(options.keys)];
    // The same work for both: the slower one sets how much.
    const rates = [(await small.load('set', 50_000)).rate, (await large.load('set', 50_000)).rate];
    const operations = Math.ceil((Math.min(...rates) * options.seconds) / 1000) * 1000;
    const side = ({ node, load }) => {
      return async () => {
        await node.ask('reset');
        await load('set', operations);
        await load('get', operations);
        const pauses = await node.ask('report');
        return { ...pauses, fullMs: await node.ask('full') };
      };
    };
    const results = await interleave(options.rounds, { few: side(small), many: side(large) }, note);
    const row = (figure) => {
      const figures = (name) => results[name].map((result) => result[figure]);
      return { unit: 'ms', must: 2, ...compare(figures('few'), figures('many')) };
    };
    return [
      { peerName: `Sluice, ${few} keys, under load`, ...row('longestMs'), results },
      { peerName: `Sluice, ${few} keys, a forced full collection`, ...row('fullMs') },
    ];
  } finally {
    for (const node of nodes) await node.stop();
  }
}
