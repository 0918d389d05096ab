import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A row as it was received. */
export interface ReceivedRow {
  readonly key: Readonly<Record<string, string>>;
  /** Absent of records. */
  readonly version?: number;
  readonly change: string;
  readonly values: Readonly<Record<string, string | number | null>>;
}

export interface ReceivedBatch {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: { readonly batch: string; readonly table: string; readonly rows: readonly ReceivedRow[] };
}

/** An HTTP API that takes batches of rows, and keeps the newest of each where it answers with a status that says so. */
export interface RowReceiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly batches: ReceivedBatch[];
  /** Values by the first column of the key; versions are compared, batches with a known id counted only. */
  readonly rows: Map<string, Readonly<Record<string, string | number | null>>>;
  /** Batches whose id was known. */
  repeated: number;
  /** What it answers. @default 204 */
  answer: (batch: ReceivedBatch, response: ServerResponse) => void;
  /** Ends all connections and listens no more; `start` takes the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startReceiver(): Promise<RowReceiver> {
  const versions = new Map<string, number>();
  const known = new Set<string>();
  const take = ({ body }: ReceivedBatch): void => {
    if (known.has(body.batch)) {
      receiver.repeated++;
      return;
    }
    known.add(body.batch);
    for (const { key, version = 1, change, values } of body.rows) {
      const id = Object.values(key)[0] ?? '';
      if (version <= (versions.get(id) ?? 0)) continue;
      versions.set(id, version);
      if (change === 'remove') receiver.rows.delete(id);
      else receiver.rows.set(id, change === 'whole' ? values : { ...receiver.rows.get(id), ...values });
    }
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    try {
      for await (const part of request) parts.push(part as Buffer);
    } catch {
      return;
    }
    const { method = '', url = '', headers } = request;
    const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as ReceivedBatch['body'];
    const batch = { method, path: url, headers, body };
    receiver.batches.push(batch);
    response.once('finish', () => {
      if (response.statusCode < 300) take(batch);
    });
    receiver.answer(batch, response);
  };
  const server = createServer((request, response) => void answer(request, response));
  const start = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await start(0);
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const receiver: RowReceiver = {
    url: `http://127.0.0.1:${port}`,
    port,
    batches: [],
    rows: new Map(),
    repeated: 0,
    answer: (_, response) => response.writeHead(204).end(),
    stop,
    start: () => start(port),
    [Symbol.asyncDispose]: stop,
  };
  return receiver;
}

/** Answers with a status and nothing else. */
export function withStatus(status: number, headers: Readonly<Record<string, string>> = {}): RowReceiver['answer'] {
  return (_, response) => response.writeHead(status, headers).end();
}
