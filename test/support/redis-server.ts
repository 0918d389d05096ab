import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { findProgram, howToInstall } from './programs.ts';
import { connectRaw } from './raw-resp.ts';
import { type TempDir, tempDir } from './temp-dir.ts';
import { watchOver } from './watchdog.ts';

export interface RedisServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly pid: number;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Ends it with `signal` (default SIGKILL: there is nothing to save) and waits until it is gone. Idempotent. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
}

/**
 * A real redis-server (or what `SLUICE_TEST_REDIS` names) on a free loopback port, in a temporary folder, without persistence; ready
 * for commands when this resolves: `await using redis = await startRedis()`.
 * @throws Error with what to install when there is none; callers that may skip ask `findProgram('redis-server')` first.
 */
export async function startRedis({
  args = [],
  port,
}: {
  /** More command-line options, such as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[];
  /** @default any free one */
  readonly port?: number;
} = {}): Promise<RedisServer> {
  const program = findProgram('redis-server');
  if (program === undefined) throw new Error(howToInstall('redis-server'));
  const folder = await tempDir('sluice-redis-');
  try {
    for (let attempt = 1; ; attempt++) {
      const chosen = port ?? (await freePort());
      const server = await start(program, chosen, args, folder);
      if (typeof server !== 'string') return server;
      if (port !== undefined || attempt === 5 || !server.includes('Address already in use')) {
        throw new Error(`${program} did not start on port ${chosen}:\n${server}`);
      }
    }
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** The server, or its output when it ended instead of answering. */
async function start(
  program: string,
  port: number,
  args: readonly string[],
  folder: TempDir,
): Promise<RedisServer | string> {
  const child = spawn(
    program,
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder.path, '--save', '', '--appendonly', 'no', ...args],
    { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const endWatch = child.pid === undefined ? () => {} : watchOver(child.pid, folder.path);
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    await end(child, signal);
    endWatch();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await eventually(
      async () => {
        if (isOver(child)) return;
        await using client = await connectRaw({ port });
        await client.command('PING');
      },
      { timeoutMs: 10_000 },
    );
  } catch (error) {
    await end(child, 'SIGKILL');
    endWatch();
    throw new Error(`${program} does not answer on port ${port}:\n${output}`, { cause: error });
  }
  if (isOver(child) || child.pid === undefined) {
    endWatch();
    return output;
  }
  return { host: '127.0.0.1', port, pid: child.pid, output: () => output, stop, [Symbol.asyncDispose]: () => stop() };
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (isOver(child)) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
