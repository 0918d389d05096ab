import {
  cpuSeconds,
  freePort,
  requireProgram,
  sleep,
  startServer,
  temporaryFolder,
  threadCpuSeconds,
} from '../lib/process.mjs';
import { answersResp, RespConnection } from '../lib/resp-connection.mjs';

/**
 * redis-server with an append-only file, `appendfsync everysec`, no snapshots. The file is rewritten only by
 * `rewriteCpuSeconds()`: by itself it would be when it has doubled, which falls into some rounds and not into others and
 * costs as much as 400,000 writes. `more` are more of its settings. `folder` has what an earlier one has left.
 */
export async function startRedis({ more = [], folder = temporaryFolder('redis') } = {}) {
  const program = requireProgram('redis-server');
  const port = await freePort();
  const server = await startServer(
    program,
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--daemonize', 'no'],
      ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--auto-aof-rewrite-percentage', '0'],
      ...more,
    ],
    { name: 'redis-server', ready: () => answersResp(port), readyTimeoutMs: 120_000 },
  );
  const control = await RespConnection.open(port);
  const cpu = () => cpuSeconds(server.pid);
  const peer = {
    name: 'redis-server',
    pid: server.pid,
    port,
    folder,
    cpu,
    /** The same without children, in finer steps; only for reads, which never fork. */
    fineCpu: () => threadCpuSeconds(server.pid),
    /** How often commands of these names (lower case) were called since the start. */
    async calls(...names) {
      const info = await control.call('INFO', 'commandstats');
      const callsOf = (name) => Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(info)?.[1] ?? 0);
      return names.reduce((sum, name) => sum + callsOf(name), 0);
    },
    /** Waits for the file: the write of this second, its fsync, and a rewrite if one runs or is due. */
    async settle() {
      const deadline = Date.now() + 120_000;
      for (;;) {
        await sleep(1100);
        const info = await control.call('INFO', 'persistence');
        const busy = ['aof_pending_bio_fsync', 'aof_rewrite_in_progress', 'aof_rewrite_scheduled', 'aof_buffer_length'];
        if (busy.every((field) => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0) === 0)) return;
        if (Date.now() > deadline) throw new Error(`redis-server still persists after 120 s:\n${info}`);
      }
    },
    /** Seconds of CPU, child included, of one rewrite of the file. */
    async rewriteCpuSeconds() {
      await peer.settle();
      const before = cpu();
      await control.call('BGREWRITEAOF');
      await peer.settle();
      return cpu() - before;
    },
    async stop() {
      control.close();
      await server.stop();
    },
    async kill() {
      control.close();
      await server.kill();
    },
  };
  return peer;
}
