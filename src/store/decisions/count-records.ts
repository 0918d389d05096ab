import type { ByteString } from '../../kernel/bytes.ts';
import { defineDecision } from './decision.ts';

/** How many records of a log wait and how many are claimed, as of one instant. Keys: those waiting, those claimed. */
export const countRecords = defineDecision({
  name: 'count-records',
  access: 'read',
  keys: [2, 2],
  args: 0,
  lua: `
return { redis.call('LLEN', KEYS[1]), redis.call('ZCARD', KEYS[2]) }
`,
  native(space, keys) {
    const [waiting, claimed] = keys as [ByteString, ByteString];
    const waits = space.keyspace(waiting).lists.read(waiting)?.length ?? 0;
    return [waits, space.keyspace(claimed).sortedSets.read(claimed)?.size ?? 0];
  },
});
