import type { AccessEntry } from '../../telemetry/access-log.ts';
import type { Exchange } from './exchange.ts';

/** What the access log is told of a request by the face; the app knows the rest. */
export type AnsweredRequest = Omit<AccessEntry, 'face' | 'at' | 'certificate'>;

/**
 * Calls `record` when the answer has left, or the connection was lost before it had.
 * @param now monotonic ms
 */
export function onceAnswered(exchange: Exchange, now: () => number, record: (entry: AnsweredRequest) => void): void {
  const { request, response } = exchange;
  const { socket } = request;
  const started = now();
  const sentBefore = socket.bytesWritten;
  const address = socket.remoteAddress;
  let recorded = false;
  const done = (): void => {
    if (recorded) return;
    recorded = true;
    // What node has made of all header fields. Without it: nothing was sent.
    const head = (response as unknown as { readonly _header: string | null })._header ?? '';
    record({
      address,
      user: exchange.identity?.name,
      method: request.method ?? '-',
      target: exchange.path === '' ? '-' : exchange.path,
      status: response.statusCode,
      bytes: bodyBytes(exchange, head, socket.bytesWritten - sentBefore),
      ms: now() - started,
      requestId: exchange.requestId,
      cacheStatus: /\r\ncache-status: ([^\r]*)/i.exec(head)?.[1],
      userAgent: request.headers['user-agent'],
    });
  };
  // Before anybody who begins the next request of the connection.
  response.once('finish', done);
  response.once('close', done);
}

/** Bytes of the answer without its head. @param written to the connection in the meantime, for an answer that does not tell its length */
function bodyBytes({ request, response }: Exchange, head: string, written: number): number {
  const { statusCode } = response;
  if (head === '' || request.method === 'HEAD' || statusCode === 204 || statusCode === 304) return 0;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  return length === undefined || !response.writableFinished ? Math.max(0, written - head.length) : Number(length);
}
