import { runRedisBenchmark } from '../lib/generators.mjs';
import { fillResp } from '../lib/load.mjs';
import { compare, interleave } from '../lib/measure.mjs';
import { MissingProgram } from '../lib/process.mjs';
import { startSluice } from '../peers/sluice.mjs';

/** The longest garbage-collection pause of the main thread under writes and reads: many entries against few. */
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
    note(`while ${keys} keys were loaded: ${JSON.stringify(await node.pauses())}`);
    const load = (kind, operations) =>
      runRedisBenchmark({ port: node.port, kind, keys, operations, connections: options.connections, pipeline: 16 });
    const { rate } = await load('set', 50_000);
    const sets = Math.ceil((rate * options.seconds) / 1000) * 1000;
    return async () => {
      await node.resetPauses();
      await load('set', sets);
      await load('get', sets);
      return await node.pauses();
    };
  };
  try {
    const results = await interleave(options.rounds, { few: await start(few), many: await start(options.keys) }, note);
    const figures = (name) => results[name].map(({ longestMs }) => longestMs);
    return [
      { peerName: 'Sluice, 10,000 keys', unit: 'ms', must: 2, ...compare(figures('few'), figures('many')), results },
    ];
  } finally {
    for (const node of nodes) await node.stop();
  }
}
