import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** An HTTP origin that answers with exactly the bytes a test wants, right or wrong. */
export interface RawOrigin extends AsyncDisposable {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  /** Heads of the requests so far, latin1. */
  readonly requests: readonly string[];
  /** Connections so far. */
  readonly connections: () => number;
}

/** @param answer what to send for a target, latin1; undefined: nothing, for ever. `close`: end the connection after it */
export async function startRawOrigin(
  answer: (target: string, head: string) => string | { readonly text: string; readonly close: true } | undefined,
  { host = '127.0.0.1', port: wantedPort = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<RawOrigin> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let input = '';
    socket.on('data', (chunk) => {
      input += chunk.toString('latin1');
      for (let end = input.indexOf('\r\n\r\n'); end >= 0; end = input.indexOf('\r\n\r\n')) {
        const head = input.slice(0, end);
        input = input.slice(end + 4);
        requests.push(head);
        const given = answer(head.split(' ')[1] ?? '', head);
        if (given === undefined) continue;
        socket.write(typeof given === 'string' ? given : given.text, 'latin1');
        if (typeof given !== 'string') socket.end();
      }
    });
  });
  server.listen(wantedPort, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://${host}:${port}`,
    port,
    requests,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A whole answer with a length. @param fields lines, each with its line end */
export function rawAnswer(body: string, fields = '', status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}
