import type { Clock, Timer } from '../kernel/clock.ts';
import type { Lease } from '../store/ports.ts';

/** The right to write what waits in one part of a set. */
export interface PartitionRight {
  readonly partition: number;
  /** Grows whenever the right goes from one holder to the next: a sink that has seen a higher one refuses the lower. */
  readonly epoch: number;
}

/** Which parts of a set this node writes. */
export interface PartitionRights {
  /** Those whose right is proven at this moment; asked anew before every claim. */
  held(): readonly PartitionRight[];
  /** The epoch while the right is proven, undefined otherwise; asked right before every write. */
  epochOf(partition: number): number | undefined;
  /** Takes the right anew with a higher epoch, after which nothing sent with the one before has effect. @returns undefined when that failed */
  advance(partition: number): Promise<number | undefined>;
  /** Before the end of the node: takes those too that nobody has, so that what is left is written by somebody. */
  takeFree(): Promise<void>;
  /** Begins to ask for rights, and to renew them. */
  start(): void;
  /** Lets everything go, so that others need not wait. */
  close(): Promise<void>;
}

export interface LeasedPartitionsOptions {
  /** Of the leases; one for each set. */
  readonly name: string;
  readonly partitions: number;
  readonly lease: Lease;
  /** Not used by any other node, nor by an earlier start of this one; of a node that is `alone`: always the same. */
  readonly holder: string;
  /** How long the right of a node outlives it, ms. */
  readonly ttl: number;
  /** There is no other node, and none can be: all parts are its own at once. */
  readonly alone: boolean;
  readonly clock: Clock;
  /** Told when the store cannot be asked, and when it can again (undefined). */
  readonly onTrouble: (error: unknown) => void;
}

/** Rights are renewed so often in their time. */
const ROUNDS = 3;
/** And asked for so often while others have some of this node's. */
const HASTY_ROUNDS = 12;
/** Clocks of two machines differ in speed by less than that share. */
const DRIFT = 0.05;
/** Who asks whether a seat is taken, for the shortest time there is. Nodes that ask do not stand in each other's way. */
const NOBODY = '-';
const SHORTEST_MS = 1;

interface Held {
  readonly epoch: number;
  /** Until then nobody else can have it, monotonic ms. */
  readonly until: number;
}

/**
 * Divides the parts of a set among the nodes by leases.
 *
 * Every node holds a seat, of which there are as many as parts; the seats that are taken, in their order, share the parts in turn. So all
 * nodes that see the same seats agree on who has what: each lets go what is another's and asks for what is its own, and that ends. A node
 * that is lost leaves its seat and its parts when its leases end. The leases decide, not the seats: what nodes believe of each other for a
 * moment costs time, never two holders at once.
 */
export class LeasedPartitions implements PartitionRights {
  readonly #options: LeasedPartitionsOptions;
  readonly #held = new Map<number, Held>();
  /** Of this node. */
  #seat: number | undefined;
  /** Parts that are this node's by the last look at the seats. */
  #share: ReadonlySet<number> = new Set();
  #timer: Timer | undefined;
  #turn: Promise<void> = Promise.resolve();
  #takesFree = false;
  #started = false;
  #closed = false;
  #isTroubled = false;

  constructor(options: LeasedPartitionsOptions) {
    this.#options = options;
  }

  held(): readonly PartitionRight[] {
    const now = this.#options.clock.monotonic();
    const rights: PartitionRight[] = [];
    for (const [partition, { epoch, until }] of this.#held) if (until > now) rights.push({ partition, epoch });
    return rights.sort((one, other) => one.partition - other.partition);
  }

  epochOf(partition: number): number | undefined {
    const held = this.#held.get(partition);
    return held !== undefined && held.until > this.#options.clock.monotonic() ? held.epoch : undefined;
  }

  async advance(partition: number): Promise<number | undefined> {
    // Not between the steps of a round, which would renew the old one.
    await this.#inTurn(async () => {
      if (!this.#closed && this.epochOf(partition) !== undefined) await this.#anew(partition);
    });
    return this.epochOf(partition);
  }

