import type { Socket } from 'node:net';
import type { ByteHolder } from '../../guard/limits/byte-budget.ts';
import type { Gate, Visitor } from '../../guard/limits/gate.ts';
import type { RememberedLogin } from './access.ts';
import type { Exchange } from './exchange.ts';
import { linger } from './linger.ts';
import { type Problem, rawProblem } from './problem.ts';

/** Requests of one connection that wait for their turn before it is read no further. */
const WAITING_BOUND = 100;

/** Output of one turn: copying it takes time that other clients wait for. */
const TURN_BYTES = 128 * 1024;

/** Answers one request in full; never throws. */
export type Serve = (exchange: Exchange, connection: Connection) => void;

/**
 * One client connection. Its requests are served one at a time: the next begins when the answer before it has left. So pipelined
 * requests see what those before them did (RFC 9112 section 9.3.2), answers come in order, no more than one of them is held for a
 * client that does not read, and a refusal is the last thing the client hears.
 */
export class Connection implements ByteHolder {
  readonly socket: Socket;
  /** Who pays for its requests; undefined where nothing is limited. */
  readonly visitor: Visitor | undefined;
  /** Whom its last request came from. */
  readonly login: RememberedLogin = { authorization: undefined, generation: -1, identity: undefined };
  readonly #gate: Gate | undefined;
  readonly #serve: Serve;
  #current: Exchange | undefined;
  readonly #waiting: Exchange[] = [];
  /** Malformed input after all these requests. */
  #malformed: Problem | undefined;
  #refused = false;
  #draining = false;
  /** The next request waits for its turn among other connections. */
  #yielding = false;
  #turnFrom = 0;
  /** Output that waits was reported. */
  #reported = false;

  constructor(socket: Socket, serve: Serve, gate?: Gate) {
    this.socket = socket;
    this.#serve = serve;
    this.#gate = gate;
    this.visitor = gate?.visitor(socket.remoteAddress);
  }

  /** Bytes of answers the client has not taken yet. */
  get heldBytes(): number {
    return this.socket.writableLength;
  }

  /** There is no room for what it does not take. */
  shed(): void {
    this.#gate?.hit('outputBytes');
    this.socket.destroy();
  }

  /** An answer was made, and the client did not take all of it at once. */
  reportOutput(): void {
    const output = this.#gate?.output;
    if (output === undefined) return;
    if (!this.#reported) {
      this.#reported = true;
      this.socket.on('drain', () => output.report(this));
      this.socket.once('close', () => output.release(this));
    }
    output.report(this);
  }

  /** A request was parsed. */
  take(exchange: Exchange): void {
    if (this.#refused) return;
    if (this.#isFree) {
      this.#begin(exchange);
      return;
    }
    this.#waiting.push(exchange);
    if (this.#waiting.length === 1) this.#whenFree();
    if (this.#waiting.length > WAITING_BOUND) this.socket.pause();
  }

  /**
   * What follows the requests so far cannot be understood, or took too long: the last request, where its body is not complete,
   * or something after it that never became one.
   * @returns whether it is answered apart from any request
   */
  refuse(problem: Problem): boolean {
    const newest = this.#waiting.at(-1) ?? this.#current;
    if (newest !== undefined && !newest.request.complete) {
      newest.fail(problem);
      return false;
    }
    if (this.#refused || this.#malformed !== undefined) return false;
    this.#malformed = problem;
    if (this.#isFree) this.#sayMalformed(problem);
    else if (this.#waiting.length === 0) this.#whenFree();
    return true;
  }

  /** The answer of this exchange is the last one: what follows in the input is not looked at. */
  endAfter(exchange: Exchange): void {
    this.#refused = true;
    this.#waiting.length = 0;
    exchange.response.shouldKeepAlive = false;
    // What node calls when the last answer has left; it would close at once.
    this.socket.destroySoon = () => linger(this.socket);
  }

  /** Closes when the requests that have come are answered. */
  drain(): void {
    this.#draining = true;
    if (this.#isFree) this.socket.destroy();
    else if (this.#waiting.length === 0) this.#whenFree();
  }

  /** Nothing has happened for a while. Ours is the delay while a request is being served and its answer not begun. */
  get isStalled(): boolean {
    return this.#current?.response.writableEnded !== false || this.socket.writableLength > 0;
  }

  get #isFree(): boolean {
    return !this.#yielding && (this.#current === undefined || this.#current.response.writableFinished);
  }

  #begin(exchange: Exchange): void {
    this.#current = exchange;
    if (this.#draining && this.#waiting.length === 0) this.endAfter(exchange);
    this.#serve(exchange, this);
  }

  #whenFree(): void {
    this.#current?.response.once('finish', () => this.#next());
  }

  #next(): void {
    if (this.#refused || !this.#isFree) return;
    if (this.#waiting.length > 0 && this.#mustYield()) return;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      if (this.#waiting.length === WAITING_BOUND) this.socket.resume();
      this.#begin(next);
      if (this.#waiting.length > 0 || this.#malformed !== undefined) this.#whenFree();
    } else if (this.#malformed !== undefined) this.#sayMalformed(this.#malformed);
    else if (this.#draining) linger(this.socket);
  }

  /** What was pipelined can be answered without a pause for as long as the client's side takes it. */
  #mustYield(): boolean {
    const { bytesWritten } = this.socket;
    if (bytesWritten - this.#turnFrom < TURN_BYTES) return false;
    this.#turnFrom = bytesWritten;
    this.#yielding = true;
    setImmediate(() => {
      this.#yielding = false;
      if (!this.socket.destroyed) this.#next();
    });
    return true;
  }

  #sayMalformed(problem: Problem): void {
    this.#refused = true;
    if (this.socket.writable) this.socket.write(rawProblem(problem));
    linger(this.socket);
  }
}
