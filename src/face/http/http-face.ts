import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Gate } from '../../guard/limits/gate.ts';
import { admit, type HttpCredentials } from './access.ts';
import { Connection } from './connection.ts';
import type { Cors } from './cors.ts';
import { Exchange } from './exchange.ts';
import { linger } from './linger.ts';
import { Problem, problemOf, rawProblem, writeProblem } from './problem.ts';
import {
  connectRefused,
  expectationFailed,
  overloaded,
  problemOfParser,
  tooManyConnections,
  tooManyRequests,
} from './refusals.ts';
import { checkRequest, originForm } from './request-check.ts';
import { writeSingly } from './single-write.ts';

/** Bounds of one listener; bytes and milliseconds. */
export interface HttpLimits {
  readonly maxConnections: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly targetBytes: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headerTimeout: number;
  /** From the first byte of a request to its end. */
  readonly requestTimeout: number;
  /** A kept connection without a request. */
  readonly idleTimeout: number;
  /** A response nobody reads. */
  readonly stallTimeout: number;
}

/** Told about every request, for metrics and the log; method `-` for input that never became one. */
export type RequestObserver = (method: string, status: number, ms: number, requestNumber: number) => void;

/** Told about an error that is nobody's mistake but ours. */
export type FaultObserver = (error: unknown, requestNumber: number) => void;

/** Answers the request of the exchange, now or when the promise settles; what it throws becomes a problem document. */
export type Handle = (exchange: Exchange) => Promise<void> | undefined;

export interface HttpFaceOptions {
  readonly limits: HttpLimits;
  /** Bounds that hold for all listeners together. @default none */
  readonly gate?: Gate;
  readonly credentials: HttpCredentials;
  /** The listener is bound to loopback only. */
  readonly loopbackOnly: boolean;
  /** The listener is the one for administration. @default false */
  readonly isAdmin?: boolean;
  /** Paths answered without credentials. @default none */
  readonly isOpen?: (path: string) => boolean;
  /** Web pages of other origins that may use it. @default none */
  readonly cors?: Cors;
  readonly tls?: TlsOptions;
  readonly handle: Handle;
  /** Told of every request that has its turn, before anything is decided. @default nobody */
  readonly onTurn?: (exchange: Exchange) => void;
  /** Told of input that never became a request and was answered with `status`. @default nobody */
  readonly onMalformed?: (status: number, socket: Socket) => void;
  readonly observe: RequestObserver;
  readonly onFault: FaultObserver;
  readonly now: () => number;
}

/** How often node looks for slow clients: the resolution of header and request time-outs. */
const CHECK_INTERVAL_MS = 500;
/** Connections that are told at one time that there are too many; more are closed without a word. */
const MAX_TURNED_AWAY = 100;

const connectionOf = Symbol('connection');
type Held = (Socket | Duplex) & { [connectionOf]: Connection };

/**
 * An HTTP/1.1 listener with bounds on everything a client can make large or slow. node:http parses; this refuses what it lets
 * pass, lets in who may come in, hands over to `handle`, and turns errors into problem documents.
 */
export class HttpFace {
  /** The listener; `listen` it. */
  readonly server: NetServer;
  readonly #http: Server;
  readonly #options: HttpFaceOptions;
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<Connection>();
  #open = 0;
  #rejected = 0;
  #requests = 0;

