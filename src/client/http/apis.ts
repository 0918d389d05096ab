import { SluiceError } from '../../errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Rate } from '../../kernel/token-bucket.ts';
import { Api } from './api.ts';
import { Gate, type SharedRate } from './gate.ts';

export interface ApiLimits {
  /** Requests at a time. */
  readonly concurrency: number;
  /** At most so many in any window of that length. */
  readonly rate?: Rate | undefined;
  /** Requests that may wait. */
  readonly queue: number;
}

export interface ApisOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** The window of an API that several nodes share; none without it. @param api scheme, host and port */
  readonly sharedRate?: ((api: string, rate: Rate) => SharedRate | undefined) | undefined;
  /** APIs that are remembered though nobody configured them. @default 1000 */
  readonly maxGuests?: number;
}

const DEFAULT_MAX_GUESTS = 1_000;

/** All APIs this node asks: one {@link Api} for each, whoever asks it. */
export class Apis {
  readonly #options: ApisOptions;
  readonly #configured = new Map<string, Api>();
  readonly #guests = new Map<string, Api>();

  constructor(options: ApisOptions) {
    this.#options = options;
  }

  /** For metrics. */
  *[Symbol.iterator](): Iterator<Api> {
    yield* this.#configured.values();
    yield* this.#guests.values();
  }

  /**
   * The API with these limits. Where several are stated for one, the smaller concurrency and queue count.
   * @param name scheme, host and port, such as `https://api.example.com`
   * @throws SluiceError INVALID_ARGUMENT for a second rate
   */
  configure(name: string, limits: ApiLimits): Api {
    const known = this.#configured.get(name);
    if (known === undefined) {
      const api = this.#make(name, limits);
      this.#configured.set(name, api);
      return api;
    }
    const { rate } = known.gate;
    if (
      rate !== undefined &&
      limits.rate !== undefined &&
      (rate.count !== limits.rate.count || rate.per !== limits.rate.per)
    ) {
      throw new SluiceError('INVALID_ARGUMENT', `${name} has two rates; state the same one wherever it is used`);
    }
    known.gate.narrow({ ...limits, shared: rate === undefined ? this.#shared(name, limits) : undefined });
    return known;
  }

  /**
   * An API that a request names: the configured one, which takes this rate if it has none, or one with these limits that is forgotten some time after.
   * @throws SluiceError ORIGIN_OVERLOADED when too many are in use
   */
  visit(name: string, limits: ApiLimits): Api {
    const configured = this.#configured.get(name);
    if (configured !== undefined) {
      // Whoever asks it, it is one API: a rate that is stated for one of them is one for all.
      const { rate } = limits;
      if (rate !== undefined && configured.gate.rate === undefined) {
        const others = Number.POSITIVE_INFINITY;
        configured.gate.narrow({ concurrency: others, queue: others, rate, shared: this.#shared(name, limits) });
      }
      return configured;
    }
    const known = this.#guests.get(name);
    if (known !== undefined) return known;
    if (this.#guests.size >= (this.#options.maxGuests ?? DEFAULT_MAX_GUESTS)) this.#forgetOne();
    const api = this.#make(name, limits);
    this.#guests.set(name, api);
    return api;
  }

  #make(name: string, limits: ApiLimits): Api {
    const { clock, random } = this.#options;
    const gate = new Gate({ ...limits, clock, name, shared: this.#shared(name, limits) });
    return new Api({ name, clock, random, gate });
  }

  #shared(name: string, { rate }: ApiLimits): SharedRate | undefined {
    return rate === undefined ? undefined : this.#options.sharedRate?.(name, rate);
  }

  /** Only one whose limits hold nobody back. */
  #forgetOne(): void {
    for (const [name, { gate, breaker }] of this.#guests) {
      if (!gate.isIdle || breaker.wait() > 0) continue;
      this.#guests.delete(name);
      return;
    }
    throw new SluiceError('ORIGIN_OVERLOADED', 'too many hosts are being asked; try again', {
      details: { retryAfter: 1_000 },
    });
  }
}
