import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { admit, type HttpCredentials } from './access.ts';
import { Problem, problemOf, writeProblem } from './problem.ts';
import { checkRequest, originForm } from './request-check.ts';

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

/** Told about every request, for metrics and the log. */
export type RequestObserver = (method: string, status: number, ms: number, requestId: string) => void;

/** Told about an error that is nobody's mistake but ours. */
export type FaultObserver = (error: unknown, requestId: string) => void;

export interface HttpFaceOptions {
  readonly limits: HttpLimits;
  readonly credentials: HttpCredentials;
  /** The listener is bound to loopback only. */
  readonly loopbackOnly: boolean;
  /** Paths answered without credentials. @default none */
  readonly isOpen?: (path: string) => boolean;
  readonly tls?: TlsOptions;
  /** Answers the request; what it throws becomes a problem document. `path` is path and query. */
  readonly handle: (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;
  readonly observe: RequestObserver;
  readonly onFault: FaultObserver;
  readonly now: () => number;
}

/** How often node looks for slow clients: the resolution of header and request time-outs. */
const CHECK_INTERVAL_MS = 500;

/** What is under way on one connection. */
interface Exchange {
  /** Requests parsed and not yet answered. */
  open: number;
  /** Settles when the last unsafe request so far is answered: later ones must see its effect (RFC 9112 section 9.3.2). */
  unsafe: Promise<void> | undefined;
  /** A refusal that ends the connection was sent: nothing may be answered any more. */
  refused: boolean;
  /** The refusal of malformed input, sent once the requests before it are answered. */
  onIdle: (() => void) | undefined;
}

const parserProblems: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

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
  readonly #exchanges = new WeakMap<object, Exchange>();
  #requests = 0;
  #draining = false;

  constructor(options: HttpFaceOptions) {
    this.#options = options;
    const { limits } = options;
    this.#http = createHttpServer(
      {
        maxHeaderSize: limits.headerBytes,
        headersTimeout: limits.headerTimeout,
        requestTimeout: limits.requestTimeout,
        keepAliveTimeout: limits.idleTimeout,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        noDelay: true,
        requireHostHeader: false,
      },
      (request, response) => void this.#answer(request, response),
    );
    // Beyond it node would drop header lines without a word; their number is checked per request.
    this.#http.maxHeadersCount = 0;
    this.#http.timeout = limits.stallTimeout;
    this.#http.on('clientError', (error, socket) => this.#refuseMalformed(error, socket));
    this.#http.on('checkContinue', (request, response) => {
      response.writeContinue();
      void this.#answer(request, response);
    });
    this.#http.on('checkExpectation', (request, response) => {
      writeProblem(
        response,
        new Problem(417, 'Expectation failed', 'only 100-continue is known', { closes: true }),
        '',
      );
      request.resume();
    });
    this.#http.on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
    );
    this.#http.on('connect', (_request, socket) =>
      socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
    );
    this.server =
      options.tls === undefined
        ? createNetServer((socket) => this.#accept(socket))
        : createTlsServer(options.tls, (socket) => this.#accept(socket));
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Accepts no more, finishes the requests under way, closes what is left when `signal` aborts. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.#http.closeIdleConnections();
    const giveUp = (): void => {
      for (const socket of this.#sockets) socket.destroy();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    // closeIdleConnections knows only sockets this http server listens for itself.
    const sweep = setInterval(() => this.#http.closeIdleConnections(), 20);
    await closed;
    clearInterval(sweep);
    signal.removeEventListener('abort', giveUp);
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= this.#options.limits.maxConnections) {
      socket.on('error', () => socket.destroy());
      socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      );
      this.#options.observe('-', 503, 0, '');
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#http.emit('connection', socket);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = this.#exchangeOf(request.socket);
    if (exchange.refused) return;
    exchange.open++;
    const { method } = request;
    if (method === 'GET' || method === 'HEAD') {
      if (exchange.unsafe !== undefined) await exchange.unsafe;
      await this.#serve(request, response, exchange);
    } else {
      const before = exchange.unsafe;
      const served = (async () => {
        await before;
        await this.#serve(request, response, exchange);
      })();
      exchange.unsafe = served;
      await served;
      if (exchange.unsafe === served) exchange.unsafe = undefined;
    }
    exchange.open--;
    if (exchange.open === 0) exchange.onIdle?.();
  }

  async #serve(request: IncomingMessage, response: ServerResponse, exchange: Exchange): Promise<void> {
    if (exchange.refused) return;
    const options = this.#options;
    const started = options.now();
    const requestId = (++this.#requests).toString(36).padStart(7, '0');
    try {
      if (this.#draining) response.shouldKeepAlive = false;
      checkRequest(request, options.limits);
      const path = originForm(request.url ?? '/');
      if (options.isOpen?.(path) !== true) admit(request, options.credentials, options.loopbackOnly);
      await options.handle(request, response, path);
    } catch (error) {
      this.#fail(request, response, error, requestId, exchange);
    }
    options.observe(request.method ?? '-', response.statusCode, options.now() - started, requestId);
  }

  #exchangeOf(socket: object): Exchange {
    let exchange = this.#exchanges.get(socket);
    if (exchange === undefined) {
      exchange = { open: 0, unsafe: undefined, refused: false, onIdle: undefined };
      this.#exchanges.set(socket, exchange);
    }
    return exchange;
  }

  /** Malformed framing: answers what came before it, says so in a few bytes and closes; nothing of the rest is looked at. */
  #refuseMalformed(error: Error & { code?: string }, socket: Duplex): void {
    const exchange = this.#exchangeOf(socket);
    if (exchange.refused || exchange.onIdle !== undefined) return;
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const [status, reason] = parserProblems[error.code ?? ''] ?? [400, 'Bad Request'];
    const refuse = (): void => {
      socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      this.#options.observe('-', status, 0, '');
    };
    if (exchange.open === 0) refuse();
    else exchange.onIdle = refuse;
  }

  #fail(
    request: IncomingMessage,
    response: ServerResponse,
    error: unknown,
    requestId: string,
    exchange: Exchange,
  ): void {
    // The client went away: there is nobody to tell.
    if (request.destroyed && !request.complete) return;
    const problem = problemOf(error) ?? this.#fault(error, requestId);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // A body nobody will read must not be taken for the next request.
    const unread = !request.complete;
    if (unread || problem.closes) exchange.refused = true;
    writeProblem(response, unread && !problem.closes ? closing(problem) : problem, requestId);
    if (unread) discardRest(request);
  }

  #fault(error: unknown, requestId: string): Problem {
    this.#options.onFault(error, requestId);
    return new Problem(
      500,
      'Internal error',
      'the request failed by a fault of the server; the log has it under the request id',
    );
  }
}

function closing(problem: Problem): Problem {
  return new Problem(problem.status, problem.title, problem.message, {
    headers: problem.headers,
    members: problem.members,
    closes: true,
  });
}

/** Reads on for a moment so that the answer is not lost to a reset, then closes. */
function discardRest(request: IncomingMessage): void {
  const { socket } = request;
  request.resume();
  const timer = setTimeout(() => socket.destroy(), 1000).unref();
  socket.once('close', () => clearTimeout(timer));
}
