import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { RespConnection, type RespFaceContext } from './resp-connection.ts';

export interface RespFaceOptions extends RespFaceContext {
  /** Connections beyond this are told so and closed. */
  readonly maxConnections: number;
  readonly tls?: TlsOptions;
}

/** The RESP listener. */
export class RespFace {
  readonly server: NetServer;
  readonly #connections = new Set<RespConnection>();

  constructor(options: RespFaceOptions) {
    const accept = (socket: Socket): void => {
      if (this.#connections.size >= options.maxConnections) {
        options.server.counters.rejectedConnections++;
        socket.on('error', () => socket.destroy());
        socket.end('-ERR max number of clients reached\r\n');
        return;
      }
      const connection = new RespConnection(options, socket);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    };
    this.server =
      options.tls === undefined ? createServer({ noDelay: true }, accept) : createTlsServer(options.tls, accept);
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Accepts no more, lets each connection send what it owes, closes what is left when `signal` aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const connection of this.#connections) connection.end();
    const giveUp = (): void => {
      for (const connection of this.#connections) connection.kill();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    await closed;
    signal.removeEventListener('abort', giveUp);
  }
}
