import type { ApiLimits, Apis } from '../../client/http/apis.ts';
import type { OutgoingHttp } from '../../client/http/outgoing.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { FetchTarget } from './fetch-target.ts';
import { type UrlClient, type UrlResponse, VALUE } from './url-origin.ts';

export interface OutgoingUrlClientOptions {
  /** All APIs the node asks: those of keyspaces keep their limits here too. */
  readonly apis: Apis;
  /** With a guard, and used by nobody else. Ends with this. */
  readonly outgoing: OutgoingHttp;
  /** Of APIs that no keyspace has. */
  readonly limits: ApiLimits;
  readonly maxValueBytes: number;
  /** One hop with its tries, ms. */
  readonly timeout: number;
}

/** Origins whose connections are kept. A star in the allow list lets callers name any number of them. */
const MAX_ORIGINS = 256;

/** Sends fetches over connections of their own, within the limits of the API they go to. */
export class OutgoingUrlClient implements UrlClient {
  readonly #options: OutgoingUrlClientOptions;
  /** Requests under way by origin; the one used longest ago first. */
  readonly #origins = new Map<string, number>();

  constructor(options: OutgoingUrlClientOptions) {
    this.#options = options;
  }

  async get(
    { url }: FetchTarget,
    headers: Readonly<Record<string, string>>,
    signal: Cancellation,
  ): Promise<UrlResponse> {
    const { apis, outgoing, limits, maxValueBytes, timeout } = this.#options;
    const { origin } = new URL(url);
    const api = apis.visit(origin, limits);
    this.#count(origin, 1);
    try {
      return await api.call(outgoing.to(origin), {
        method: 'GET',
        target: url.slice(origin.length),
        headers: Object.entries(headers).flat(),
        maxBytes: maxValueBytes,
        wants: (status) => VALUE.includes(status),
        signal,
        timeout,
        retries: 1,
      });
    } finally {
      this.#count(origin, -1);
      this.#forgetOldest();
    }
  }

  close(): Promise<void> {
    return this.#options.outgoing.close();
  }

  #count(origin: string, change: 1 | -1): void {
    const known = this.#origins.get(origin) ?? 0;
    this.#origins.delete(origin);
    this.#origins.set(origin, known + change);
  }

  #forgetOldest(): void {
    if (this.#origins.size <= MAX_ORIGINS) return;
    for (const [origin, underWay] of this.#origins) {
      if (underWay > 0) continue;
      this.#origins.delete(origin);
      void this.#options.outgoing.forget(origin);
      return;
    }
  }
}
