import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An API that says what it was asked. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Paths in the order they came. */
  readonly asked: string[];
  /** Instants of the requests, ms since the epoch. */
  readonly at: number[];
  /** What it answers. @default 200 and `<path> <number of the request>` */
  answer: (request: IncomingMessage, response: ServerResponse, number: number) => void;
  /** Stops listening and ends all connections; `start` takes the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startApi(answer?: ApiServer['answer']): Promise<ApiServer> {
  const asked: string[] = [];
  const at: number[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    at.push(Date.now());
    api.answer(request, response, asked.length);
  });
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
  const api: ApiServer = {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    at,
    answer: answer ?? ((request, response, number) => response.end(`${request.url} ${number}`)),
    stop,
    start: () => start(port),
    [Symbol.asyncDispose]: stop,
  };
  return api;
}
