import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Exchange } from '../http/exchange.ts';
import { Problem } from '../http/problem.ts';
import { type AdminSources, adminRoutes, probes } from './admin-routes.ts';
import { writeBehindChanges } from './write-behind-routes.ts';

/** What takes a POST. */
const changes: readonly string[] = ['/api/purge', ...writeBehindChanges];
const BODY_BYTES = 64 * 1024;
/** Of it so much is written down with a change. */
const MAX_TARGET = 256;

/** Whether a path is answered without credentials. */
export function isProbe(path: string): boolean {
  return probes.includes(path.replace(/\?.*$/s, ''));
}

/** Answers requests of the admin listener. What the sources throw, the face turns into problem documents. */
export function adminHandler(sources: AdminSources): (exchange: Exchange) => Promise<void> {
  const app = adminRoutes(sources);
  app.onError((error) => {
    throw error;
  });
  app.notFound(() => {
    throw new Problem(
      404,
      'Not found',
      'GET /live, /ready, /hello, /metrics, /api/status, /api/advise, /api/write-behind, /api/dead-letters, /api/backup, /api/openapi.json (which tells them all); POST /api/purge',
    );
  });
  return async (exchange) => {
    const { request, response, path } = exchange;
    const { method = 'GET' } = request;
    const answer = await app.fetch(await requestOf(exchange, method, path));
    response.writeHead(answer.status, [...answer.headers].flat());
    if (answer.body === null || method === 'HEAD') {
      // A body nobody takes must be let go: behind it may be a file.
      await answer.body?.cancel();
      response.end();
    } else await pipeline(Readable.fromWeb(answer.body as ReadableStream), response);
  };
}

/** @throws Problem 405, 413, 415 */
async function requestOf(exchange: Exchange, method: string, path: string): Promise<Request> {
  const url = `http://admin${path}`;
  const takesPost = changes.includes(path.replace(/\?.*$/s, ''));
  if (!takesPost && (method === 'GET' || method === 'HEAD')) return new Request(url);
  if (!takesPost || method !== 'POST') {
    const allowed = takesPost ? 'POST' : 'GET, HEAD';
    throw new Problem(405, 'Method not allowed', `${path.replace(/\?.*$/s, '')} answers to ${allowed}`, {
      headers: ['Allow', allowed],
    });
  }
  // A form of another site cannot send this type without asking first.
  if (!/^application\/json *(?:;|$)/i.test(exchange.request.headers['content-type'] ?? ''))
    throw new Problem(415, 'Media type not supported', 'send JSON, with Content-Type: application/json');
  const body = await exchange.readBody(BODY_BYTES);
  exchange.target = Buffer.from(body).toString('utf8', 0, MAX_TARGET);
  return new Request(url, { method, body });
}
