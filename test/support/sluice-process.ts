import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { eventually } from './eventually.ts';
import { tempDir } from './temp-dir.ts';
import { watchOver } from './watchdog.ts';

/** The built program; `npm test` builds it when it is stale. */
const program = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface SluiceProcess extends AsyncDisposable {
  readonly pid: number;
  readonly dataDir: string;
  /** Undefined when the listener is off. */
  readonly http: ListenAddress;
  readonly resp: ListenAddress;
  readonly admin: ListenAddress;
  /** Standard output and error so far, for messages of failing tests. */
  readonly output: () => string;
  /** Sends the signal and waits for the end; returns the exit code, or the signal that ended it. Idempotent. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
  /** How it ended; pending while it runs. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/**
 * The built `sluice start` as its own process on free loopback ports, with its data in a temporary folder unless `dataDir` names one
 * (which is then kept): `await using sluice = await startSluiceProcess()`. It is ready when this resolves; disposing it kills it.
 */
export async function startSluiceProcess({
  args = [],
  commandLine,
  env = {},
  dataDir,
  readyWithinMs = 30_000,
  ports = {},
}: {
  /** More options of `sluice start`; an address given here stands instead of a free port. */
  readonly args?: readonly string[];
  /** All words after the name of the program; addresses and folder are then the caller's business. */
  readonly commandLine?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  readonly readyWithinMs?: number;
  /** A fixed port, for a restart at the same address. @default any free one */
  readonly ports?: { readonly http?: number; readonly resp?: number; readonly admin?: number };
} = {}): Promise<SluiceProcess> {
  if (!existsSync(program)) throw new Error(`${program} does not exist: npm run build`);
  const temporary = await tempDir('sluice-data-');
  const folder = dataDir ?? join(temporary.path, 'data');
  const listeners = (['http', 'resp', 'admin'] as const).flatMap((name) =>
    args.includes(`--${name}`) ? [] : [`--${name}`, `127.0.0.1:${ports[name] ?? 0}`],
  );
  const data = args.includes('--data') ? [] : ['--data', folder];
  const words = commandLine ?? ['start', ...listeners, ...data, ...args];
  const child = spawn(process.execPath, [program, ...words], {
    // A folder without a sluice.yaml or .env to be picked up.
    cwd: temporary.path,
    env: { ...withoutSluiceVariables(process.env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const endWatch = child.pid === undefined ? () => {} : watchOver(child.pid, temporary.path);
  const ended = once(child, 'close').then(async ([code, signal]) => {
    endWatch();
    await temporary[Symbol.asyncDispose]();
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return ended;
  };
  const wanted = (['http', 'resp', 'admin'] as const).filter((name) => args[args.indexOf(`--${name}`) + 1] !== 'off');
  try {
    await eventually(
      () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        for (const name of wanted) if (addressOf(name, output) === undefined) throw new Error(`no address of ${name}`);
      },
      { timeoutMs: readyWithinMs },
    );
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      await ended;
      throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    }
  } catch (error) {
    await kill('SIGKILL');
    throw new Error(`sluice start was not ready (${(error as Error).message}):\n${output}`, { cause: error });
  }
  const off: ListenAddress = { host: '', port: 0 };
  return {
    pid: child.pid,
    dataDir: folder,
    http: addressOf('http', output) ?? off,
    resp: addressOf('resp', output) ?? off,
    admin: addressOf('admin', output) ?? off,
    output: () => output,
    kill,
    ended,
    [Symbol.asyncDispose]: async () => {
      await kill('SIGKILL');
    },
  };
}

/** The address in a line such as `http   http://127.0.0.1:8080`, colours and brackets of IPv6 allowed for. */
function addressOf(name: string, output: string): ListenAddress | undefined {
  const plain = output.replace(/\u001b\[[\d;]*m/g, '');
  const match = new RegExp(`^\\W*${name}\\b\\W+(?:\\w+://)?(\\[[\\da-f:]+\\]|[\\w.-]+):(\\d+)(?=\\s)`, 'im').exec(
    plain,
  );
  if (match?.[1] === undefined) return undefined;
  return { host: match[1].replace(/[[\]]/g, ''), port: Number(match[2]) };
}

/** The tests' own variables must not configure the program they test. */
function withoutSluiceVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('SLUICE_')));
}
