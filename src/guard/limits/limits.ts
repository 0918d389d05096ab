import { ByteBudget } from './byte-budget.ts';
import { Gate, type GateOptions, type LimitName, type SharedLimits } from './gate.ts';
import { RateLimits, type RateSettings } from './rate-limits.ts';

/** What clients of a node may take up together; 0: no bound. */
export interface LimitSettings {
  /** Connections to all listeners. The one for administration counts, and is not refused by it. */
  readonly totalConnections: number;
  /** Connections from one address to all listeners; undefined: 1000, and none at listeners bound to loopback. */
  readonly connectionsPerAddress?: number | undefined;
  readonly rate: RateSettings;
  readonly inFlight: {
    /** HTTP requests being answered. */
    readonly requests: number;
    /** Bodies and commands that were received and not yet used. */
    readonly bytes: number;
  };
  /** Answers that clients have not taken yet. */
  readonly outputBytes: number;
}

const OUT_OF_BOX_PER_ADDRESS = 1000;

/** How much clients may ask for: one object for all listeners of a node. */
export class Limits implements SharedLimits {
  readonly rates: RateLimits;
  /** What came in and waits. */
  readonly input: ByteBudget;
  /** What is to go out and waits. */
  readonly output: ByteBudget;
  readonly #gates: Gate[] = [];
  readonly #byAddress = new Map<string, number>();
  #settings: LimitSettings;
  #connections = 0;
  #requests = 0;

  /** @param now monotonic, ms. @param seed random */
  constructor(settings: LimitSettings, now: () => number, seed: readonly [number, number]) {
    this.#settings = settings;
    this.rates = new RateLimits(settings.rate, now, seed);
    this.input = new ByteBudget(settings.inFlight.bytes);
    this.output = new ByteBudget(settings.outputBytes);
  }

  /** Takes other settings. Connections that are open stay; bytes above a lower bound are shed when more come. */
  replace(settings: LimitSettings): void {
    this.#settings = settings;
    this.rates.replace(settings.rate);
    this.input.limit = settings.inFlight.bytes;
    this.output.limit = settings.outputBytes;
  }

  /** The way in through one listener. */
  gate(options: GateOptions): Gate {
    const gate = new Gate(this, options);
    this.#gates.push(gate);
    return gate;
  }

  get gates(): readonly Gate[] {
    return this.#gates;
  }

  /** Open connections over all gates. */
  get connections(): number {
    return this.#connections;
  }

  /** Addresses they come from. */
  get addresses(): number {
    return this.#byAddress.size;
  }

  /** HTTP requests being answered; those whose body is still coming are not counted. */
  get requests(): number {
    return this.#requests;
  }

  /** Counts a connection in, or says which limit is in its way. */
  enter(address: string, { isAdmin, loopbackOnly }: GateOptions): LimitName | undefined {
    const { totalConnections, connectionsPerAddress } = this.#settings;
    if (totalConnections > 0 && this.#connections >= totalConnections && !isAdmin) return 'totalConnections';
    const here = this.#byAddress.get(address) ?? 0;
    const perAddress = connectionsPerAddress ?? (loopbackOnly ? 0 : OUT_OF_BOX_PER_ADDRESS);
    if (perAddress > 0 && here >= perAddress) return 'connectionsPerAddress';
    this.#connections++;
    this.#byAddress.set(address, here + 1);
    return undefined;
  }

  leave(address: string): void {
    this.#connections--;
    const here = (this.#byAddress.get(address) ?? 1) - 1;
    if (here === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, here);
  }

  /** A request is to be answered. @returns whether there is room for it; it counts in either case */
  beginRequest(): boolean {
    this.#requests++;
    const { requests } = this.#settings.inFlight;
    return requests === 0 || this.#requests <= requests;
  }

  endRequest(): void {
    this.#requests--;
  }
}
