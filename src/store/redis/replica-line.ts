import type { ByteString } from '../../kernel/bytes.ts';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { OwnConnection, ReplySource } from '../../link/upstream.ts';
import { encodeCommand } from '../../resp/encode-command.ts';

/** A change that was accepted and waits for replicas. */
export interface ReplicaWaiter {
  /** One of Sluice's own, in the slot of the change. */
  readonly key: ByteString;
  /** Monotonic ms. */
  readonly deadline: number;
  kept(): void;
  unknown(why: string): void;
}

export interface ReplicaLineOptions {
  /** The connection over which the answers came. */
  readonly source: ReplySource;
  readonly replicas: number;
  readonly clock: Clock;
  /** Nobody has waited for a while, or nothing can be known here any more. */
  readonly over: () => void;
}

/** What a server says of itself. */
interface History {
  /** Another one after each start of the process, and whenever it becomes a primary; undefined: it is none, or does not tell. */
  readonly id: ByteString | undefined;
  readonly why: string;
}

/** How long the server waits for replicas at a time, ms: what has come meanwhile has its turn after that. */
const WAIT_MS = 200;
/** It answers before the time of the last is over, so that it can be said what is missing. */
const MARGIN_MS = 20;
/** An answer that is so much later never comes, ms. */
const PATIENCE_MS = 2_000;
/** Before a connection is made again, ms. */
const PAUSE_MS = 100;
/** A line nobody waits in is given up, ms. */
const IDLE_MS = 30_000;
/** The mark that is written goes by itself, ms. */
const MARK_TTL_MS = '60000';

const CHANGED = 'the server has been something else than this primary since';
const info = encodeCommand(['INFO', 'replication']);

/**
 * Changes whose answers came over one connection, until replicas have them. Over a connection of its own to the same address a mark is
 * written and waited for (WAIT): the stream of a primary has one order, so who has the mark has all that was answered before.
 *
 * That holds for one primary alone, and what an address leads to may change. So both connections are asked for the id of the history of their
 * server, and what was changed counts as kept only where the ids are the same: it was the same process, and a primary all the time.
 */
export class ReplicaLine {
  readonly #options: ReplicaLineOptions;
  /** They are in the round that runs; others came since it began. */
  #group: ReplicaWaiter[] = [];
  #next: ReplicaWaiter[] = [];
  /** As the server of the source told. */
  #history: ByteString | undefined;
  #own: OwnConnection | undefined;
  #running = false;
  #ended = false;
  /** Why the last round came to nothing. */
  #trouble: string | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #due: Timer | undefined;
  #idle: Timer | undefined;

  constructor(options: ReplicaLineOptions) {
    this.#options = options;
  }

  join(waiter: ReplicaWaiter): void {
    this.#next.push(waiter);
    if (waiter.deadline < this.#dueAt) this.#watch(waiter.deadline);
    if (this.#running) return;
    this.#idle?.cancel();
    void this.#run();
  }

  /** Nothing more will be known. */
  end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#due?.cancel();
    this.#idle?.cancel();
    this.#disconnect(why);
    this.#options.over();
    for (const waiter of [...this.#group.splice(0), ...this.#next.splice(0)]) waiter.unknown(why);
  }

  async #run(): Promise<void> {
    this.#running = true;
    const { clock, source } = this.#options;
    while (!this.#ended && this.#group.length + this.#next.length > 0) {
      if (this.#history === undefined) {
        const { id, why } = await this.#historyOfSource();
        // Who has come meanwhile was answered over the same connection.
        if (id === undefined) this.end(why);
        this.#history = id;
        continue;
      }
      this.#group.push(...this.#next.splice(0));
      await this.#round(this.#history);
    }
    this.#running = false;
    if (!this.#ended) this.#idle = clock.setTimer(() => this.end(`${source.name} is not used`), IDLE_MS);
  }

  #historyOfSource(): Promise<History> {
    return new Promise((resolve) => {
      this.#options.source.send(info, {
        replied: (frame) => resolve(historyIn(frame)),
        failed: (error) => resolve({ id: undefined, why: error.message }),
      });
    });
  }

