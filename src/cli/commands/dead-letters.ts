import { adminFailure, askAdmin, textOf } from '../ask-admin.ts';
import { exitFailed, exitOk, usageError } from '../exit-status.ts';
import { type NodeTarget, nodeTarget } from '../node-target.ts';
import { printable } from '../printable.ts';

type Options = Readonly<Record<string, unknown>>;

/** As `GET /api/dead-letters` tells it. */
interface Letter {
  readonly id: string;
  readonly keyspace: string;
  readonly key: string;
  readonly reason: string;
  readonly at: string;
}

interface Replayed {
  readonly written: number;
  readonly skipped: number;
  readonly failed: number;
  readonly unknown: number;
  readonly reason: string | null;
}

const PAGE = 100;

/** `sluice dead-letters list`. */
export async function listLetters(options: Options): Promise<number> {
  const limit = options['limit'] === undefined ? Number.POSITIVE_INFINITY : Number(options['limit']);
  if (!(limit >= 1) || (Number.isFinite(limit) && !Number.isSafeInteger(limit)))
    throw usageError('--limit: expected a whole number from 1 on');
  const node = await nodeTarget(options, 'admin');
  let after: string | undefined;
  for (let left = limit; left > 0; ) {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, left)) });
    if (options['keyspace'] !== undefined) query.set('keyspace', String(options['keyspace']));
    if (after !== undefined) query.set('after', after);
    const response = await askAdmin(node, { path: `/api/dead-letters?${query}` });
    if (response.statusCode !== 200) throw await adminFailure(node, response, 'listing dead letters');
    const { letters } = JSON.parse(await textOf(response)) as { readonly letters: readonly Letter[] };
    for (const letter of letters)
      process.stdout.write(options['json'] === true ? `${JSON.stringify(letter)}\n` : lineOf(letter));
    if (letters.length === 0) break;
    left -= letters.length;
    after = letters.at(-1)?.id;
  }
  return exitOk;
}

function lineOf({ id, at, keyspace, key, reason }: Letter): string {
  return `${[id, at, keyspace, key, reason].map(printable).join('  ')}\n`;
}

/** `sluice dead-letters show ID`. */
export async function showLetter(options: Options, [id = '']: readonly string[]): Promise<number> {
  const node = await nodeTarget(options, 'admin');
  const response = await askAdmin(node, { path: `/api/dead-letters/${encodeURIComponent(id)}` });
  if (response.statusCode !== 200) throw await adminFailure(node, response, 'reading dead letters');
  process.stdout.write(`${JSON.stringify(JSON.parse(await textOf(response)), undefined, 2)}\n`);
  return exitOk;
}

/** `sluice dead-letters replay`. */
export async function replayLetters(options: Options, ids: readonly string[]): Promise<number> {
  const choice = choiceOf(options, ids);
  const node = await nodeTarget(options, 'admin');
  const text = await change(node, '/api/dead-letters/replay', choice, 'writing dead letters again');
  const { written, skipped, failed, unknown, reason } = JSON.parse(text) as Replayed;
  const parts = [
    `${written} written`,
    `${skipped} skipped (their rows have changed since)`,
    `${failed} still cannot be written`,
  ];
  if (unknown > 0) parts.push(`${unknown} not found`);
  process.stdout.write(`${parts.join(', ')}\n`);
  if (reason !== null) process.stderr.write(`sluice: ${printable(reason)}\n`);
  return failed + unknown > 0 ? exitFailed : exitOk;
}

/** `sluice dead-letters drop`. */
export async function dropLetters(options: Options, ids: readonly string[]): Promise<number> {
  const choice = choiceOf(options, ids);
  const node = await nodeTarget(options, 'admin');
  const text = await change(node, '/api/dead-letters/drop', choice, 'dropping dead letters');
  const { dropped } = JSON.parse(text) as { readonly dropped: number };
  process.stdout.write(`${dropped} dropped\n`);
  return dropped < new Set(ids).size ? exitFailed : exitOk;
}

function choiceOf(options: Options, ids: readonly string[]): unknown {
  const all = options['all'] === true;
  const keyspace = options['keyspace'] as string | undefined;
  if (all === ids.length > 0) throw usageError('give either ids or --all');
  if (!all && keyspace !== undefined) throw usageError('--keyspace is of use only with --all');
  return all ? { all, ...(keyspace === undefined ? {} : { keyspace }) } : { ids };
}

async function change(node: NodeTarget, path: string, body: unknown, what: string): Promise<string> {
  const response = await askAdmin(node, { path, body });
  if (response.statusCode !== 200) throw await adminFailure(node, response, what);
  return textOf(response);
}
