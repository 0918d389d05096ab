/** How far a cached value may be trusted. */
export const Trust = {
  /** Every change up to the last heartbeat is told. */
  fresh: 0,
  /** It was true when the link was last heard; what happened since is unknown. */
  unproven: 1,
  /** It must not be given out. */
  none: 2,
} as const;
export type Trust = (typeof Trust)[keyof typeof Trust];

/** One tracked lane, from the moment tracking is on until nothing can depend on it any more. */
interface Source {
  /** What is read now gets this number; it grows when all that was read before is put in doubt. */
  epoch: number;
  /** Entries of lower epochs are of no use. */
  aliveFrom: number;
  /** When entries of lower epochs than the current one were put in doubt. */
  doubtedAt: number;
  heardAt: number;
  lostAt: number | undefined;
}

/**
 * What is known of the links that tell of changes, and with it which cached values are true.
 *
 * A value belongs to the lane it was read over (`source`) and to a period of that lane (`epoch`). It is fresh while the lane stands and
 * has answered a heartbeat that was sent no longer ago than `heartbeat`. So nothing cached is ever given out as fresh that is older
 * than the last answered heartbeat. All times are monotonic, in ms.
 */
export class Coherence {
  /** How long the link may be silent, ms. */
  readonly heartbeat: number;
  readonly #sources = new Map<number, Source>();
  #epochs = 0;
  /** The one looked up last: mostly there is only one. */
  #lastNumber = 0;
  #last: Source | undefined;

  constructor(heartbeat: number) {
    this.heartbeat = heartbeat;
  }

  attached(source: number, now: number): void {
    // Of all sources together: numbers of sources come again, and entries of a former bearer must not be taken for this one's.
    const epoch = ++this.#epochs;
    this.#sources.set(source, { epoch, aliveFrom: epoch, doubtedAt: now, heardAt: now, lostAt: undefined });
    this.#last = undefined;
    this.#lastNumber = 0;
  }

  heard(source: number, at: number): void {
    const state = this.#sources.get(source);
    if (state !== undefined && at > state.heardAt) state.heardAt = at;
  }

  lost(source: number, now: number): void {
    const state = this.#sources.get(source);
    if (state !== undefined) state.lostAt ??= now;
  }

  /** All keys of the source were changed. */
  flushed(source: number): void {
    const state = this.#sources.get(source);
    if (state === undefined) return;
    state.epoch = ++this.#epochs;
    state.aliveFrom = state.epoch;
  }

  /** Keys may be on other servers now: nothing that was read before is fresh any more. */
  doubtAll(now: number): void {
    for (const state of this.#sources.values()) {
      state.epoch = ++this.#epochs;
      state.doubtedAt = now;
    }
  }

  /** What is read over the source from now on belongs to this period of it; 0 when it is not known or lost. */
  epochOf(source: number): number {
    const state = this.#sources.get(source);
    return state === undefined || state.lostAt !== undefined ? 0 : state.epoch;
  }

  trust(number: number, epoch: number, now: number, grace: number): Trust {
    const state = number === this.#lastNumber ? this.#last : this.#find(number);
    if (state === undefined || epoch < state.aliveFrom) return Trust.none;
    let doubtedAt: number;
    if (epoch < state.epoch) doubtedAt = state.doubtedAt;
    else if (state.lostAt !== undefined) doubtedAt = state.lostAt;
    else if (now - state.heardAt > this.heartbeat) doubtedAt = state.heardAt + this.heartbeat;
    else return Trust.fresh;
    return now - doubtedAt <= grace ? Trust.unproven : Trust.none;
  }

  /** Whether any link tells of changes now. */
  hasProof(now: number): boolean {
    for (const { lostAt, heardAt } of this.#sources.values())
      if (lostAt === undefined && now - heardAt <= this.heartbeat) return true;
    return false;
  }

  /** Forgets links lost so long ago that nothing of them may be given out. */
  forget(now: number, grace: number): void {
    for (const [number, { lostAt }] of this.#sources)
      if (lostAt !== undefined && now - lostAt > grace) this.#sources.delete(number);
    this.#last = undefined;
    this.#lastNumber = 0;
  }

  #find(number: number): Source | undefined {
    this.#lastNumber = number;
    this.#last = this.#sources.get(number);
    return this.#last;
  }
}
