import { startRedis } from './redis-server.ts';
import { type SluiceProcess, startSluiceProcess } from './sluice-process.ts';

/**
 * The node that the suites of real clients talk to: with its own store, or in front of a redis-server where `SLUICE_TEST_NODE` is
 * `redis`, which clients-over-redis.test.ts sets to run the same suites again.
 */
export async function startNodeUnderTest(): Promise<SluiceProcess> {
  if (process.env['SLUICE_TEST_NODE'] !== 'redis') return startSluiceProcess();
  const redis = await startRedis();
  try {
    const sluice = await startSluiceProcess({ args: ['--redis', `127.0.0.1:${redis.port}`] });
    return {
      ...sluice,
      async [Symbol.asyncDispose]() {
        await sluice[Symbol.asyncDispose]();
        await redis[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await redis[Symbol.asyncDispose]();
    throw error;
  }
}
