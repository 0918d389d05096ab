import { expect, it } from 'vitest';
import { parseKeyPattern } from '../kernel/key-pattern.ts';
import { EmbeddedDirtySet } from '../store/embedded/dirty-set.ts';
import { EmbeddedTurn } from '../store/embedded/embedded-turn.ts';
import { EmbeddedRecordLog } from '../store/embedded/record-log.ts';
import { openMemoryEngine } from '../store/engine/durable-engine.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { KnownSets } from './known-sets.ts';
import { RowSpace } from './row-space.ts';

const clock = new FakeClock();

function spaceOf(match: string): RowSpace {
  const pattern = parseKeyPattern(match);
  if ('problem' in pattern) throw new Error(pattern.problem);
  return new RowSpace({
    match,
    pattern,
    clock,
    policy: {
      minDelay: 0,
      maxDelay: 0,
      maxBatch: 10,
      maxPending: 10,
      maxDeadLetters: 10,
      onFull: 'shed',
      timeout: 1000,
      ack: 'store',
      rate: { rows: undefined, transactions: undefined },
      deletes: 'remove',
      keepFor: undefined,
    },
    mapping: { shape: 'row', table: 't', key: ['id'], columns: [], version: 'v', fence: undefined },
  });
}

it('tells what waits of keyspaces that are there no more, until they are there again', async () => {
  const { engine, journal } = openMemoryEngine({ clock, random: () => 0.5, maxBytes: 1e8 });
  const turn = new EmbeddedTurn(engine, journal);
  const [rows, records] = [new EmbeddedDirtySet(turn), new EmbeddedRecordLog(turn)];
  const known = new KnownSets(rows, records);
  const [scooters, trips, empty] = [spaceOf('scooter:*'), spaceOf('trip:{id}'), spaceOf('other:*')];
  expect(await known.settle([scooters, trips, empty])).toEqual([]);
  await rows.put(scooters.set, 'scooter:1', { kind: 'delete' }, { ack: 'store', limit: 10 });
  await records.append(`records:${trips.set}`, ['x', 'y']);
  expect(await known.settle([scooters, trips])).toEqual([]);
  expect(await known.settle([spaceOf('scooter:{id}')])).toEqual([
    { match: 'scooter:*', rows: 1 },
    { match: 'trip:{id}', rows: 2 },
  ]);
  expect(await known.settle([scooters, trips])).toEqual([]);
});
