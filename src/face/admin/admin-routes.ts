import type { Readable } from 'node:stream';
import { Readable as NodeReadable } from 'node:stream';
import { Hono } from 'hono';
import { Problem } from '../http/problem.ts';
import { openApi } from './open-api.ts';
import { addWriteBehindRoutes, type WriteBehindSources } from './write-behind-routes.ts';

export type HealthStatus = 'pass' | 'warn' | 'fail';

/** One component's answer to "how are you?". */
export interface ComponentHealth {
  readonly status: HealthStatus;
  /** Why it is not `pass`, or a figure worth knowing. */
  readonly output?: string;
}

/** What the admin face tells and does; the app knows how. */
export interface AdminSources {
  readonly version: string;
  /** Empty when requests are served; otherwise why not. */
  notReady(): string;
  health(): Readonly<Record<string, ComponentHealth>>;
  metrics(): Promise<{ readonly contentType: string; readonly page: string }>;
  status(): Readonly<Record<string, unknown>>;
  /**
   * Drops what is kept of read-through keys.
   * @returns how many had a value. @throws SluiceError NOT_SUPPORTED where nothing is read through, INVALID_ARGUMENT for a key of no keyspace
   */
  purge(what: PurgeRequest): Promise<number>;
  /** Whether each keyspace is worth having. @throws SluiceError NOT_SUPPORTED where nothing is read through */
  advise(): readonly unknown[];
  /** Absent where nothing is written behind. */
  readonly writeBehind: WriteBehindSources | undefined;
  /** A consistent copy of the data folder's database. @throws SluiceError NOT_SUPPORTED for a store in memory */
  backup(): Promise<Readable>;
}

/** One key, or all that match a glob. */
export type PurgeRequest = { readonly key: string } | { readonly match: string };

/** Paths that need no credentials: probes have none. */
export const probes: readonly string[] = ['/live', '/ready'];

const STATUS_OF: Readonly<Record<HealthStatus, 200 | 503>> = { pass: 200, warn: 200, fail: 503 };
const HEALTH_TYPE = 'application/health+json';

/** The worst of all. */
function overall(components: Readonly<Record<string, ComponentHealth>>): HealthStatus {
  const all = Object.values(components).map(({ status }) => status);
  return all.includes('fail') ? 'fail' : all.includes('warn') ? 'warn' : 'pass';
}

/** The routes of the admin face. Errors of the sources pass through to the face, which makes problem documents of them. */
export function adminRoutes(sources: AdminSources): Hono {
  const app = new Hono();
  app.get('/live', (context) => context.text('live\n'));
  app.get('/ready', (context) => {
    const reason = sources.notReady();
    if (reason === '') return context.text('ready\n');
    return context.text(`${reason}\n`, 503, { 'Retry-After': '1' });
  });
  app.get('/hello', (context) => {
    const checks = sources.health();
    const status = overall(checks);
    const body = JSON.stringify({ status, version: sources.version, checks });
    return context.body(body, STATUS_OF[status], { 'Content-Type': HEALTH_TYPE, 'Cache-Control': 'no-store' });
  });
  app.get('/metrics', async (context) => {
    const { contentType, page } = await sources.metrics();
    return context.body(page, 200, { 'Content-Type': contentType });
  });
  app.get('/api/status', (context) => context.json(sources.status()));
  app.get('/api/openapi.json', (context) => context.json(openApi(sources.version)));
  app.post('/api/purge', async (context) => {
    const purged = await sources.purge(purgeRequest(await context.req.text()));
    return context.json({ purged });
  });
  app.get('/api/advise', (context) => context.json({ advice: sources.advise() }));
  addWriteBehindRoutes(app, sources.writeBehind);
  app.get('/api/backup', async (context) => {
    const stream = NodeReadable.toWeb(await sources.backup()) as ReadableStream;
    return context.body(stream, 200, {
      'Content-Type': 'application/vnd.sqlite3',
      'Content-Disposition': 'attachment; filename="sluice-backup.db"',
    });
  });
  return app;
}

/** @throws Problem 400 */
function purgeRequest(body: string): PurgeRequest {
  const wanted = new Problem(
    400,
    'Bad request',
    'expected a JSON object with either key or match, a text: {"key":"user:1"}',
  );
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    throw wanted;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wanted;
  const [name, ...others] = Object.keys(given);
  const text: unknown = (given as Record<string, unknown>)[name ?? ''];
  if (others.length > 0 || typeof text !== 'string' || text === '') throw wanted;
  if (name === 'key') return { key: text };
  if (name === 'match') return { match: text };
  throw wanted;
}
