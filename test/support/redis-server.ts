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
  /** Of the process that runs, or ran last. */
  readonly pid: number;
  /** Where its files are. */
  readonly folder: string;
  /** What it has printed so far, restarts included. */
  readonly output: () => string;
  /** Ends the process, keeping its files, so that it can be started again. Idempotent. @default SIGKILL */
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>;
  /** Starts it again on the same port with the same files, ending it first where it still runs. */
  readonly restart: () => Promise<void>;
  /** Stops the process where it is (SIGSTOP): connections stay, nothing answers. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** Ends it with `signal` (default SIGKILL: there is nothing to save), waits until it is gone and removes its files. Idempotent. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
}

export interface RedisServerOptions {
  /** More command-line options, such as `['--maxmemory', '10mb']`; those of later words win. */
  readonly args?: readonly string[];
  /** @default any free one */
  readonly port?: number;
  /** What survives a restart: nothing, or every acknowledged write. @default nothing */
  readonly keeps?: 'nothing' | 'writes';
}

/** Options for what survives a restart. */
export const persistence = {
  nothing: ['--save', '', '--appendonly', 'no'],
  writes: ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
} as const;

/**
 * A real redis-server (or what `SLUICE_TEST_REDIS` names) on a free loopback port, in a temporary folder; ready for commands when this
 * resolves: `await using redis = await startRedis()`.
 * @throws Error with what to install when there is none; callers that may skip ask `findProgram('redis-server')` first.
 */
export function startRedis({ args = [], port, keeps = 'nothing' }: RedisServerOptions = {}): Promise<RedisServer> {
  return startServerProcess(
    (chosen, folder) => ['--port', `${chosen}`, '--bind', '127.0.0.1', '--dir', folder, ...persistence[keeps], ...args],
    port === undefined ? {} : { port },
  );
}

/**
 * The same with a command line of the caller's own: a Sentinel, a node of a cluster.
 * @param argv of the port and the folder it shall use; called once for each port that is tried
 */
export async function startServerProcess(
  argv: (port: number, folder: string) => readonly string[] | Promise<readonly string[]>,
  { port }: { readonly port?: number } = {},
): Promise<RedisServer> {
  const program = findProgram('redis-server');
  if (program === undefined) throw new Error(howToInstall('redis-server'));
  const folder = await tempDir('sluice-redis-');
  try {
    for (let attempt = 1; ; attempt++) {
      const chosen = port ?? (await freePort());
      const process = new ServerProcess(program, await argv(chosen, folder.path), chosen, folder);
      const failure = await process.start();
      if (failure === undefined) return process;
      if (port !== undefined || attempt === 5 || !/Address already in use|Failed listening on port/.test(failure)) {
        throw new Error(`${program} did not start on port ${chosen}:\n${failure}`);
      }
    }
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

class ServerProcess implements RedisServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #program: string;
  readonly #argv: readonly string[];
  readonly #folder: TempDir;
  #child: ChildProcess | undefined;
  #endWatch: () => void = () => {};
  #output = '';

  constructor(program: string, argv: readonly string[], port: number, folder: TempDir) {
    this.#program = program;
    this.#argv = argv;
    this.port = port;
    this.#folder = folder;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get folder(): string {
    return this.#folder.path;
  }

  readonly output = (): string => this.#output;

  readonly kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const child = this.#child;
    if (child !== undefined && !isOver(child)) {
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
    }
    this.#endWatch();
  };

  readonly restart = async (): Promise<void> => {
    await this.kill();
    const failure = await this.start();
    if (failure !== undefined)
      throw new Error(`${this.#program} did not start again on port ${this.port}:\n${failure}`);
  };

  readonly freeze = (): void => {
    this.#child?.kill('SIGSTOP');
  };

  readonly thaw = (): void => {
    this.#child?.kill('SIGCONT');
  };

  readonly stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    await this.kill(signal);
    await this.#folder[Symbol.asyncDispose]();
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** @returns its output when it ended instead of answering */
  async start(): Promise<string | undefined> {
    const child = spawn(this.#program, this.#argv, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#endWatch = child.pid === undefined ? () => {} : watchOver(child.pid, this.folder);
    try {
      await eventually(
        async () => {
          if (isOver(child)) return;
          await using client = await connectRaw({ port: this.port });
          // Data may still be loading.
          if ((await client.command('PING')).startsWith('-LOADING')) throw new Error('it is loading');
        },
        { timeoutMs: 10_000 },
      );
    } catch (error) {
      await this.kill();
      throw new Error(`${this.#program} does not answer on port ${this.port}:\n${this.#output}`, { cause: error });
    }
    if (!isOver(child) && child.pid !== undefined) return undefined;
    this.#endWatch();
    return this.#output === '' ? `it ended with ${child.exitCode ?? child.signalCode}` : this.#output;
  }
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;
