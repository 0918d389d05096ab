import { createHash } from 'node:crypto';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from './eventually.ts';
import { startNode } from './node.ts';

/** What came back, with the fields that tell how. */
export interface KeyAnswer {
  readonly status: number;
  readonly body: string;
  readonly type: string | null;
  readonly etag: string | null;
  readonly cacheStatus: string | null;
  readonly age: string | null;
  readonly token: string | null;
  readonly retryAfter: string | null;
  readonly headers: Headers;
}

/** A node before a server, and its keys over HTTP. Bodies are latin1: a char is a byte. */
export interface HttpOverRedis extends AsyncDisposable {
  readonly respPort: number;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<KeyAnswer>;
  head(path: string, headers?: Readonly<Record<string, string>>): Promise<KeyAnswer>;
  put(path: string, body: string, headers?: Readonly<Record<string, string>>): Promise<KeyAnswer>;
  send(method: string, path: string, headers?: Readonly<Record<string, string>>): Promise<KeyAnswer>;
}

/** Starts it and waits until it can keep what it reads. @param port of the server */
export async function startHttpOverRedis(port: number, config: SluiceConfigInput = {}): Promise<HttpOverRedis> {
  const node = await startNode({
    http: '127.0.0.1:0',
    resp: '127.0.0.1:0',
    store: `redis://127.0.0.1:${port}`,
    ...config,
  });
  const ask = async (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<KeyAnswer> => {
    const answer = await fetch(`http://${node.http}/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: Buffer.from(body, 'latin1') }),
    });
    return {
      status: answer.status,
      body: Buffer.from(await answer.arrayBuffer()).toString('latin1'),
      type: answer.headers.get('content-type'),
      etag: answer.headers.get('etag'),
      cacheStatus: answer.headers.get('cache-status'),
      age: answer.headers.get('age'),
      token: answer.headers.get('sluice-sync-token'),
      retryAfter: answer.headers.get('retry-after'),
      headers: answer.headers,
    };
  };
  // The link is there once an answer says so: before, every read would be told apart from the others by chance.
  await eventually(async () => {
    const { status } = await ask('GET', 'is-it-there');
    if (status !== 404) throw new Error(`the node answers ${status}`);
  });
  return {
    respPort: Number(node.resp.split(':')[1]),
    get: (path, headers) => ask('GET', path, headers),
    head: (path, headers) => ask('HEAD', path, headers),
    put: (path, body, headers) => ask('PUT', path, headers, body),
    send: (method, path, headers) => ask(method, path, headers),
    [Symbol.asyncDispose]: () => node.close(),
  };
}

export function etagOf(value: string): string {
  return `"${createHash('sha1').update(value, 'latin1').digest('hex')}"`;
}
