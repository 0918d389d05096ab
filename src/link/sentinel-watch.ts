import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { askServer, firstAnswer } from './ask-server.ts';
import { type Endpoint, type LinkLogin, nameOf } from './link-connection.ts';
import { SentinelEar } from './sentinel-ear.ts';
import { primaryOf } from './sentinel-replies.ts';

export interface SentinelWatchOptions {
  readonly sentinels: readonly Endpoint[];
  /** What the Sentinels call the primary. */
  readonly primaryName: ByteString;
  /** For the Sentinels themselves. */
  readonly login: LinkLogin;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** The primary is at this address; what is connected to another one is not connected to the primary. */
  readonly moved: (endpoint: Endpoint, reason: string) => void;
}

/** Sentinels that are listened to. */
const MAX_SENTINELS = 32;
/** A Sentinel may know of a change so much later than the first one that does; they tell each other every 2 s. */
const LATE_MS = 5000;

/**
 * Where the primary is, as Redis Sentinel says.
 *
 * All Sentinels that are known, configured or named by another, are listened to: the first message that the primary is another counts,
 * since until it is heard writes go to a server that has been given up. Messages may be missed, so each is asked once a second, too;
 * there the majority counts, as one alone may be cut off from the rest. While the primary cannot be reached they are asked in turn.
 * What Sentinels say is believed only as far as the node itself says that it is a primary (`NodeLink`).
 */
export class SentinelWatch {
  readonly #options: SentinelWatchOptions;
  readonly #ears = new Map<string, SentinelEar>();
  readonly #endpoints = new Map<string, Endpoint>();
  #current: Endpoint | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** The node that was named could not be used. */
  #doubts = false;
  /** Who is asked first. */
  #turn = 0;
  #closed = false;

  constructor(options: SentinelWatchOptions) {
    this.#options = options;
    for (const endpoint of options.sentinels) this.#listenTo(endpoint);
  }

  /** Names of the Sentinels known. */
  get sentinels(): readonly string[] {
    return [...this.#ears.keys()];
  }

  /**
   * The address of the primary. To be asked at every attempt to connect to it.
   * @throws SluiceError STORE_UNAVAILABLE when no Sentinel names one
   */
  async locate(): Promise<Endpoint> {
    if (this.#current !== undefined && (!this.#doubts || this.#wasJustTold())) return this.#current;
    const { clock, login, primaryName } = this.#options;
    const known = [...this.#endpoints.values()];
    const first = this.#turn++ % known.length;
    try {
      return await firstAnswer(
        [...known.slice(first), ...known.slice(0, first)],
        async (sentinel) =>
          primaryOf(
            await askServer(sentinel, login, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primaryName], clock),
            primaryName,
          ),
        clock,
      );
    } catch (error) {
      throw new SluiceError('STORE_UNAVAILABLE', `no Sentinel names a primary: ${(error as Error).message}`);
    }
  }

  /** The node that was named works, or does not. */
  trust(works: boolean): void {
    this.#doubts = !works;
  }

  close(): void {
    this.#closed = true;
    for (const ear of this.#ears.values()) ear.close();
  }

  #listenTo(endpoint: Endpoint): void {
    const name = nameOf(endpoint);
    if (this.#ears.has(name) || this.#ears.size >= MAX_SENTINELS) return;
    const { primaryName, login, clock, random } = this.#options;
    this.#endpoints.set(name, endpoint);
    this.#ears.set(
      name,
      new SentinelEar({
        ...{ endpoint, primaryName, login, clock, random },
        told: (primary) => {
          this.#toldAt = clock.monotonic();
          this.#adopt(primary);
        },
        asked: () => this.#compare(),
      }),
    );
  }

  #compare(): void {
    if (this.#closed) return;
    this.#learn();
    const votes = new Map<string, { readonly primary: Endpoint; count: number }>();
    let voters = 0;
    for (const { primary } of this.#ears.values()) {
      if (primary === undefined) continue;
      voters++;
      const vote = votes.get(nameOf(primary)) ?? { primary, count: 0 };
      vote.count++;
      votes.set(nameOf(primary), vote);
    }
    // Those who are late still name the one before.
    if (this.#wasJustTold()) return;
    for (const { primary, count } of votes.values()) if (count * 2 > voters) this.#adopt(primary);
  }

  /** Sentinels come and go; those configured are always asked. */
  #learn(): void {
    const ears = [...this.#ears.values()];
    const named = new Map(
      [...this.#options.sentinels, ...ears.flatMap(({ others }) => others)].map((one) => [nameOf(one), one]),
    );
    for (const [name, ear] of this.#ears) {
      // Nobody who could be heard names it.
      if (named.has(name) || !ears.some(({ others }) => others.length > 0)) continue;
      ear.close();
      this.#ears.delete(name);
      this.#endpoints.delete(name);
    }
    for (const endpoint of named.values()) this.#listenTo(endpoint);
  }

  #adopt(primary: Endpoint): void {
    if (this.#current !== undefined && nameOf(this.#current) === nameOf(primary)) return;
    this.#current = primary;
    // Also the first time: one who is cut off may have been asked before.
    this.#options.moved(primary, `the Sentinels name ${nameOf(primary)} as the primary`);
  }

  #wasJustTold(): boolean {
    return this.#options.clock.monotonic() - this.#toldAt < LATE_MS;
  }
}
