import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../src/errors.ts';
import { putDirty } from '../../src/store/decisions/put-dirty.ts';
import { RedisDirtySet } from '../../src/store/redis/dirty-set.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { openRedisPorts } from '../support/redis-ports.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const ROUNDS = 60;
const PUTS = 40;

/** Another program loads the scripts and takes them away, as fast as the server lets it. */
async function trouble({ port }: RedisServer, isOver: () => boolean): Promise<number> {
  await using client = await connectRaw({ port });
  let flushes = 0;
  while (!isOver()) {
    await client.pipeline([['SCRIPT', 'FLUSH'], ['PING'], ['SCRIPT', 'LOAD', putDirty.lua]]);
    flushes++;
  }
  return flushes;
}

describe.skipIf(findProgram('redis-server') === undefined)('puts to one row that are under way together', () => {
  it('take effect in their order, also where the server loses the script in the middle', async () => {
    await using redis = await startRedis();
    const target = {
      kind: 'standalone',
      endpoints: [{ host: redis.host, port: redis.port }],
      database: 0,
    } as const;
    await using ports = openRedisPorts(target);
    const rows = new RedisDirtySet(ports.calls, Date.now);
    let isOver = false;
    const flushing = trouble(redis, () => isOver);
    const written = new Map<string, number>();
    let refused = 0;
    let order = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const works: Promise<void>[] = [];
      let accepted = 0;
      let lastVersion = 0;
      for (let i = 0; i < PUTS; i++) {
        const value = ++order;
        // Other rows send the script meanwhile.
        for (const key of ['hot', `cold-${i % 7}`]) {
          const fields = [{ do: 'set', field: 'v', value: String(value) }] as const;
          works.push(
            (async () => {
              try {
                const changed = await rows.put('set', key, { kind: 'merge', fields }, { ack: 'store', limit: 1e6 });
                written.set(key, Math.max(written.get(key) ?? 0, value));
                if (key !== 'hot' || changed === undefined) return;
                accepted++;
                expect(changed.version).toBeGreaterThan(lastVersion);
                lastVersion = changed.version;
              } catch (error) {
                // It says so, and did not run.
                expect(isSluiceError(error, 'STORE_UNAVAILABLE')).toBe(true);
                refused++;
              }
            })(),
          );
        }
        // What was accepted before is read.
        works.push(
          (async () => {
            const row = await rows.read('set', 'hot');
            expect(Number(row?.fields.get('v'))).toBeGreaterThanOrEqual(written.get('hot') ?? 0);
          })(),
        );
      }
      await Promise.all(works);
      expect(accepted).toBeGreaterThan(0);
      for (const [key, value] of written) expect((await rows.read('set', key))?.fields.get('v')).toBe(String(value));
    }
    isOver = true;
    expect(await flushing).toBeGreaterThan(ROUNDS);
    expect(refused).toBeLessThan(order);
  }, 60_000);
});
