import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ByteHolder } from '../../guard/limits/byte-budget.ts';
import type { Gate } from '../../guard/limits/gate.ts';
import type { Identity, KeyRights } from './access.ts';
import { Problem } from './problem.ts';
import { overloaded } from './refusals.ts';

/** One request and its answer. */
export class Exchange implements ByteHolder {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Number of the request on this listener; what its request id is made from. */
  readonly number: number;
  /** Who asks, once the credentials were checked; undefined where nobody needs any. */
  identity: Identity | undefined;
  /** What it may do to keys; undefined: everything. */
  rights: KeyRights | undefined;
  /** What the request changes, for those who write that down. */
  target: string | undefined;
  /** Path and query, once the request was checked. */
  path = '';
  /** Why the request cannot be answered as it asks: found while it waited for its turn, or while its body came. */
  #problem: Problem | undefined;
  #rejectBody: ((problem: Problem) => void) | undefined;
  #bodyBytes = 0;
  readonly #gate: Gate | undefined;

  /** @param gate counts the bytes of the body and those who wait for one; @default nobody does */
  constructor(request: IncomingMessage, response: ServerResponse, number: number, gate?: Gate) {
    this.request = request;
    this.response = response;
    this.number = number;
    this.#gate = gate;
  }

  get requestId(): string {
    return requestIdOf(this.number);
  }

  /** The rest of the request will not come, or cannot be understood. */
  fail(problem: Problem): void {
    this.#problem ??= problem;
    this.#rejectBody?.(problem);
  }

  /** @throws Problem when {@link fail} was called before the request had its turn */
  requireWhole(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }

  /** Bytes of a body of which more is to come. */
  get heldBytes(): number {
    return this.#bodyBytes;
  }

  /** There is no room for the body. */
  shed(): void {
    this.fail(overloaded('inFlight.bytes'));
  }

  /** There is a body, and the end of it has not come. */
  get hasUnreadBody(): boolean {
    return !this.request.complete && hasBody(this.request);
  }

  /**
   * The whole body. Only now a client that asked first (`Expect: 100-continue`) is told to send it.
   * @throws Problem 413 beyond `limit` bytes, without reading on; 408, 400 when it does not come whole; 503 when this node is full
   */
  readBody(limit: number): Promise<Buffer> {
    const { request, response } = this;
    const gate = this.#gate;
    if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
    if (request.headers.expect !== undefined && request.httpVersionMinor > 0) response.writeContinue();
    // Until it is there the request takes nothing but the bytes of it, and a client may be slow.
    gate?.endRequest();
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let over = false;
      const stop = (problem: Problem): void => {
        if (over) return;
        over = true;
        request.off('data', take);
        chunks.length = 0;
        this.#bodyBytes = 0;
        gate?.input.release(this);
        gate?.beginRequest();
        reject(problem);
      };
      const take = (chunk: Buffer): void => {
        this.#bodyBytes += chunk.length;
        chunks.push(chunk);
        if (this.#bodyBytes > limit) stop(tooLarge(limit));
        else gate?.input.report(this);
      };
      this.#rejectBody = stop;
      request.on('data', take);
      request.once('end', () => {
        if (over) return;
        over = true;
        const length = this.#bodyBytes;
        this.#bodyBytes = 0;
        gate?.input.release(this);
        if (gate?.beginRequest() === false) reject(overloaded('inFlight.requests'));
        else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length));
      });
      // The connection was lost: nobody reads the answer, but whoever waits for the body must not wait for ever.
      request.once('error', () => stop(clientGone()));
    });
  }
}

/** Whether the request announces a body (RFC 9112 section 6). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** Names a request in the log and in problem documents. */
export function requestIdOf(number: number): string {
  return number.toString(36).padStart(7, '0');
}

function tooLarge(limit: number): Problem {
  return new Problem(413, 'Body too large', `the body may have ${limit} bytes`, {
    closes: true,
    limit: 'http.bodyBytes',
  });
}

function clientGone(): Problem {
  return new Problem(499, 'Client closed the connection', 'the request did not come whole', { closes: true });
}
