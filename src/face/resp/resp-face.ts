import { createServer, type Server as NetServer, type ServerOpts, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Client, RemoteSession } from '../../command/client.ts';
import type { Server } from '../../command/server.ts';
import type { Gate } from '../../guard/limits/gate.ts';
import { CommandStats } from './command-stats.ts';
import { CommandTimer } from './command-timer.ts';
import { RespConnection } from './resp-connection.ts';
import type { ClosedCounts, RespLimits } from './resp-limits.ts';

export interface RespFaceOptions {
  readonly server: Server;
  readonly limits: RespLimits;
  /** Connections beyond this are told so and closed. */
  readonly maxConnections: number;
  /** Bounds that hold for all listeners together. @default none */
  readonly gate?: Gate;
  readonly tls?: TlsOptions;
  /** Passes the commands of a client on; absent: they are executed here. */
  readonly connectRemote?: ((client: Client) => RemoteSession) | undefined;
}

/** Connections above the limit, or in a TLS handshake, that are dealt with at once; above that they are closed without a word. */
const OUTSIDE_LIMIT = 128;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** As Redis's tcp-keepalive: a peer that vanished is noticed. */
const KEEP_ALIVE_MS = 300_000;
/** A reply may have to wait for its commit while the client has already ended its own side. */
const SOCKET_OPTIONS: ServerOpts = {
  noDelay: true,
  allowHalfOpen: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_MS,
};

/** The RESP listener. */
export class RespFace {
  readonly server: NetServer;
  readonly stats = new CommandStats();
  /** Connections that the face closed by itself. */
  readonly closed: ClosedCounts = { output: 0, protocol: 0, http: 0, idle: 0, login: 0, overloaded: 0 };
  readonly #connections = new Set<RespConnection>();
  /** All that are open, those in a TLS handshake included. */
  readonly #sockets = new Set<Socket>();
  #draining = false;

  constructor({ server, limits, maxConnections, gate, tls, connectRemote }: RespFaceOptions) {
    const timer = new CommandTimer(this.stats, () => server.engine.clock.monotonic());
    const context = { server, limits, gate, timer, closed: this.closed, connectRemote };
    const refuse = (socket: Socket): void => {
      server.counters.rejectedConnections++;
      socket.on('error', () => socket.destroy());
      socket.end('-ERR max number of clients reached\r\n', () => socket.destroy());
    };
    const accept = (socket: Socket): void => {
      if (this.#draining || this.#connections.size >= maxConnections) {
        if (!this.#draining) gate?.hit('maxConnections');
        refuse(socket);
        return;
      }
      const connection = new RespConnection(context, socket);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    };
    /** @returns whether the limits of all listeners let it in */
    const enter = (socket: Socket): boolean => {
      if (gate === undefined) return true;
      const leave = gate.admit(socket.remoteAddress);
      if (leave !== undefined) socket.once('close', leave);
      return leave !== undefined;
    };
    if (tls === undefined) {
      this.server = createServer(SOCKET_OPTIONS, (socket) => (enter(socket) ? accept(socket) : refuse(socket)));
    } else {
      const options = { ...SOCKET_OPTIONS, allowHalfOpen: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...tls };
      this.server = createTlsServer(options, (socket) => {
        // Only now: who ends its side before the handshake is done would be kept until the time for it is over.
        socket.allowHalfOpen = true;
        accept(socket);
      });
      // Counted before the handshake, which a client can also be slow at.
      this.server.on('connection', (socket: Socket) => {
        if (enter(socket)) return;
        server.counters.rejectedConnections++;
        socket.destroy();
      });
    }
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    // Node tells of a handshake that took too long, and leaves the connection open.
    this.server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') gate?.hit('tls.handshake');
      socket.destroy();
    });
    this.server.maxConnections = maxConnections + OUTSIDE_LIMIT;
    this.server.on('drop', () => {
      gate?.hit('maxConnections');
      server.counters.rejectedConnections++;
    });
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Accepts no more, lets each connection answer what it received, closes what is left when `signal` aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const connection of this.#connections) connection.end();
    const giveUp = (): void => {
      for (const connection of this.#connections) connection.kill();
      for (const socket of this.#sockets) socket.destroy();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    await closed;
    signal.removeEventListener('abort', giveUp);
  }
}
