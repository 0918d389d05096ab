import { durationForm, parseDuration } from '../../kernel/duration.ts';
import { adminFailure, askAdmin, textOf } from '../ask-admin.ts';
import { exitFailed, exitOk, usageError } from '../exit-status.ts';
import { nodeTarget } from '../node-target.ts';
import { printable } from '../printable.ts';

type Options = Readonly<Record<string, unknown>>;

interface Flushed {
  readonly keyspace: string;
  readonly isWritten?: boolean;
  readonly pending: number;
  readonly trouble?: string;
}

interface Explained {
  readonly keyspace: string;
  readonly pending: number;
  readonly statements: readonly string[];
  readonly reduction: { readonly predicted: number; readonly achieved: number; readonly seconds: number } | null;
}

/** `sluice flush`. */
export async function flush(options: Options): Promise<number> {
  const { keyspace, wait, timeout, dryRun } = options as {
    keyspace?: string;
    wait?: boolean;
    timeout?: string;
    dryRun?: boolean;
  };
  if (dryRun === true && wait === true) throw usageError('give either --dry-run or --wait');
  if (timeout !== undefined && wait !== true) throw usageError('--timeout is of use only with --wait');
  const ms = timeout === undefined ? 30_000 : parseDuration(timeout);
  if (ms === undefined || ms <= 0 || ms > 3_600_000)
    throw usageError(`--timeout: expected ${durationForm}, at most 1h; found ${JSON.stringify(timeout)}`);
  if (dryRun === true) return explain(options, keyspace);
  const node = await nodeTarget(options, 'admin');
  const body = {
    ...(keyspace === undefined ? {} : { keyspace }),
    ...(wait === true ? { wait: true, timeout: ms } : {}),
  };
  const response = await askAdmin(node, { path: '/api/write-behind/flush', body });
  if (response.statusCode !== 200 && response.statusCode !== 202)
    throw await adminFailure(node, response, 'asking for rows to be written');
  const { keyspaces } = JSON.parse(await textOf(response)) as { readonly keyspaces: readonly Flushed[] };
  for (const one of keyspaces) process.stdout.write(`${lineOf(one)}\n`);
  return keyspaces.some(({ isWritten }) => isWritten === false) ? exitFailed : exitOk;
}

function lineOf({ keyspace, isWritten, pending, trouble }: Flushed): string {
  const why = trouble === undefined ? '' : `: ${trouble}`;
  const what =
    isWritten === undefined
      ? `asked for; ${waiting(pending)}`
      : isWritten
        ? 'all that waited is written'
        : `not all that waited is written, ${waiting(pending)}`;
  return printable(`${keyspace}: ${what}${why}`);
}

function waiting(pending: number): string {
  return pending === 1 ? '1 row waits' : `${pending} rows wait`;
}

async function explain(options: Options, keyspace: string | undefined): Promise<number> {
  const node = await nodeTarget(options, 'admin');
  const query = keyspace === undefined ? '' : `?keyspace=${encodeURIComponent(keyspace)}`;
  const response = await askAdmin(node, { path: `/api/write-behind/next${query}` });
  if (response.statusCode !== 200) throw await adminFailure(node, response, 'asking what would be written');
  const { keyspaces } = JSON.parse(await textOf(response)) as { readonly keyspaces: readonly Explained[] };
  for (const { keyspace: name, pending, statements, reduction } of keyspaces) {
    const saved =
      reduction === null
        ? ''
        : `; ${reduction.achieved.toFixed(1)} changes for each row written in the last ${Math.round(reduction.seconds)} s, predicted ${reduction.predicted.toFixed(1)}`;
    process.stdout.write(`-- ${printable(name)}: ${waiting(pending)}${saved}\n`);
    for (const statement of statements) process.stdout.write(`${statement.split('\n').map(printable).join('\n')}\n`);
  }
  return exitOk;
}
