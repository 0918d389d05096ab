import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeBody, isPlain } from './decode-body.ts';
import { transportError } from './transport-error.ts';

/** One request as it is sent. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Path and query, byte for byte. */
  readonly target: string;
  /** Names in lower case and values, in turn; Accept-Encoding and User-Agent are added where they are not among them. */
  readonly headers: readonly string[];
  readonly body?: Buffer | undefined;
  /** A body that is wanted may have, after a content coding is undone. */
  readonly maxBytes: number;
  /** Whether the body of an answer with this status matters; others are dropped. */
  readonly wants: (status: number) => boolean;
  /** Ends the whole of it. */
  readonly signal: Cancellation;
}

export interface OutgoingResponse {
  readonly status: number;
  /** A field by its name in lower case, several lines joined by commas; '' when there is none. */
  header(name: string): string;
  /** '' when the status was not wanted. */
  readonly body: ByteString;
  /** From sending the request to the end of the answer, ms: it is as old as that at most, by what this connection adds. */
  readonly took: number;
}

/** What an exchange needs of the connection it is on. */
export interface ExchangeLine {
  /** The exchange is over; the line may be used for another. @param answered a whole answer came */
  release(answered: boolean): void;
  /** Gives up a connection that is not there yet. */
  abandon(): void;
  /** Answers that came over the connection. */
  readonly answers: number;
  /** Why the connection broke, if it did. */
  readonly failure: Error | undefined;
  /** Scheme, host and port, for messages. */
  readonly api: string;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** More of a body that nobody wants is not read: the connection is closed instead. */
const MAX_DROPPED = 65_536;

/** One request and its answer on one connection: what undici calls while it goes on. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly response: Promise<OutgoingResponse>;
  readonly #request: OutgoingRequest;
  readonly #line: ExchangeLine;
  #resolve!: (response: OutgoingResponse | Promise<OutgoingResponse>) => void;
  #reject!: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #sentAt = 0;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #isWanted = false;
  #parts: ByteString[] = [];
  #length = 0;
  #isSettled = false;
  #isReleased = false;

  constructor(request: OutgoingRequest, line: ExchangeLine) {
    this.#request = request;
    this.#line = line;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    request.signal.addEventListener('abort', this, { once: true });
  }

  /** The signal aborted. */
  handleEvent(): void {
    this.#fail(this.#request.signal.reason);
    if (this.#controller === undefined) this.#line.abandon();
  }

  /** It is about to be written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#sentAt = this.#line.clock.monotonic();
    if (this.#isSettled) controller.abort(new Error('given up'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    this.#isWanted = this.#request.wants(status);
    const length = Number(headers['content-length'] ?? 0);
    if (this.#isWanted && length > this.#request.maxBytes) this.#fail(this.#tooLarge());
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isSettled) return;
    this.#length += chunk.length;
    if (!this.#isWanted) {
      if (this.#length <= MAX_DROPPED) return;
      this.#settle(this.#answer(''));
      this.#controller?.abort(new Error('too much that nobody wants'));
    } else if (this.#length > this.#request.maxBytes) {
      this.#fail(this.#tooLarge());
    } else {
      // At once: a piece would keep all that was read with it in memory.
      this.#parts.push(chunk.latin1Slice());
    }
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { failure } = this.#line;
    // The end of the connection may be the end of an answer, but not when it broke (RFC 9112 section 8); undici takes both for one.
    if (failure !== undefined) {
      this.onResponseError(controller, failure);
      return;
    }
    this.#release(true);
    if (this.#isSettled) return;
    const coding = this.#isWanted ? this.#header('content-encoding') : '';
    const body = this.#parts.length === 1 ? (this.#parts[0] as ByteString) : this.#parts.join('');
    this.#settle(isPlain(coding) || body === '' ? this.#answer(body) : this.#decode(body, coding));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const { answers } = this.#line;
    this.#release(false);
    const phase = this.#controller === undefined ? 'connect' : this.#status === 0 ? 'request' : 'response';
    this.#fail(transportError(this.#line.api, error, phase, answers > 0));
  }

  async #decode(body: ByteString, coding: string): Promise<OutgoingResponse> {
    let plain: ByteString | undefined;
    try {
      plain = await decodeBody(body, coding, this.#request.maxBytes);
    } catch (error) {
      throw transportError(this.#line.api, error as Error, 'response', false);
    }
    if (plain === undefined) throw this.#tooLarge();
    return this.#answer(plain);
  }

  #answer(body: ByteString): OutgoingResponse {
    const took = this.#line.clock.monotonic() - this.#sentAt;
    return { status: this.#status, header: (name) => this.#header(name), body, took };
  }

  #header(name: string): string {
    const value = Object.hasOwn(this.#headers, name) ? this.#headers[name] : undefined;
    return value === undefined ? '' : typeof value === 'string' ? value : value.join(', ');
  }

  #tooLarge(): SluiceError {
    const { maxBytes } = this.#request;
    return new SluiceError('VALUE_TOO_LARGE', `${this.#line.api} answered with more than ${maxBytes} bytes`);
  }

  #release(answered: boolean): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#line.release(answered);
  }

  #settle(response: OutgoingResponse | Promise<OutgoingResponse>): void {
    this.#isSettled = true;
    this.#request.signal.removeEventListener('abort', this);
    this.#resolve(response);
  }

  #fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#request.signal.removeEventListener('abort', this);
    this.#parts = [];
    this.#reject(error);
    this.#controller?.abort(new Error('given up'));
  }
}
