import { Histogram } from '../kernel/histogram.ts';
import { askServer, firstAnswer } from './ask-server.ts';
import { type ClusterMap, parseClusterSlots } from './cluster-map.ts';
import { type Endpoint, nameOf } from './link-connection.ts';
import { type LinkContext, NodeLink } from './node-link.ts';
import { SLOTS } from './slot.ts';
import type { UpstreamNode } from './upstream.ts';

export interface ClusterNodesOptions {
  readonly seeds: readonly Endpoint[];
  readonly context: LinkContext;
  /** The slot goes to another node from now on; called before it does. */
  readonly changing: (slot: number) => void;
  /** The map has changed. */
  readonly changed: () => void;
}

/** Between two questions for the map, ms: at least, while something is wrong, and when all is well. */
const PAUSE_MS = 50;
const UNSURE_MS = 250;
const SURE_MS = 5000;
/** How long a redirection stands against maps of nodes that may not have heard of it yet, ms. */
const MENDED_MS = 3000;
/** How long a node without slots is kept, ms. */
const UNUSED_MS = 10_000;
/** Those who wait for a change look again after this, ms. */
const LOOK_AGAIN_MS = 50;

interface Known {
  readonly link: NodeLink;
  readonly endpoint: Endpoint;
  wantedAt: number;
  inMap: boolean;
}

/**
 * The nodes of a cluster and who has which slot. The map (`CLUSTER SLOTS`) is asked for at the start, after a redirection, while a
 * node is away, and every few seconds; whoever has it is asked, one question at a time.
 */
export class ClusterNodes {
  /** By slot. */
  readonly owners: (NodeLink | undefined)[] = new Array(SLOTS);
  /** Those with slots, in the order of their names. */
  primaries: readonly NodeLink[] = [];
  /** Changes with the map: two maps that differ have different ones, most likely. 32 bits. */
  fingerprint = 0;
  /** What there is before the first map. */
  readonly seed: { -readonly [Name in keyof UpstreamNode]: UpstreamNode[Name] };
  readonly #options: ClusterNodesOptions;
  readonly #known = new Map<string, Known>();
  readonly #mended = new Map<number, { readonly link: NodeLink; readonly at: number }>();
  #replicas: readonly Endpoint[] = [];
  #favourite: NodeLink | undefined;
  readonly #waiting: (() => void)[] = [];
  #waitTimer: { cancel(): void } | undefined;
  #timer: { cancel(): void } | undefined;
  #hint: Endpoint | undefined;
  #asking = false;
  #askAgain = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #turn = 0;
  #closed = false;

  constructor(options: ClusterNodesOptions) {
    this.#options = options;
    const counters = { reconnects: 0, commands: 0, overloaded: 0, unknown: 0, away: 0, retries: 0 };
    this.seed = {
      name: options.seeds.map(nameOf).join(','),
      state: 'connecting',
      tracking: false,
      ...{ inFlight: 0, queued: 0, dedicated: 0 },
      counters: { ...counters, invalidations: 0, flushes: 0 },
      roundTrips: new Histogram(),
    };
    this.refresh();
  }

  /** A map was had. */
  get isKnown(): boolean {
    return this.primaries.length > 0;
  }

  /** What one would say is wrong when nobody has a slot. */
  reason = 'the cluster has not been reached yet';

