import { isSluiceError, SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { type Cancellation, Canceller } from '../kernel/cancellation.ts';
import type { Clock } from '../kernel/clock.ts';
import type { OriginAnswer, Validators } from '../origin/origin.ts';
import { encodeBeside } from './beside.ts';
import type { EntryStore, KeptEntry, Outcome } from './entry-store.ts';
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

/** One key that is being fetched, and all who wait for it. */
interface Flight {
  readonly target: FetchTarget;
  readonly result: Promise<Fetched>;
  /** Nothing has changed what is kept of the key since it began. */
  valid: boolean;
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
  readonly #running = new Set<Canceller>();

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
  join(
    target: FetchTarget,
    kept: KeptEntry | undefined,
  ): { readonly result: Promise<Fetched>; readonly collapsed: boolean } {
    const other = this.#flights.get(target.key);
    if (other?.valid === true) return { result: other.result, collapsed: true };
    const error = this.#refusal(target);
    if (error !== undefined) return { result: Promise.reject(error), collapsed: false };
    return { result: this.#begin(target, kept, false), collapsed: false };
  }

  /**
   * Has a value fetched anew in the background, unless that is under way.
   * @returns why not: the origin has just failed for this key, or too much is being fetched
   */
  refresh(target: FetchTarget, kept: KeptEntry): SluiceError | undefined {
    if (this.#flights.get(target.key)?.valid === true) return undefined;
    const error = this.#refusal(target);
    if (error !== undefined) return error;
    target.keyspace.stats.refreshes++;
    // Whoever reads the key next is told; nobody waits for this one.
    this.#begin(target, kept, true).catch(() => undefined);
    return undefined;
  }

  /** Asks the origin for one read alone, and keeps nothing. */
  async pass(target: FetchTarget): Promise<Fetched> {
    const { clock } = this.#options;
    const { keyspace } = target;
    const over = new Canceller();
    this.#running.add(over);
    const timer = clock.setTimer(() => over.abort(timedOut(keyspace)), keyspace.policy.timeout);
    try {
      const answer = await this.#ask(target, undefined, over);
      return { ...this.#outcomeOf(answer, target, undefined).answer, kept: false };
    } finally {
      timer.cancel();
      this.#running.delete(over);
    }
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

  #begin(target: FetchTarget, kept: KeptEntry | undefined, inBackground: boolean): Promise<Fetched> {
    const { key } = target;
    let flight: Flight;
    const result = this.#run(target, kept, inBackground, () => flight.valid).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    });
    flight = { target, result, valid: true };
    this.#flights.set(key, flight);
    return result;
  }

  /** The whole way of a fetch. */
  async #run(
    target: FetchTarget,
    seen: KeptEntry | undefined,
    inBackground: boolean,
    isValid: () => boolean,
  ): Promise<Fetched> {
    const { store, clock } = this.#options;
    const { key, keyspace } = target;
    const over = new Canceller();
    this.#running.add(over);
    const timer = clock.setTimer(() => over.abort(timedOut(keyspace)), keyspace.policy.timeout);
    let claimed = false;
    let outcome: Outcome | undefined;
    try {
      const right = store.alone || (await this.#obtain(target, seen, inBackground, over));
      if (typeof right === 'object') return right;
      claimed = right;
      const known = seen === undefined ? undefined : judge(seen, clock.now());
      const answer = await this.#ask(target, known, over);
      const fetched = this.#outcomeOf(answer, target, known);
      if (claimed && isValid()) ({ outcome } = fetched);
      const kept = outcome !== undefined && (await this.#keep(target, outcome));
      if (!kept && fetched.outcome !== undefined) keyspace.stats.unkept++;
      return { ...fetched.answer, kept };
    } finally {
      timer.cancel();
      this.#running.delete(over);
      if (claimed && outcome === undefined) store.settle(key, undefined).catch(() => undefined);
    }
  }

  async #ask(target: FetchTarget, known: Found | undefined, signal: Cancellation): Promise<OriginAnswer> {
    const { clock, onOriginState } = this.#options;
    const { key, keyspace, captures, identity } = target;
    const validators = known?.entry.value === undefined ? undefined : usable(known.beside.validators);
    const startedAt = clock.monotonic();
    keyspace.stats.fetches++;
    try {
      const answer = await keyspace.origin.fetch({ key, captures, validators, signal });
      if (this.#failing.delete(keyspace)) onOriginState(keyspace, undefined);
      return answer;
    } catch (thrown) {
      const error = signal.aborted ? (signal.reason as SluiceError) : thrown;
      if (!isSluiceError(error)) throw error;
      if (error.code !== 'CLOSED') keyspace.failed(key, identity, error, clock.monotonic());
      if (isOriginFault(error) && !this.#failing.has(keyspace)) {
        this.#failing.add(keyspace);
        onOriginState(keyspace, error);
      }
      throw error;
    } finally {
      keyspace.durations.record(clock.monotonic() - startedAt);
    }
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
      const life = Math.min(policy.negativeTtl, answer.freshFor ?? Number.POSITIVE_INFINITY);
      const until = fetchedAt + life;
      const beside = encodeBeside({ contentType: '', grace: 0, fetchedAt, until, validators: none, identity });
      const given = { value: undefined, tag: '', contentType: '', identity };
      return { answer: given, outcome: life > 0 ? { value: undefined, beside, life } : undefined };
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
    const ttl = Math.min(policy.ttl, answer.freshFor ?? Number.POSITIVE_INFINITY);
    const beside = encodeBeside({ contentType, grace: policy.grace, fetchedAt, until: 0, validators, identity });
    const tag = answer.kind === 'value' ? tagOf(value) : (known as Found).entry.tag;
    const outcome = ttl > 0 ? { value, beside, life: ttl + policy.grace } : undefined;
    return { answer: { value, tag, contentType, identity }, outcome };
  }

  /** A store that is full or away is no reason to keep a value from those who wait for it. */
  async #keep({ key, keyspace }: FetchTarget, outcome: Outcome): Promise<boolean> {
    const { store, onUnkept } = this.#options;
    try {
      return await store.settle(key, outcome);
    } catch (error) {
      if (!isSluiceError(error)) throw error;
      onUnkept(keyspace, error);
      return false;
    }
  }

  /**
   * The right to fetch, or what another node that has it fetches.
   * @returns false: it takes too long, or the store cannot say who has it; then it is fetched here, and not kept
   */
  async #obtain(
    { key, keyspace }: FetchTarget,
    seen: KeptEntry | undefined,
    inBackground: boolean,
    signal: Cancellation,
  ): Promise<Fetched | boolean> {
    const { store, clock, random } = this.#options;
    const { timeout } = keyspace.policy;
    const giveUpAt = clock.monotonic() + timeout / 2;
    let known = seen;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LONGEST_LOOK_MS)) {
      let right: KeptEntry | boolean;
      try {
        right = await store.claim(key, timeout + CLAIM_MARGIN_MS, known);
      } catch (error) {
        if (!isSluiceError(error)) throw error;
        return false;
      }
      if (right === true) return true;
      if (right !== false) {
        const found = judge(right, clock.now());
        if (found !== undefined && (found.freshFor > 0 || inBackground)) return fetchedElsewhere(found);
        known = right;
      } else if (inBackground) {
        // The other one does what was wanted here.
        return fetchedElsewhere(judge(seen as KeptEntry, clock.now()) as Found);
      }
      if (clock.monotonic() >= giveUpAt) return false;
      await pause(clock, wait * (0.5 + random()), signal);
    }
  }
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