  constructor(options: HttpFaceOptions) {
    this.#options = options;
    this.#http = this.#createHttp(options.limits);
    if (options.tls === undefined) {
      this.server = createNetServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        if (this.#accept(socket)) this.#serveConnection(socket);
        else this.#turnAway(socket);
      });
    } else {
      // Counted before the handshake, which a client can also be slow at.
      const more = { noDelay: true, handshakeTimeout: options.limits.headerTimeout, ALPNProtocols: ['http/1.1'] };
      this.server = createTlsServer({ ...options.tls, ...more }, (socket) => this.#serveConnection(socket));
      this.server.on('connection', (socket: Socket) => {
        if (!this.#accept(socket)) socket.destroy();
      });
      this.server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
        if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') options.gate?.hit('tls.handshake');
        socket.destroy();
      });
    }
  }

  /** Open connections. */
  get connections(): number {
    return this.#open;
  }

  /** Connections turned away: this listener, all of them together or the address had too many. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Accepts no more, finishes the requests under way, closes what is left when `signal` aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const connection of this.#connections) connection.drain();
    const giveUp = (): void => {
      for (const socket of this.#sockets) socket.destroy();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    await closed;
    signal.removeEventListener('abort', giveUp);
    this.#http.close();
  }

  #createHttp(limits: HttpLimits): Server {
    const http = createHttpServer({
      // Its parser counts the target too; each has its own limit and status below.
      maxHeaderSize: limits.headerBytes + limits.targetBytes,
      headersTimeout: Math.min(limits.headerTimeout, limits.requestTimeout),
      requestTimeout: limits.requestTimeout,
      keepAliveTimeout: limits.idleTimeout,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      requireHostHeader: false,
    });
    // Beyond it node would drop header lines without a word; their number is checked per request.
    http.maxHeadersCount = 0;
    // A client may end its side once it has asked; it still gets its answers.
    Object.assign(http, { httpAllowHalfOpen: true });
    http.on('request', (request, response) => this.#take(request, response));
    // `readBody` sends the 100 when the body is wanted.
    http.on('checkContinue', (request, response) => this.#take(request, response));
    http.on('checkExpectation', (request, response) => this.#take(request, response, expectationFailed()));
    http.on('clientError', (error, socket) => this.#refuse(socket, error));
    http.on('connect', (_request, socket) => this.#refuse(socket, connectRefused()));
    http.on('timeout', (socket) => {
      if (!(socket as Held)[connectionOf].isStalled) return;
      this.#options.gate?.hit(socket.writableLength > 0 ? 'http.stallTimeout' : 'http.idleTimeout');
      socket.destroy();
    });
    // It does not listen itself; without this it does not look for slow clients.
    http.emit('listening');
    return http;
  }

  #accept(socket: Socket): boolean {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    const { gate, limits } = this.#options;
    const isFull = this.#open >= limits.maxConnections;
    if (isFull) gate?.hit('maxConnections');
    const leave = isFull ? undefined : gate?.admit(socket.remoteAddress);
    if (isFull || (gate !== undefined && leave === undefined)) {
      this.#rejected++;
      return false;
    }
    this.#open++;
    socket.once('close', () => {
      this.#open--;
      leave?.();
    });
    return true;
  }

  #turnAway(socket: Socket): void {
    if (this.#sockets.size - this.#open > MAX_TURNED_AWAY) {
      socket.destroy();
      return;
    }
    socket.write(rawProblem(tooManyConnections()));
    linger(socket);
  }

  #serveConnection(socket: Socket): void {
    const connection = new Connection(socket, this.#serve, this.#options.gate);
    (socket as Held)[connectionOf] = connection;
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    writeSingly(socket);
    this.#http.emit('connection', socket);
  }

  #take(request: IncomingMessage, response: ServerResponse, problem?: Problem): void {
    const exchange = new Exchange(request, response, ++this.#requests, this.#options.gate);
    if (problem !== undefined) exchange.fail(problem);
    (request.socket as Held)[connectionOf].take(exchange);
  }

  /** The whole way of a request. */
  readonly #serve = (exchange: Exchange, connection: Connection): void => {
    const { now, limits, gate, isOpen, handle, cors, onTurn } = this.#options;
    const { request } = exchange;
    const started = now();
    onTurn?.(exchange);
    const hasRoom = gate?.beginRequest() !== false;
    let answered: Promise<void> | undefined;
    try {
      exchange.requireWhole();
      checkRequest(request, limits);
      exchange.path = originForm(request.url ?? '/');
      // Node's parser stops at an upgrade, and what came with it in one piece is lost: later bytes could begin in the middle of a request.
      if (request.headers.upgrade !== undefined) connection.endAfter(exchange);
      const page = cors?.judge(exchange);
      if (page === 'preflight') {
        this.#charge(undefined, connection);
        cors?.answerPreflight(exchange);
      } else {
        if (isOpen?.(exchange.path) !== true) {
          this.#admit(exchange, connection, page === 'named');
          if (!hasRoom) throw overloaded('inFlight.requests');
        }
        answered = handle(exchange);
      }
    } catch (error) {
      this.#fail(exchange, connection, error);
    }
    if (answered === undefined) this.#observe(exchange, started);
    else this.#observeLater(answered, exchange, connection, started);
    // An answer that left at once, as most do, needs no timer.
    const waiting = connection.socket.writableLength;
    if (answered !== undefined || waiting > 0) connection.socket.setTimeout(limits.stallTimeout);
    if (waiting > 0) connection.reportOutput();
  };

  /** @throws Problem 401, 403, 429. Refused credentials are paid for by the address. */
  #admit(exchange: Exchange, connection: Connection, fromNamedPage: boolean): void {
    const { credentials } = this.#options;
    try {
      admit(exchange.request, exchange, connection.login, credentials, this.#options, fromNamedPage);
    } catch (error) {
      this.#charge(undefined, connection);
      throw error;
    }
    this.#charge(exchange.identity?.name, connection);
  }

  /** @throws Problem 429 */
  #charge(user: string | undefined, { visitor }: Connection): void {
    const wait = visitor?.take(user) ?? 0;
    if (wait === 0) return;
    const rate = this.#options.gate?.rates.rateOf(user === undefined ? 'perAddress' : 'perUser');
    if (rate !== undefined) throw tooManyRequests(user === undefined ? 'address' : 'user', rate, wait);
  }

  #observeLater(answered: Promise<void>, exchange: Exchange, connection: Connection, started: number): void {
    const over = (): void => {
      this.#observe(exchange, started);
      if (connection.socket.writableLength > 0) connection.reportOutput();
    };
    void answered.then(over, (error: unknown) => {
      this.#fail(exchange, connection, error);
      over();
    });
  }

  #observe({ request, response, number }: Exchange, started: number): void {
    const { observe, now, gate } = this.#options;
    gate?.endRequest();
    observe(request.method ?? '-', response.statusCode, now() - started, number);
  }

  #fail(exchange: Exchange, connection: Connection, error: unknown): void {
    const { response } = exchange;
    const problem = problemOf(error) ?? this.#fault(error, exchange.number);
    if (problem.limit !== undefined) this.#options.gate?.hit(problem.limit);
    // The client went away, or has a part of the answer: it cannot be told any more.
    if (connection.socket.destroyed || response.headersSent) {
      response.statusCode = problem.status;
      connection.socket.destroy();
      return;
    }
    // A body that nobody read must not be taken for the next request.
    if (problem.closes || exchange.hasUnreadBody) connection.endAfter(exchange);
    writeProblem(response, problem, exchange.requestId);
  }

  #fault(error: unknown, requestNumber: number): Problem {
    this.#options.onFault(error, requestNumber);
    return new Problem(
      500,
      'Internal error',
      'the request failed by a fault of the server; the log has it under the request id',
    );
  }

  /** Input that is no request, or took too long to become one. */
  #refuse(socket: Duplex, error: Error & { readonly code?: string }): void {
    const problem = problemOf(error) ?? problemOfParser(error.code ?? '');
    if (problem === undefined) socket.destroy();
    else if ((socket as Held)[connectionOf].refuse(problem)) {
      if (problem.limit !== undefined) this.#options.gate?.hit(problem.limit);
      this.#options.observe('-', problem.status, 0, 0);
      this.#options.onMalformed?.(problem.status, socket as Socket);
    }
  }
}