  async #round(history: ByteString): Promise<void> {
    const { replicas, clock } = this.#options;
    const last = this.#group.at(-1);
    if (last === undefined) return;
    const latest = this.#group.reduce((most, { deadline }) => Math.max(most, deadline), 0);
    const wait = Math.max(MARGIN_MS, Math.min(WAIT_MS, Math.ceil(latest - clock.monotonic() - MARGIN_MS)));
    const replies = await this.#ask(last.key, wait);
    if (this.#ended) return;
    if (typeof replies === 'string') {
      this.#trouble = replies;
      this.#disconnect(replies);
      const { id, why } = await this.#historyOfSource();
      if (id !== history) this.end(id === undefined ? why : CHANGED);
      else await new Promise<void>((resolve) => clock.setTimer(resolve, PAUSE_MS));
      return;
    }
    const [mark, waited, told] = replies as [ByteString, ByteString, ByteString];
    if (/^-(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/.test(mark)) {
      const why = `its slot is not here any more: ${mark.slice(1, -2)}`;
      this.#refuse(({ key }) => key === last.key, why);
      return;
    }
    const { id, why } = historyIn(told);
    const refusal = [mark, waited].find((reply) => reply.startsWith('-'));
    if (refusal !== undefined || id !== history) {
      // What came meanwhile may belong to what was before, too.
      this.end(refusal?.slice(1, -2) ?? (id === undefined ? why : CHANGED));
      return;
    }
    const have = Number(waited.slice(1, -2));
    this.#trouble = have === 1 ? 'one has it' : `${have} have it`;
    if (have < replicas) return;
    for (const waiter of this.#group.splice(0)) waiter.kept();
  }

  /** @returns three replies, or why there are none */
  #ask(key: ByteString, wait: number): Promise<readonly ByteString[] | string> {
    const { replicas, clock, source } = this.#options;
    return new Promise((resolve) => {
      const replies: ByteString[] = [];
      const own = (this.#own ??= source.another({
        closed: () => {
          if (this.#own === own) this.#own = undefined;
        },
      }));
      const late = clock.setTimer(() => own.destroy(`no answer within ${wait + PATIENCE_MS} ms`), wait + PATIENCE_MS);
      const over = (result: readonly ByteString[] | string): void => {
        late.cancel();
        resolve(result);
      };
      // A write: after a mere question newer servers wait for nothing.
      const text =
        encodeCommand(['SET', key, '', 'PX', MARK_TTL_MS]) +
        encodeCommand(['WAIT', String(replicas), String(wait)]) +
        info;
      const receiver = {
        replied: (frame: ByteString) => {
          if (replies.push(frame) === 3) over(replies);
        },
        failed: (error: Error) => over(error.message),
      };
      own.send(text, receiver, 3);
    });
  }

  #disconnect(why: string): void {
    const own = this.#own;
    this.#own = undefined;
    own?.destroy(why);
  }

  /** The next whose time is over is told at that time. */
  #watch(at: number): void {
    const { clock } = this.#options;
    this.#due?.cancel();
    this.#dueAt = at;
    this.#due = clock.setTimer(() => this.#expire(), Math.max(0, Math.ceil(at - clock.monotonic())));
  }

  #expire(): void {
    const now = this.#options.clock.monotonic();
    this.#dueAt = Number.POSITIVE_INFINITY;
    this.#refuse(({ deadline }) => deadline <= now, this.#trouble ?? 'it did not answer in time');
    const all = [...this.#group, ...this.#next];
    const next = all.reduce((least, { deadline }) => Math.min(least, deadline), Number.POSITIVE_INFINITY);
    if (all.length > 0) this.#watch(next);
  }

  #refuse(which: (waiter: ReplicaWaiter) => boolean, why: string): void {
    const refused = [...this.#group, ...this.#next].filter(which);
    this.#group = this.#group.filter((waiter) => !which(waiter));
    this.#next = this.#next.filter((waiter) => !which(waiter));
    for (const waiter of refused) waiter.unknown(why);
  }
}

function historyIn(reply: ByteString): History {
  if (reply.startsWith('-')) return { id: undefined, why: reply.slice(1, -2) };
  if (!/\nrole:master\r/.test(reply)) return { id: undefined, why: 'the server is not a primary any more' };
  const id = /\nmaster_replid:(\w+)\r/.exec(reply)?.[1];
  return { id, why: 'the server does not tell its replication id' };
}