  /** A node for what has no key: always the same one while it is up, so that what a client sends stays in order. */
  any(): NodeLink | undefined {
    const { primaries } = this;
    if (this.#favourite?.state !== 'up' || !primaries.includes(this.#favourite))
      this.#favourite = primaries.find(({ state }) => state === 'up') ?? primaries[0];
    return this.#favourite;
  }

  /** The link to a node, made when there is none. */
  link(endpoint: Endpoint): NodeLink {
    const name = nameOf(endpoint);
    const { context } = this.#options;
    let known = this.#known.get(name);
    if (known === undefined) {
      const link = new NodeLink(name, () => Promise.resolve(endpoint), {
        ...context,
        database: 0,
        primary: 'tracked',
        onState: (node, reason) => {
          // One that was given up has nothing more to say.
          if (this.#known.get(name)?.link !== link) return;
          context.onState?.(node, reason);
          if (node.state !== 'up') this.refresh();
        },
      });
      known = { link, endpoint, wantedAt: 0, inMap: false };
      this.#known.set(name, known);
    }
    known.wantedAt = context.clock.monotonic();
    return known.link;
  }

  endpointOf(link: NodeLink): Endpoint {
    return this.#known.get(link.name)?.endpoint ?? (this.#options.seeds[0] as Endpoint);
  }

  /** A node said that the slot is there. */
  moved(slot: number, endpoint: Endpoint): void {
    const link = this.link(endpoint);
    this.#mended.set(slot, { link, at: this.#options.context.clock.monotonic() });
    this.#hint = endpoint;
    this.refresh();
    if (this.owners[slot] === link) return;
    this.#options.changing(slot);
    this.owners[slot] = link;
    this.#options.changed();
  }

  /** Asks for the map soon. */
  refresh(): void {
    if (this.#closed) return;
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    const { clock } = this.#options.context;
    this.#schedule(Math.max(0, this.#askedAt + PAUSE_MS - clock.monotonic()));
  }

  /** Calls back when the map has changed, or after a moment. */
  later(run: () => void): void {
    this.#waiting.push(run);
    this.#waitTimer ??= this.#options.context.clock.setTimer(() => this.#goOn(), LOOK_AGAIN_MS);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const { link } of this.#known.values()) link.close();
    this.#goOn();
  }

  get closed(): boolean {
    return this.#closed;
  }

  #schedule(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.context.clock.setTimer(() => void this.#ask(), ms);
  }

  async #ask(): Promise<void> {
    const { clock, login, random } = this.#options.context;
    this.#asking = true;
    this.#askAgain = false;
    this.#askedAt = clock.monotonic();
    try {
      const map = await firstAnswer(
        this.#whom(),
        async (endpoint) => parseClusterSlots(await askServer(endpoint, login, ['CLUSTER', 'SLOTS'], clock), endpoint),
        clock,
      );
      if (!this.#closed) this.#apply(map);
    } catch (error) {
      this.reason = (error as Error).message;
      if (!this.isKnown) this.#setSeedState('down', this.reason);
    }
    this.#asking = false;
    if (this.#closed) return;
    const isSure = this.isKnown && this.primaries.every(({ state }) => state === 'up');
    if (this.#askAgain) this.refresh();
    else this.#schedule((isSure ? SURE_MS : UNSURE_MS) * (0.75 + random() / 2));
  }

  /** Who may know, the likeliest first, others in turn: one node may be cut off from the rest. */
  #whom(): readonly Endpoint[] {
    const turn = this.#turn++;
    const rotated = <T>(all: readonly T[]): T[] =>
      all.length === 0 ? [] : [...all.slice(turn % all.length), ...all.slice(0, turn % all.length)];
    const isUp = ({ state }: NodeLink): boolean => state === 'up';
    const all = [
      ...(this.#hint === undefined ? [] : [this.#hint]),
      ...rotated(this.primaries.filter(isUp)).map((link) => this.endpointOf(link)),
      ...rotated(this.#replicas),
      ...rotated(this.#options.seeds),
      ...this.primaries.map((link) => this.endpointOf(link)),
    ];
    this.#hint = undefined;
    return [...new Map(all.map((endpoint) => [nameOf(endpoint), endpoint])).values()];
  }

  #apply({ primaries, replicas, owners }: ClusterMap): void {
    const { changing, changed, context } = this.#options;
    const now = context.clock.monotonic();
    const links = primaries.map((endpoint) => this.link(endpoint));
    for (const [slot, { at }] of this.#mended) if (now - at > MENDED_MS) this.#mended.delete(slot);
    let hasChanged = false;
    let hash = 0x811c9dc5;
    for (let slot = 0; slot < SLOTS; slot++) {
      const index = owners[slot] as number;
      const owner = this.#mended.get(slot)?.link ?? links[index];
      hash = Math.imul(hash ^ (index + 1), 0x01000193);
      if (owner === this.owners[slot]) continue;
      hasChanged = true;
      changing(slot);
      this.owners[slot] = owner;
    }
    for (const { name } of links)
      for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    this.fingerprint = hash >>> 0;
    this.primaries = links;
    this.#replicas = replicas;
    this.reason = 'no node of the cluster has its slot';
    this.#retire(new Set([...links, ...[...this.#mended.values()].map(({ link }) => link)]), now);
    this.#setSeedState('up', '');
    if (!hasChanged) return;
    changed();
    this.#goOn();
  }

  /** Nodes that have no slots any more: those that are away at once, others when nobody uses them. */
  #retire(used: ReadonlySet<NodeLink>, now: number): void {
    for (const [name, known] of this.#known) {
      const { link, inMap, wantedAt } = known;
      known.inMap = used.has(link);
      if (known.inMap) {
        known.wantedAt = now;
        continue;
      }
      if (inMap) link.giveBack();
      const unusedFor = now - wantedAt;
      const isIdle = link.inFlight + link.queued + link.dedicated === 0;
      if ((!inMap || link.isReachable) && unusedFor < (isIdle ? UNUSED_MS : 3 * UNUSED_MS)) continue;
      this.#known.delete(name);
      link.close();
    }
  }

  #setSeedState(state: UpstreamNode['state'], reason: string): void {
    if (this.seed.state === state) return;
    this.seed.state = state;
    this.#options.context.onState?.(this.seed, reason);
  }

  #goOn(): void {
    this.#waitTimer?.cancel();
    this.#waitTimer = undefined;
    for (const run of this.#waiting.splice(0)) run();
  }
}
