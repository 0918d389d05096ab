import { isSluiceError, SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { type Cancellation, Canceller } from '../kernel/cancellation.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OriginAnswer, Validators } from '../origin/origin.ts';
import { encodeBeside } from './beside.ts';
import type { Claimed, EntryStore, FetchRight, KeptEntry, Outcome } from './entry-store.ts';
import { type Found, judge } from './found.ts';
import type { Keyspace } from './keyspace.ts';

/** What is to be fetched. */
export interface FetchTarget {
  readonly key: ByteString;
  readonly keyspace: Keyspace;
  readonly captures: ReadonlyMap<string, ByteString>;
  /** What exactly is wanted, where the key alone does not say; '' where it does. */
  readonly identity: string;
}

/** What a fetch came to. */
export interface Fetched {
  readonly value: ByteString | undefined;
  readonly tag: string;
  readonly contentType: string;
  readonly kept: boolean;
  readonly identity: string;
}

/** A fetch that somebody waits for. */
export interface Joined {
  readonly result: Promise<Fetched>;
  /** It was under way. */
  readonly collapsed: boolean;
  /** What exactly is being fetched. */
  readonly identity: string;
}

export interface FetchesOptions {
  readonly store: EntryStore;
  readonly clock: Clock;
  /** SHA-1 of a value in hexadecimal. */
  readonly tagOf: (value: ByteString) => string;
  /** In [0, 1). */
  readonly random: () => number;
  /** Fetches at a time, waiting ones included; more fail with OVERLOADED. */
  readonly limit: number;
  /** Told when the store could not keep what was fetched. */
  readonly onUnkept: (keyspace: Keyspace, error: unknown) => void;
  /** Told when an origin failed where it had answered, and the other way round; undefined = it answers. */
  readonly onOriginState: (keyspace: Keyspace, error: SluiceError | undefined) => void;
}

/** While another node fetches, the store is looked at after so long, then twice that, up to the longest. */
const FIRST_LOOK_MS = 10;
const LONGEST_LOOK_MS = 200;
/** A right to fetch outlives the fetch by so much: writing the outcome takes a moment too. */
const CLAIM_MARGIN_MS = 2_000;

/** Who waits for a fetch: readers; nobody, because what is kept may still be given out; one reader, and nothing is to be kept. */
type FetchFor = 'readers' | 'nobody' | 'one';

/** One key that is being fetched, and all who wait for it; aborts when its time is over. */
class Flight extends Canceller {
  readonly target: FetchTarget;
  readonly fetchFor: FetchFor;
  /** Nothing has changed what is kept of the key since it began. */
  valid = true;
  result: Promise<Fetched> | undefined;

  constructor(target: FetchTarget, fetchFor: FetchFor) {
    super();
    this.target = target;
    this.fetchFor = fetchFor;
  }
}

/**
 * Fetches from origins: one per key at a time, in this node by sharing it, among nodes by a right that one of them holds while the
 * others wait for what it keeps.
 */
export class Fetches {
  /** Keyspaces whose origin failed last. */
  readonly #failing = new Set<Keyspace>();
  readonly #flights = new Map<ByteString, Flight>();
  readonly #options: FetchesOptions;
  /** Those that are no longer joined too. */
  readonly #running = new Set<Flight>();

  constructor(options: FetchesOptions) {
    this.#options = options;
  }

  /** Fetches under way. */
  get size(): number {
    return this.#flights.size;
  }

  /** The keys being fetched. */
  keys(): readonly ByteString[] {
    return [...this.#flights.keys()];
  }

  /** The fetch of a key: the one under way, or a new one. */
  join(target: FetchTarget, kept: KeptEntry | undefined): Joined {
    const other = this.#flights.get(target.key);
    if (other?.result !== undefined) return { result: other.result, collapsed: true, identity: other.target.identity };
    const { identity } = target;
    const error = this.#refusal(target);
    if (error !== undefined) return { result: Promise.reject(error), collapsed: false, identity };
    return { result: this.#begin(target, kept, 'readers'), collapsed: false, identity };
  }

  /**
   * Has a value fetched anew in the background, unless that is under way.
   * @returns why not: the origin has just failed for this key, or too much is being fetched
   */
  refresh(target: FetchTarget, kept: KeptEntry): SluiceError | undefined {
    if (this.#flights.has(target.key)) return undefined;
    const error = this.#refusal(target);
    if (error !== undefined) return error;
    target.keyspace.stats.refreshes++;
    // Whoever reads the key next is told; nobody waits for this one.
    this.#begin(target, kept, 'nobody').catch(() => undefined);
    return undefined;
  }

  /** Asks the origin for one read alone, and keeps nothing. */
  pass(target: FetchTarget): Promise<Fetched> {
    return this.#run(new Flight(target, 'one'), undefined);
  }

  /** What is fetched of the key just now is given to those who wait, and not kept. */
  forget(key: ByteString): void {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    flight.valid = false;
    this.#flights.delete(key);
  }

  /** Ends what is under way. */
  close(): void {
    for (const one of this.#running) one.abort(new SluiceError('CLOSED', 'the node is shutting down'));
  }

  #refusal({ key, keyspace, identity }: FetchTarget): SluiceError | undefined {
    const { clock, limit } = this.#options;
    const failure = keyspace.failureOf(key, identity, clock.monotonic());
    if (failure !== undefined) return failure;
    if (this.#flights.size < limit) return undefined;
    return new SluiceError('OVERLOADED', `${limit} keys are being fetched already; try again`);
  }

  #begin(target: FetchTarget, kept: KeptEntry | undefined, fetchFor: FetchFor): Promise<Fetched> {
    const flight = new Flight(target, fetchFor);
    this.#flights.set(target.key, flight);
    flight.result = this.#run(flight, kept);
    return flight.result;
  }

  /** The whole way of a fetch. */
  async #run(flight: Flight, seen: KeptEntry | undefined): Promise<Fetched> {
    const { clock } = this.#options;
    const { target } = flight;
    const { key, keyspace } = target;
    this.#running.add(flight);
    const timer = clock.setTimer(() => flight.abort(timedOut(keyspace)), keyspace.policy.timeout);
    let right: FetchRight | undefined;
    try {
      const obtained = this.#obtain(flight, seen);
      const found = obtained instanceof Promise ? await obtained : obtained;
      if (found !== undefined && !('settle' in found)) return found;
      right = found;
      const known = seen === undefined ? undefined : judge(seen, clock.now());
      const { answer, outcome } = this.#outcomeOf(await this.#ask(flight, known), target, known);
      if (outcome === undefined || right === undefined || !flight.valid) {
        if (outcome !== undefined && flight.fetchFor !== 'one') keyspace.stats.unkept++;
        return { ...answer, kept: false };
      }
      const settled = this.#keep(target, right, outcome);
      right = undefined;
      const kept = settled instanceof Promise ? await settled : settled;
      return { ...answer, kept };
    } finally {
      timer.cancel();
      this.#running.delete(flight);
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      if (right !== undefined) giveBack(right, key);
    }
  }

  /** What the origin says; how it fares is noted. */
  #ask(flight: Flight, known: Found | undefined): Promise<OriginAnswer> {
    const { clock } = this.#options;
    const { key, keyspace, captures } = flight.target;
    const validators = known?.entry.value === undefined ? undefined : usable(known.beside.validators);
    const startedAt = clock.monotonic();
    keyspace.stats.fetches++;
    return keyspace.origin.fetch({ key, captures, validators, signal: flight }).then(
      (answer) => {
        keyspace.durations.record(clock.monotonic() - startedAt);
        if (this.#failing.delete(keyspace)) this.#options.onOriginState(keyspace, undefined);
        return answer;
      },
      (thrown: unknown) => {
        keyspace.durations.record(clock.monotonic() - startedAt);
        throw this.#failed(flight, flight.aborted ? flight.reason : thrown);
      },
    );
  }

  /** Remembers why there is no value. */
  #failed({ target: { key, keyspace, identity } }: Flight, error: unknown): unknown {
    if (!isSluiceError(error)) return error;
    // An origin that was not asked at all can be asked as soon as there is room.
    const wasAsked = error.code !== 'CLOSED' && error.details?.['retryAfter'] === undefined;
    if (wasAsked) keyspace.failed(key, identity, error, this.#options.clock.monotonic());
    if (isOriginFault(error) && !this.#failing.has(keyspace)) {
      this.#failing.add(keyspace);
      this.#options.onOriginState(keyspace, error);
    }
    return error;
  }

  /** What the answer of an origin means: to those who wait, and to the store. */
  #outcomeOf(
    answer: OriginAnswer,
    { keyspace, identity }: FetchTarget,
    known: Found | undefined,
  ): { readonly answer: Omit<Fetched, 'kept'>; readonly outcome: Outcome | undefined } {
    const { policy, stats } = keyspace;
    const { clock, tagOf } = this.#options;
    const fetchedAt = clock.now();
    if (answer.kind === 'absent') {
      stats.absences++;
      const life = Math.floor(Math.min(policy.negativeTtl, answer.freshFor ?? Number.POSITIVE_INFINITY));
      const until = fetchedAt + life;
      const beside = encodeBeside({ contentType: '', grace: 0, fetchedAt, until, validators: none, identity });
      const given = { value: undefined, tag: '', contentType: '', identity };
      return { answer: given, outcome: life > 0 ? { value: undefined, beside, life } : this.#instead(known) };
    }
    let value: ByteString;
    let contentType: string;
    let validators: Validators;
    if (answer.kind === 'value') {
      stats.values++;
      ({ value, contentType, validators } = answer);
      stats.valueBytes += value.length;
    } else {
      stats.unchanged++;
      // Only asked for with a value at hand.
      value = (known as Found).entry.value as ByteString;
      ({ contentType, validators } = (known as Found).beside);
    }
    const ttl = Math.floor(Math.min(policy.ttl, answer.freshFor ?? Number.POSITIVE_INFINITY));
    const beside = encodeBeside({ contentType, grace: policy.grace, fetchedAt, until: 0, validators, identity });
    const tag = answer.kind === 'value' ? tagOf(value) : (known as Found).entry.tag;
    const outcome = ttl > 0 ? { value, beside, life: ttl + policy.grace } : this.#instead(known);
    return { answer: { value, tag, contentType, identity }, outcome };
  }

  /** What the origin does not let be kept must not leave an older answer in its place. */
  #instead(known: Found | undefined): Outcome | undefined {
    return known === undefined ? undefined : { value: undefined, beside: '', life: 0 };
  }

  /** A store that is full or away is no reason to keep a value from those who wait for it. */
  #keep({ key, keyspace }: FetchTarget, right: FetchRight, outcome: Outcome): boolean | Promise<boolean> {
    const count = (kept: boolean): boolean => {
      // The right was gone: the key was purged, or it took too long.
      if (!kept && outcome.life > 0) keyspace.stats.unkept++;
      return kept;
    };
    const unkept = (error: unknown): false => {
      if (!isSluiceError(error)) throw error;
      keyspace.stats.unkept++;
      this.#options.onUnkept(keyspace, error);
      return false;
    };
    try {
      const settled = right.settle(key, outcome);
      return settled instanceof Promise ? settled.then(count, unkept) : count(settled);
    } catch (error) {
      return unkept(error);
    }
  }

  /**
   * The right to fetch, or what another node that has it fetches.
   * @returns undefined: it takes too long, or the store cannot say who has it; then it is fetched here, and not kept
   */
  #obtain(
    flight: Flight,
    seen: KeptEntry | undefined,
  ): FetchRight | undefined | Promise<FetchRight | Fetched | undefined> {
    const { key, keyspace } = flight.target;
    if (flight.fetchFor === 'one') return undefined;
    const claimed = this.#options.store.claim(key, keyspace.policy.timeout + CLAIM_MARGIN_MS, seen);
    const isAtOnce = !(claimed instanceof Promise) && claimed !== 'taken' && 'settle' in claimed;
    return isAtOnce ? claimed : this.#compete(flight, seen, claimed);
  }

  /** Until there is the right, what somebody else kept, or no time any more. */
  async #compete(
    flight: Flight,
    seen: KeptEntry | undefined,
    first: Claimed | Promise<Claimed>,
  ): Promise<FetchRight | Fetched | undefined> {
    const { store, clock, random } = this.#options;
    const { key, keyspace } = flight.target;
    const { timeout } = keyspace.policy;
    const inBackground = flight.fetchFor === 'nobody';
    const giveUpAt = clock.monotonic() + timeout / 2;
    let known = seen;
    let asked = first;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LONGEST_LOOK_MS)) {
      let claimed: Claimed;
      try {
        claimed = await asked;
      } catch (error) {
        if (!isSluiceError(error)) throw error;
        return undefined;
      }
      if (claimed === 'taken') {
        // In the background the other one does what was wanted here.
        if (inBackground) return fetchedElsewhere(judge(seen as KeptEntry, clock.now()) as Found);
      } else if ('settle' in claimed) {
        return claimed;
      } else {
        const found = judge(claimed, clock.now());
        if (found !== undefined && (found.freshFor > 0 || inBackground)) return fetchedElsewhere(found);
        known = claimed;
      }
      if (clock.monotonic() >= giveUpAt) return undefined;
      await pause(clock, wait * (0.5 + random()), flight);
      asked = store.claim(key, timeout + CLAIM_MARGIN_MS, known);
    }
  }
}

/** Whoever wants the key next need not wait for the end of the right. */
function giveBack(right: FetchRight, key: ByteString): void {
  const settled = right.settle(key, undefined);
  if (settled instanceof Promise) settled.catch(() => undefined);
}

function fetchedElsewhere({ entry, beside: { contentType, identity } }: Found): Fetched {
  return { value: entry.value, tag: entry.tag, contentType, kept: true, identity };
}

const none: Validators = { etag: '', lastModified: '' };

/** Undefined: the origin gave nothing to ask it by. */
function usable(validators: Validators): Validators | undefined {
  return validators.etag === '' && validators.lastModified === '' ? undefined : validators;
}

/** Not what was asked, but the origin is the trouble. */
function isOriginFault({ code }: SluiceError): boolean {
  return code === 'ORIGIN_FAILED' || code === 'ORIGIN_TIMEOUT';
}

function timedOut({ name, origin, policy }: Keyspace): SluiceError {
  return new SluiceError(
    'ORIGIN_TIMEOUT',
    `${origin.name} gave no value within the ${policy.timeout} ms that keyspace ${JSON.stringify(name)} allows`,
  );
}

function pause(clock: Clock, ms: number, signal: Cancellation): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    const stop = (): void => {
      timer.cancel();
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
