import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Tries `attempt` until it neither throws nor rejects, and returns its value; after `timeoutMs` it rejects with the last error.
 * For what another process does in its own time; where there is an event to wait for, wait for that.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 5_000, intervalMs = 10 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
      await sleep(intervalMs);
    }
  }
}
