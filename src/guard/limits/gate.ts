import type { ByteBudget } from './byte-budget.ts';
import { clientAddress } from './client-address.ts';
import type { Payer, RateKind, RateLimits } from './rate-limits.ts';

/**
 * Which limit a client met: the setting, without `limits.` in front. `http.timeout` stands for `http.headerTimeout` and
 * `http.requestTimeout`, `tls.handshake` for the time-out of a handshake.
 */
export type LimitName = string;

/** What all gates of a node share. */
export interface SharedLimits {
  readonly rates: RateLimits;
  readonly input: ByteBudget;
  readonly output: ByteBudget;
  /** Counts a connection in, or says which limit is in its way. */
  enter(address: string, gate: GateOptions): LimitName | undefined;
  leave(address: string): void;
  beginRequest(): boolean;
  endRequest(): void;
}

export interface GateOptions {
  /** The listener, in metrics. */
  readonly face: string;
  /** It is bound to loopback. */
  readonly loopbackOnly: boolean;
  /** It is the one for administration, which must be reached when all others are full. @default false */
  readonly isAdmin?: boolean;
}

/** The way in through one listener. */
export class Gate {
  readonly face: string;
  readonly #limits: SharedLimits;
  readonly #options: GateOptions;
  readonly #hits = new Map<LimitName, number>();

  constructor(limits: SharedLimits, options: GateOptions) {
    this.#limits = limits;
    this.#options = options;
    this.face = options.face;
  }

  /** How often clients met each limit. */
  get hits(): ReadonlyMap<LimitName, number> {
    return this.#hits;
  }

  /** A client met a limit. */
  hit(limit: LimitName): void {
    this.#hits.set(limit, (this.#hits.get(limit) ?? 0) + 1);
  }

  get input(): ByteBudget {
    return this.#limits.input;
  }

  get output(): ByteBudget {
    return this.#limits.output;
  }

  get rates(): RateLimits {
    return this.#limits.rates;
  }

  /** Counts a connection in. @returns how to count it out again; undefined when a limit is in its way */
  admit(remoteAddress: string | undefined): (() => void) | undefined {
    const address = clientAddress(remoteAddress);
    const limit = this.#limits.enter(address, this.#options);
    if (limit !== undefined) {
      this.hit(limit);
      return undefined;
    }
    let left = false;
    return () => {
      if (!left) this.#limits.leave(address);
      left = true;
    };
  }

  /** Who pays for what comes over a connection. */
  visitor(remoteAddress: string | undefined): Visitor {
    return new Visitor(this, clientAddress(remoteAddress));
  }

  /** A request is to be answered. @returns whether there is room for it; {@link endRequest} is due in either case */
  beginRequest(): boolean {
    return this.#limits.beginRequest();
  }

  endRequest(): void {
    this.#limits.endRequest();
  }
}

/** Who pays for the requests of one connection. */
export class Visitor {
  readonly #gate: Gate;
  readonly #address: string;
  #addressPayer: Payer | undefined;
  #user: string | undefined;
  #userPayer: Payer | undefined;

  constructor(gate: Gate, address: string) {
    this.#gate = gate;
    this.#address = address;
  }

  /**
   * One request or command.
   * @param user who has authenticated, where somebody has to; else the address pays
   * @param sameInstant see {@link RateLimits.take}
   * @returns 0, or the ms until there is room for it
   */
  take(user: string | undefined, sameInstant = false): number {
    const { rates } = this.#gate;
    if (!rates.active) return 0;
    const kind: RateKind = user === undefined ? 'perAddress' : 'perUser';
    const wait = rates.take(kind, user === undefined ? this.#byAddress() : this.#byUser(user), sameInstant);
    if (wait > 0) this.#gate.hit(`rate.${kind}`);
    return wait;
  }

  #byAddress(): Payer {
    this.#addressPayer ??= this.#gate.rates.payer(this.#address);
    return this.#addressPayer;
  }

  #byUser(user: string): Payer {
    if (this.#userPayer === undefined || this.#user !== user) {
      this.#user = user;
      this.#userPayer = this.#gate.rates.payer(user);
    }
    return this.#userPayer;
  }
}
