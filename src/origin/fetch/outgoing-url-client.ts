import type { Gate } from '../../client/http/gate.ts';
import type { OutgoingHttp } from '../../client/http/outgoing.ts';
import { SluiceError } from '../../errors.ts';
import type { FetchTarget } from './fetch-target.ts';
import { type UrlClient, type UrlResponse, VALUE } from './url-origin.ts';

export interface OutgoingUrlClientOptions {
  /** With a guard. Ends with this. */
  readonly outgoing: OutgoingHttp;
  /** Makes the gate of one origin (scheme, host and port). */
  readonly openGate: (api: string) => Gate;
  readonly maxValueBytes: number;
}

/** Origins that are remembered. A star in the allow list lets callers name any number of them. */
const MAX_ORIGINS = 1_000;

/** Sends fetches over the connections of a node, so many at a time and per time to each origin. */
export class OutgoingUrlClient implements UrlClient {
  readonly #options: OutgoingUrlClientOptions;
  /** By origin; the one used longest ago first. */
  readonly #gates = new Map<string, Gate>();

  constructor(options: OutgoingUrlClientOptions) {
    this.#options = options;
  }

  async get(
    { url }: FetchTarget,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<UrlResponse> {
    const { outgoing, maxValueBytes } = this.#options;
    const api = new URL(url).origin;
    const pass = await this.#gateOf(api).enter(signal);
    try {
      return await outgoing.to(api).send({
        method: 'GET',
        target: url.slice(api.length),
        headers: Object.entries(headers).flat(),
        maxBytes: maxValueBytes,
        wants: (status) => VALUE.includes(status),
        signal,
      });
    } finally {
      pass.leave();
    }
  }

  close(): Promise<void> {
    return this.#options.outgoing.close();
  }

  #gateOf(api: string): Gate {
    let gate = this.#gates.get(api);
    if (gate === undefined) {
      if (this.#gates.size >= MAX_ORIGINS) this.#forgetOne();
      gate = this.#options.openGate(api);
    }
    this.#gates.delete(api);
    this.#gates.set(api, gate);
    return gate;
  }

  #forgetOne(): void {
    for (const [api, gate] of this.#gates) {
      if (!gate.isIdle) continue;
      this.#gates.delete(api);
      void this.#options.outgoing.forget(api);
      return;
    }
    throw new SluiceError('ORIGIN_OVERLOADED', `${MAX_ORIGINS} origins are being asked already`, {
      details: { retryAfter: 1_000 },
    });
  }
}
