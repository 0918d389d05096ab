import { cpuPerOperation } from './measure.mjs';

/**
 * One side of a comparison of proxies, as a function that measures once: `server` is loaded by `generate`, `redis` is behind it (or
 * `server` itself). The answer has the CPU of both together as `microseconds`, of the proxy as `own`, of the redis-server as `redis`.
 * Fails when `check` does, or when the reads at `redis` per operation are not within `reached` = [least, most].
 */
export function behindProxy({ server, redis, reached: [least, most], generate, check }) {
  const counted = server.pid === redis.pid ? [server] : [server, redis];
  return async () => {
    await check();
    const before = await redis.calls('get', 'mget');
    const result = await cpuPerOperation(
      // What is read needs no waiting for a disk.
      counted.map(({ name, cpu, fineCpu = cpu, settleSoon }) => ({ name, cpu: fineCpu, settle: settleSoon })),
      generate,
    );
    const reached = ((await redis.calls('get', 'mget')) - before) / result.operations;
    if (!(reached >= least && reached <= most))
      throw new Error(
        `${server.name}: ${reached.toFixed(3)} reads of redis-server per operation, not ${least} to ${most}`,
      );
    await check();
    return { ...result, own: result.each[server.name], redis: result.each[redis.name], reached };
  };
}
