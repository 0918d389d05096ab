import { addressGuard } from '../../client/http/address-guard.ts';
import type { Api } from '../../client/http/api.ts';
import type { ApiLimits, Apis } from '../../client/http/apis.ts';
import { OutgoingHttp } from '../../client/http/outgoing.ts';
import { transportDetails } from '../../client/http/transport-error.ts';
import { isSluiceError, SluiceError } from '../../errors.ts';
import { type Cancellation, Canceller } from '../../kernel/cancellation.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type MappingProblem, type Sink, SinkFailure, type SinkRow, type TableMapping } from '../sink.ts';
import { batchOf, type HttpBatch } from './http-batch.ts';
import { failureOfRequest, failureOfStatus, isAmbiguous } from './http-sink-failure.ts';

export interface HttpSinkOptions {
  /** As in the configuration. */
  readonly name: string;
  /** Of http or https, without user and fragment. */
  readonly url: string;
  /** @default 'POST' */
  readonly method?: 'POST' | 'PUT' | undefined;
  /** @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** All APIs the node asks: who uses one shares its limits. */
  readonly apis: Apis;
  readonly limits: ApiLimits;
  readonly clock: Clock;
  /** ms */
  readonly connectTimeout: number;
  /** Only public addresses are connected to, and these ranges. Undefined: every address. */
  readonly addresses?: readonly string[] | undefined;
}

/** A request that would have to wait for its turn for longer is not made. */
const PATIENCE_MS = 10_000;

/**
 * Sends rows to an HTTP API, each batch as one JSON document with its id in `Idempotency-Key`. Follows no redirect.
 * @throws SluiceError INVALID_ARGUMENT for limits that do not go with those of others, or ranges that are none
 */
export function openHttpSink(options: HttpSinkOptions): Sink {
  return new HttpSink(options);
}

class HttpSink implements Sink {
  readonly name: string;
  readonly caveat =
    'an API may be sent a batch again whose answer was lost: a change counts once where the API compares the ids of batches or the versions of rows';
  readonly #method: 'POST' | 'PUT';
  readonly #target: string;
  readonly #headers: readonly string[];
  readonly #api: Api;
  readonly #outgoing: OutgoingHttp;
  readonly #underWay = new Set<Promise<void>>();
  /** Why rows could not be written last; undefined once some were. */
  #trouble: SinkFailure | undefined;
  #isClosed = false;

  constructor(options: HttpSinkOptions) {
    const { name, url, method = 'POST', headers = {}, apis, limits, clock, connectTimeout, addresses } = options;
    const { origin, pathname, search } = new URL(url);
    this.name = name;
    this.#method = method;
    this.#target = `${pathname}${search}`;
    const fields = new Map([['content-type', 'application/json']]);
    for (const [field, value] of Object.entries(headers)) fields.set(field.toLowerCase(), value);
    this.#headers = [...fields].flat();
    this.#api = apis.configure(origin, limits);
    const guard = addresses === undefined ? undefined : addressGuard(addresses);
    this.#outgoing = new OutgoingHttp({ clock, connectTimeout, guard });
  }

  async check({ fence }: TableMapping): Promise<readonly MappingProblem[]> {
    return fence === undefined ? [] : [{ problem: `${this.name} is an HTTP API, which keeps no fence` }];
  }

  async write(mapping: TableMapping, rows: readonly SinkRow[], signal: Cancellation): Promise<void> {
    signal.throwIfAborted();
    if (this.#isClosed) throw new SinkFailure('transient', `${this.name} is closed`);
    if (rows.length === 0) return;
    const work = this.#send(batchOf(mapping, rows), signal);
    this.#underWay.add(work);
    try {
      await work;
      this.#trouble = undefined;
    } finally {
      this.#underWay.delete(work);
    }
  }

  explain(mapping: TableMapping, rows: readonly SinkRow[]): readonly string[] {
    if (rows.length === 0) return [];
    const { id, body } = batchOf(mapping, rows);
    const [path = ''] = this.#target.split('?');
    const query = path === this.#target ? '' : '?…';
    // Of fields that somebody configured the values may be secrets.
    const fields = this.#headers.flatMap((field, at) => (at % 2 === 0 ? [field] : []));
    const lines = fields.map((field) => (field === 'content-type' ? `${field}: ${this.#headers[1]}` : `${field}: …`));
    return [
      [`${this.#method} ${this.#api.name}${path}${query}`, ...lines, `idempotency-key: ${id}`, '', body].join('\n'),
    ];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    await this.#outgoing.close();
  }

  async #send(batch: HttpBatch, signal: Cancellation): Promise<void> {
    const { name } = this.#api;
    const late = new Canceller();
    // So that it counts as a failure of the API, too.
    const give = (): void => late.abort(new SluiceError('ORIGIN_TIMEOUT', `${name} did not answer in time`));
    signal.addEventListener('abort', give, { once: true });
    try {
      const { status, retryAfter } = await this.#request(batch, late);
      const kind = failureOfStatus(status, retryAfter !== '');
      if (kind === undefined) return;
      const isRedirect = status >= 300 && status < 400;
      // Where the API says why, it says so of a batch.
      const detail =
        kind === 'data' ? ` to batch ${batch.id}` : isRedirect ? ', a redirect, which is not followed' : '';
      const message = `${name} answered with status ${status}${detail}`;
      throw new SinkFailure(kind, message, { ambiguous: kind === 'transient' && isAmbiguous(status) });
    } catch (error) {
      throw this.#failureOf(error);
    } finally {
      signal.removeEventListener('abort', give);
    }
  }

  /** Once more where the other side closed an idle connection just when it was used again (RFC 9112 section 9.3.1). */
  async #request(batch: HttpBatch, signal: Cancellation): Promise<{ status: number; retryAfter: string }> {
    for (let isRenewal = false; ; isRenewal = true) {
      try {
        const response = await this.#api.call(this.#outgoing.to(this.#api.name), {
          method: this.#method,
          target: this.#target,
          headers: [...this.#headers, 'idempotency-key', batch.id],
          body: Buffer.from(batch.body, 'utf8'),
          maxBytes: 0,
          wants: () => false,
          signal,
          timeout: PATIENCE_MS,
          retries: 0,
        });
        return { status: response.status, retryAfter: response.header('retry-after') };
      } catch (error) {
        const transport = transportDetails(error);
        if (isRenewal || transport?.reused !== true || transport.phase !== 'request') throw error;
      }
    }
  }

  #failureOf(error: unknown): SinkFailure {
    const failure = failureOfRequest(this.#api.name, error);
    // Left alone because it failed: why it did says more.
    const isLeftAlone = isSluiceError(error, 'ORIGIN_FAILED') && error.details?.['retryAfter'] !== undefined;
    if (isLeftAlone && this.#trouble !== undefined) return new SinkFailure('transient', this.#trouble.message);
    if (failure.kind === 'transient') this.#trouble = failure;
    return failure;
  }
}
