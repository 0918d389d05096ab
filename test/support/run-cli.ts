import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** The built program; `npm test` builds it when it is stale. */
const program = resolve(import.meta.dirname, '../../dist/cli/main.js');

/** How a command ended. */
export interface CliResult {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs the built `sluice` with these arguments to its end. Variables of this process that would configure it are left out. */
export async function runCli(
  args: readonly string[],
  { cwd, env = {}, input }: { cwd?: string; env?: Readonly<Record<string, string>>; input?: string | Buffer } = {},
): Promise<CliResult> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_'));
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const chunks: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A command that does not read its input may end before it has taken all of it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout: Buffer.concat(chunks), stderr };
}
