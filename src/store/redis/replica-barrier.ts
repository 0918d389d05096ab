import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { ReplySource } from '../../link/upstream.ts';
import type { ReplicaWait } from '../ports.ts';
import { ReplicaLine } from './replica-line.ts';

/** Changes under way and waiting, of all servers together. */
const MAX_INSIDE = 16_384;

/** A change that was accepted. */
export interface Accepted<Result> {
  readonly result: Result;
  /** Until replicas have it. STORE_TIMEOUT: it is not known that they do; it stays accepted. */
  readonly kept: Promise<void>;
}

/** Where changes that a server has accepted wait until its replicas have them, all that wait at a time together. */
export class ReplicaBarrier {
  readonly #clock: Clock;
  /** By the connection that brought the answers, and by how many replicas are waited for. */
  readonly #lines = new Map<ReplySource, Map<number, ReplicaLine>>();
  #inside = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Changes under way and waiting. */
  get size(): number {
    return this.#inside;
  }

  /**
   * @param key one of Sluice's own that may be overwritten, in the slot of what is changed
   * @param change undefined: nothing was changed, and nothing is waited for
   * @throws SluiceError OVERLOADED (it was not made) and what `change` throws
   */
  async after<Result>(
    key: ByteString,
    wait: ReplicaWait,
    change: (answered: (source: ReplySource) => void) => Promise<Result | undefined>,
  ): Promise<Accepted<Result> | undefined> {
    if (this.#inside >= MAX_INSIDE)
      throw new SluiceError('OVERLOADED', `${MAX_INSIDE} changes wait for replicas already; it was not made`);
    this.#inside++;
    let source: ReplySource | undefined;
    let result: Result | undefined;
    try {
      result = await change((from) => {
        source = from;
      });
    } finally {
      if (result === undefined) this.#inside--;
    }
    if (result === undefined) return undefined;
    const kept = this.#reached(source, key, wait).finally(() => {
      this.#inside--;
    });
    // Who asked may have gone.
    kept.catch(() => undefined);
    return { result, kept };
  }

  /** What waits is told that it is not known. */
  close(): void {
    this.#closed = true;
    for (const lines of this.#lines.values()) for (const line of lines.values()) line.end('Sluice closes');
    this.#lines.clear();
  }

  #reached(source: ReplySource | undefined, key: ByteString, { replicas, timeout }: ReplicaWait): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (why: string): void => {
        const where = source?.name ?? 'the store';
        const what = replicas === 1 ? 'a replica' : `${replicas} replicas`;
        reject(
          new SluiceError(
            'STORE_TIMEOUT',
            `${where} accepted it and it will be written unless that server is lost: it is not known to be on ${what} (${why})`,
          ),
        );
      };
      if (source === undefined) refuse('it is not known which server took it');
      else if (this.#closed) refuse('Sluice closes');
      else {
        const deadline = this.#clock.monotonic() + timeout;
        this.#line(source, replicas).join({ key, deadline, kept: resolve, unknown: refuse });
      }
    });
  }

  #line(source: ReplySource, replicas: number): ReplicaLine {
    const lines = this.#lines.get(source) ?? new Map<number, ReplicaLine>();
    this.#lines.set(source, lines);
    const known = lines.get(replicas);
    if (known !== undefined) return known;
    const line = new ReplicaLine({
      source,
      replicas,
      clock: this.#clock,
      over: () => {
        if (lines.get(replicas) === line) lines.delete(replicas);
        if (lines.size === 0 && this.#lines.get(source) === lines) this.#lines.delete(source);
      },
    });
    lines.set(replicas, line);
    return line;
  }
}
