import { isSluiceError, SluiceError } from '../../errors.ts';
import { fullJitter } from '../../kernel/backoff.ts';
import { Breaker, type BreakerOutcome } from '../../kernel/breaker.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Connections } from './connections.ts';
import type { OutgoingRequest, OutgoingResponse } from './exchange.ts';
import type { Gate, Pass } from './gate.ts';
import { retryAfterOf } from './retry-after.ts';
import { RetryBudget } from './retry-budget.ts';
import { transportDetails } from './transport-error.ts';

/** A call, with all its tries. */
export interface ApiCall extends OutgoingRequest {
  /** All tries together, waiting included, ms. */
  readonly timeout: number;
  /** Further tries, of what can be repeated safely only. */
  readonly retries: number;
}

/** What an API was asked and answered; plain sums. */
export interface ApiStats {
  /** Requests that were sent, or could not be. */
  requests: number;
  /** Of them those that repeated another. */
  retries: number;
  /** Without a whole answer, or with a status from 500. */
  failures: number;
  /** Not made, because the API failed all the time. */
  broken: number;
}

export interface ApiOptions {
  /** Scheme, host and port. */
  readonly name: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly gate: Gate;
}

const RETRY = { first: 100, last: 2_000 };
/** What a gateway in front of an API says when that is away for a moment (RFC 9110 section 15.6). */
const PASSING: readonly number[] = [502, 503, 504];
/** An API that refuses for its rate and does not say for how long. */
const UNSAID_PAUSE_MS = 1_000;

/** One API: scheme, host and port. Holds its limits, leaves it alone while it fails, and repeats what may be repeated. */
export class Api {
  readonly name: string;
  readonly gate: Gate;
  readonly breaker: Breaker;
  readonly stats: ApiStats = { requests: 0, retries: 0, failures: 0, broken: 0 };
  readonly #options: ApiOptions;
  readonly #budget = new RetryBudget();

  constructor(options: ApiOptions) {
    this.name = options.name;
    this.gate = options.gate;
    this.breaker = new Breaker(options);
    this.#options = options;
  }

  /**
   * Resolves with whatever the API answered; 429, and 503 with a Retry-After, reject unless they are wanted.
   * @throws SluiceError ORIGIN_FAILED (also without having asked, with `details.retryAfter`), ORIGIN_OVERLOADED, VALUE_TOO_LARGE,
   * FORBIDDEN. Rejects with the signal's reason when it aborts.
   */
  call(connections: Connections, call: ApiCall): Promise<OutgoingResponse> {
    const deadline = this.#options.clock.monotonic() + call.timeout;
    this.#budget.earn();
    const first = this.#try(connections, call, deadline);
    const judged = (): Promise<OutgoingResponse> => this.#persist(connections, call, deadline, first);
    return first.then((response) => (call.wants(response.status) ? response : judged()), judged);
  }

  /** Judges what a try came to, and makes another where that may help. */
  async #persist(
    connections: Connections,
    call: ApiCall,
    deadline: number,
    first: Promise<OutgoingResponse>,
  ): Promise<OutgoingResponse> {
    const { clock, random } = this.#options;
    let left = call.method === 'GET' ? call.retries : 0;
    let mayRenew = call.method === 'GET';
    let tried = first;
    for (let attempt = 0; ; attempt++) {
      let wait: number;
      try {
        const response = await tried;
        if (call.wants(response.status)) return response;
        const pause = this.#pauseAskedFor(response);
        if (pause !== undefined) this.gate.pauseFor(pause);
        const isPassing = PASSING.includes(response.status) || response.status === 429;
        if (pause === undefined && !isPassing) return response;
        wait = pause ?? fullJitter(RETRY, attempt, random);
        const hasTime = clock.monotonic() + wait < deadline;
        // What the gate already holds back need not be waited for here.
        if (left > 0 && hasTime && this.#budget.spend()) {
          if (pause !== undefined) wait = 0;
          left--;
        } else if (pause === undefined) {
          return response;
        } else {
          throw this.#refused(response.status, pause);
        }
      } catch (error) {
        const transport = transportDetails(error);
        if (transport === undefined) throw error;
        // A server may close an idle connection just when it is used again (RFC 9112 section 9.3.1): that is no try.
        const isRenewal = mayRenew && transport.reused && transport.phase === 'request';
        if (isRenewal) mayRenew = false;
        wait = isRenewal ? 0 : fullJitter(RETRY, attempt, random);
        if ((!isRenewal && left === 0) || clock.monotonic() + wait >= deadline || !this.#budget.spend()) throw error;
        if (!isRenewal) left--;
      }
      this.stats.retries++;
      if (wait > 0) await pauseFor(clock, wait, call.signal);
      tried = this.#try(connections, call, deadline);
    }
  }

  /** One request, when there is room for it. */
  #try(connections: Connections, call: ApiCall, deadline: number): Promise<OutgoingResponse> {
    try {
      if (this.breaker.wait() > 0) throw this.#broken();
      const entered = this.gate.enter(call.signal, deadline - this.#options.clock.monotonic());
      return entered instanceof Promise
        ? entered.then((pass) => this.#send(connections, call, pass))
        : this.#send(connections, call, entered);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** One request, with all that has to be noted after it. @throws SluiceError ORIGIN_FAILED when it must not be made any more */
  #send(connections: Connections, call: ApiCall, pass: Pass): Promise<OutgoingResponse> {
    const role = this.breaker.begin();
    if (role === undefined) {
      pass.giveBack();
      throw this.#broken();
    }
    this.stats.requests++;
    const over = (outcome: BreakerOutcome): void => {
      if (outcome === 'failure') this.stats.failures++;
      this.breaker.end(role, outcome);
      pass.leave();
    };
    return connections.send(call).then(
      (response) => {
        over(response.status < 500 ? 'success' : 'failure');
        return response;
      },
      (error: unknown) => {
        over(outcomeOf(error, call.signal));
        throw error;
      },
    );
  }

  #broken(): SluiceError {
    this.stats.broken++;
    const retryAfter = Math.ceil(this.breaker.wait());
    return new SluiceError(
      'ORIGIN_FAILED',
      `${this.name} has failed several times in a row and is left alone for now`,
      {
        details: { retryAfter },
      },
    );
  }

  /** How long the API asks to be left alone, ms; undefined: it does not. */
  #pauseAskedFor(response: OutgoingResponse): number | undefined {
    const { status } = response;
    if (status !== 429 && status !== 503) return undefined;
    return (
      retryAfterOf(response.header('retry-after'), this.#options.clock.now()) ??
      (status === 429 ? UNSAID_PAUSE_MS : undefined)
    );
  }

  #refused(status: number, retryAfter: number): SluiceError {
    return new SluiceError('ORIGIN_OVERLOADED', `${this.name} answered with status ${status} and asks for a pause`, {
      details: { retryAfter: Math.ceil(retryAfter) },
    });
  }
}

/** What a failed request says of the API. */
function outcomeOf(error: unknown, signal: Cancellation): BreakerOutcome {
  if (error === signal.reason && signal.aborted) {
    const isLate = isSluiceError(error, 'ORIGIN_TIMEOUT') || (error as Error | undefined)?.name === 'TimeoutError';
    return isLate ? 'failure' : 'neither';
  }
  if (isSluiceError(error, 'VALUE_TOO_LARGE')) return 'success';
  return isSluiceError(error, 'ORIGIN_FAILED') ? 'failure' : 'neither';
}

function pauseFor(clock: Clock, ms: number, signal: Cancellation): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = (): void => {
      timer.cancel();
      reject(signal.reason as Error);
    };
    const timer = clock.setTimer(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