  async takeFree(): Promise<void> {
    await this.#inTurn(async () => {
      this.#takesFree = true;
      if (!this.#closed) await this.#once();
    });
  }

  start(): void {
    if (this.#started || this.#closed) return;
    this.#started = true;
    this.#next(0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#turn;
    const { lease, holder } = this.#options;
    const names = [...this.#held.keys()].map((partition) => this.#nameOf(partition));
    if (this.#seat !== undefined) names.push(this.#seatName(this.#seat));
    this.#held.clear();
    // What cannot be let go ends by itself.
    await Promise.allSettled(names.map((name) => lease.release(name, holder)));
  }

  #next(delay: number): void {
    const { clock, ttl } = this.#options;
    const round = async (): Promise<void> => {
      const begunAt = clock.monotonic();
      await this.#inTurn(async () => {
        if (!this.#closed) await this.#once();
      });
      const isWhole = [...this.#share].every((partition) => this.#held.has(partition));
      const pause = ttl / (isWhole ? ROUNDS : HASTY_ROUNDS);
      if (!this.#closed) this.#next(Math.max(0, begunAt + pause - clock.monotonic()));
    };
    this.#timer = clock.setTimer(() => void round(), delay);
  }

  /** One thing at a time. What the store refuses is told. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    this.#turn = (async () => {
      await before;
      try {
        await work();
        this.#well();
      } catch (error) {
        this.#unwell(error);
      }
    })();
    await this.#turn;
  }

  /** Renews first: the rest may wait. @throws what the store says */
  async #once(): Promise<void> {
    const { partitions, alone } = this.#options;
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    if (alone) {
      const isFirst = this.#held.size === 0;
      await allOf(all.map((partition) => (isFirst ? this.#anew(partition) : this.#acquire(partition))));
      return;
    }
    if (this.#takesFree) {
      await allOf(all.map((partition) => this.#acquire(partition)));
      return;
    }
    const mine = [...this.#held.keys()].filter((partition) => this.#share.has(partition));
    await allOf(mine.map((partition) => this.#acquire(partition)));
    this.#share = await this.#look();
    await allOf(
      all.map(async (partition) => {
        if (this.#share.has(partition)) {
          if (!mine.includes(partition)) await this.#acquire(partition);
        } else if (this.#held.has(partition)) {
          await this.#release(partition);
        }
      }),
    );
  }

  /** Takes or keeps a seat and looks which others are taken. @returns the parts of this node's */
  async #look(): Promise<Set<number>> {
    const { partitions, lease, holder, ttl } = this.#options;
    const sit = async (seat: number): Promise<boolean> =>
      (await lease.acquire(this.#seatName(seat), holder, { ttl })) !== undefined;
    if (this.#seat !== undefined && !(await sit(this.#seat))) this.#seat = undefined;
    for (let seat = 0; this.#seat === undefined && seat < partitions; seat++) if (await sit(seat)) this.#seat = seat;
    const own = this.#seat;
    // More nodes than parts: there is nothing for this one.
    if (own === undefined) return new Set();
    const taken = await allOf(
      Array.from({ length: partitions }, async (_, seat) => {
        if (seat === own) return true;
        return (await lease.acquire(this.#seatName(seat), NOBODY, { ttl: SHORTEST_MS })) === undefined;
      }),
    );
    const seats = taken.flatMap((isTaken, seat) => (isTaken ? [seat] : []));
    const share = new Set<number>();
    for (let partition = seats.indexOf(own); partition < partitions; partition += seats.length) share.add(partition);
    return share;
  }

  async #anew(partition: number): Promise<void> {
    await this.#release(partition);
    await this.#acquire(partition);
  }

  async #acquire(partition: number): Promise<void> {
    const { lease, holder, ttl, clock } = this.#options;
    // The store counts from later on.
    const until = clock.monotonic() + ttl * (1 - DRIFT);
    const epoch = await lease.acquire(this.#nameOf(partition), holder, { ttl });
    if (epoch === undefined) this.#held.delete(partition);
    else this.#held.set(partition, { epoch, until });
  }

  async #release(partition: number): Promise<void> {
    const { lease, holder } = this.#options;
    // Not held from now on, whatever becomes of the release.
    this.#held.delete(partition);
    await lease.release(this.#nameOf(partition), holder);
  }

  #nameOf(partition: number): string {
    return `write-behind:${this.#options.name}:${partition}`;
  }

  #seatName(seat: number): string {
    return `write-behind:${this.#options.name}:seat:${seat}`;
  }

  #well(): void {
    if (!this.#isTroubled) return;
    this.#isTroubled = false;
    this.#options.onTrouble(undefined);
  }

  #unwell(error: unknown): void {
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#options.onTrouble(error);
  }
}

/** All of them have ended when it throws the first error, so that nothing goes on unheard. */
async function allOf<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(works);
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
