import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { type TempDir, tempDir } from './temp-dir.ts';
import { watchOver } from './watchdog.ts';

/** A database server of a test. */
export interface DatabaseServer extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly output: () => string;
  /** Ends the process, keeping its files. Idempotent. @default SIGKILL */
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>;
  /** Starts it again on the same port with the same files. */
  readonly restart: () => Promise<void>;
  /** Stops the process where it is (SIGSTOP): connections stay, nothing answers. */
  readonly freeze: () => void;
  readonly thaw: () => void;
}

export interface DatabaseServerOptions {
  readonly program: string;
  /** A command that makes the files of an empty database in `data`. */
  readonly initialize: (folder: string, data: string) => readonly [program: string, ...args: string[]];
  readonly args: (port: number, folder: string, data: string) => readonly string[];
  /** Rejects until the server answers. */
  readonly ask: (port: number) => Promise<void>;
}

/**
 * A database server on a free loopback port, in a temporary folder; it answers when this resolves. As root it runs as another user, since
 * the servers refuse to run as root.
 */
export async function startDatabase(options: DatabaseServerOptions): Promise<DatabaseServer> {
  const folder = await tempDir('sluice-sql-');
  try {
    const owner = unprivileged();
    const data = join(folder.path, 'data');
    mkdirSync(data, { mode: 0o700 });
    if (owner !== undefined) for (const path of [folder.path, data]) chownSync(path, owner.uid, owner.gid);
    const [program, ...args] = options.initialize(folder.path, data);
    const environment = { ...process.env, HOME: folder.path };
    const made = spawnSync(program, args, { cwd: folder.path, encoding: 'utf8', env: environment, ...owner });
    if (made.status !== 0) throw new Error(`${program} failed:\n${made.stdout}\n${made.stderr}`, { cause: made.error });
    const server = new ServerProcess(options, { folder, data, owner, port: await freePort() });
    await server.restart();
    return server;
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

interface Place {
  readonly folder: TempDir;
  readonly data: string;
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly port: number;
}

class ServerProcess implements DatabaseServer {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #options: DatabaseServerOptions;
  readonly #place: Place;
  #child: ChildProcess | undefined;
  #endWatch: () => void = () => {};
  #output = '';

  constructor(options: DatabaseServerOptions, place: Place) {
    this.#options = options;
    this.#place = place;
    this.port = place.port;
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

  // The processes a killed server has left behind may hold its memory or files for a moment: it is tried again then.
  readonly restart = async (): Promise<void> => {
    await this.kill();
    await eventually(() => this.#start(), { timeoutMs: 20_000, intervalMs: 50 });
  };

  readonly freeze = (): void => {
    this.#child?.kill('SIGSTOP');
  };

  readonly thaw = (): void => {
    this.#child?.kill('SIGCONT');
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#place.folder[Symbol.asyncDispose]();
  }

  async #start(): Promise<void> {
    const { folder, data, owner } = this.#place;
    const { program, args, ask } = this.#options;
    const child = spawn(program, args(this.port, folder.path, data), {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...owner,
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.#endWatch = child.pid === undefined ? () => {} : watchOver(child.pid, folder.path);
    await eventually(
      async () => {
        if (!isOver(child)) await ask(this.port);
      },
      { timeoutMs: 15_000, intervalMs: 30 },
    ).catch(async (error: unknown) => {
      await this.kill();
      throw new Error(`${program} does not answer:\n${this.#output}`, { cause: error });
    });
    if (!isOver(child)) return;
    this.#endWatch();
    throw new Error(`${program} ended:\n${this.#output}`);
  }
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** A user to run as when we are root: `nobody`, which every system has. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (entry === null) throw new Error('there is no user nobody to run a database server as');
  return { uid: Number(entry[1]), gid: Number(entry[2]) };
}
