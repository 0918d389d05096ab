import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Exchange } from '../http/exchange.ts';
import { Problem } from '../http/problem.ts';
import { type AdminSources, adminRoutes, probes } from './admin-routes.ts';

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
      'GET /live, /ready, /hello, /metrics, /api/status, /api/backup or /api/openapi.json',
    );
  });
  return async ({ request, response, path }) => {
    const { method = 'GET' } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      throw new Problem(405, 'Method not allowed', 'the admin API is read by GET', { headers: ['Allow', 'GET, HEAD'] });
    }
    const answer = await app.fetch(new Request(`http://admin${path}`));
    response.writeHead(answer.status, [...answer.headers].flat());
    if (answer.body === null || method === 'HEAD') {
      // A body nobody takes must be let go: behind it may be a file.
      await answer.body?.cancel();
      response.end();
    } else await pipeline(Readable.fromWeb(answer.body as ReadableStream), response);
  };
}
