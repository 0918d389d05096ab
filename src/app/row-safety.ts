import { SluiceError } from '../errors.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { PassTarget } from '../store/buffered/buffer.ts';
import type { DirtySet, RecordLog } from '../store/ports.ts';
import type { NodeLog } from '../telemetry/log.ts';
import type { StoreReport } from './inspect-store.ts';
import type { StorePromise } from './store-promises.ts';

export interface RowSafetyOptions {
  /** Asks the servers. */
  readonly inspect: () => Promise<StoreReport>;
  readonly clock: Clock;
  readonly log: ReturnType<NodeLog['part']>;
}

/** Servers may be set up anew while Sluice runs; those that cannot be asked are asked again soon. */
const ASK_MS = 60_000;
const ASK_AGAIN_MS = 2_000;
/** A start does not wait longer for servers that do not answer. */
const FIRST_MS = 3_000;
/** What bears on rows that wait in the store. */
const subjects: ReadonlySet<string> = new Set(['memory', 'durability', 'disk', 'replication', 'failover', 'cluster']);

/**
 * Whether the servers behind keep rows until they are written. What they promise is told in the log; a server that may evict what has no
 * time to live is not used.
 */
export class RowSafety {
  /** Why no row may be accepted at present. */
  refusal: SluiceError | undefined;
  readonly #options: RowSafetyOptions;
  #told = '';
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: RowSafetyOptions) {
    this.#options = options;
  }

  /** Asks for the first time, and from then on. One that is away is asked later. @throws SluiceError CONFIG_INVALID when rows could be evicted */
  async start(): Promise<void> {
    let timer: Timer | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = this.#options.clock.setTimer(resolve, FIRST_MS);
    });
    await Promise.race([this.#look(), patience]);
    timer?.cancel();
    if (this.refusal === undefined) return;
    this.close();
    throw new SluiceError('CONFIG_INVALID', this.refusal.message);
  }

  /** The same rows, of which none is accepted while there is a refusal. */
  guard<Rows extends Pick<PassTarget, 'put' | 'pass'>>(rows: Rows): Rows {
    const put = rows.put.bind(rows);
    const pass = rows.pass.bind(rows);
    return Object.assign(rows, {
      put: (...args: Parameters<DirtySet['put']>) => {
        if (this.refusal !== undefined) throw this.refusal;
        return put(...args);
      },
      pass: async (...args: Parameters<PassTarget['pass']>) => {
        if (this.refusal !== undefined) throw this.refusal;
        return pass(...args);
      },
    });
  }

  /** The same records, of which none is accepted while there is a refusal. */
  guardRecords(records: RecordLog): RecordLog {
    const append = records.append.bind(records);
    return Object.assign(records, {
      append: async (...args: Parameters<RecordLog['append']>) => {
        // Dead letters are rows that were accepted before.
        if (this.refusal !== undefined && String(args[0]).startsWith('records:')) throw this.refusal;
        return append(...args);
      },
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { inspect, clock } = this.#options;
    let next = ASK_MS;
    try {
      const report = await inspect();
      if (!this.#closed) this.#judge(report);
    } catch {
      // The connections of the store tell why.
      next = ASK_AGAIN_MS;
    }
    if (!this.#closed) this.#timer = clock.setTimer(() => void this.#look(), next);
  }

  #judge(report: StoreReport): void {
    this.refusal = evictionOf(report);
    const { log } = this.#options;
    const promises = report.servers.flatMap(({ facts, promises: all }) =>
      all.filter(({ about }) => subjects.has(about)).map((promise) => ({ server: facts.address, promise })),
    );
    const whole = report.promises
      .filter(({ about }) => subjects.has(about))
      .map((promise) => ({ server: report.store, promise }));
    const all = [...whole, ...promises];
    const told = JSON.stringify([all, this.refusal?.message]);
    if (told === this.#told) return;
    this.#told = told;
    for (const { server, promise } of all) {
      const fields = { server, about: promise.about };
      const text = `rows that wait in the store: it ${sentence(promise)}`;
      if (promise.verdict === 'can') log.info(fields, text);
      else log.warn(fields, text);
    }
    for (const { facts } of report.servers) {
      if (facts.maxMemory === 0 && isEvicting(facts.maxMemoryPolicy))
        log.warn(
          { server: facts.address },
          `maxmemory-policy is ${facts.maxMemoryPolicy}: once maxmemory is set, rows that wait may be evicted; set noeviction`,
        );
    }
    if (this.refusal !== undefined) log.error({ err: this.refusal }, 'rows are refused until that is mended');
  }
}

/** What has no time to live may be evicted, as rows that wait have none. */
function isEvicting(policy: string | undefined): boolean {
  return policy?.startsWith('allkeys-') === true;
}

function evictionOf({ servers }: StoreReport): SluiceError | undefined {
  const server = servers.find(({ facts }) => facts.maxMemory !== 0 && isEvicting(facts.maxMemoryPolicy));
  if (server === undefined) return undefined;
  const { address, maxMemoryPolicy } = server.facts;
  return new SluiceError(
    'STORE_READ_ONLY',
    `writeBehind keeps rows in ${address} until they are written, but its maxmemory-policy is ${maxMemoryPolicy}: it may evict them; set it to noeviction, or to a volatile- policy`,
  );
}

function sentence({ verdict, text }: StorePromise): string {
  if (verdict === 'unknown') return `does not say ${text}`;
  return `${verdict} ${text}`;
}
