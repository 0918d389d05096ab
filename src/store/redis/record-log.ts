import { SluiceError } from '../../errors.ts';
import { utf8ToBytes } from '../../kernel/bytes.ts';
import { acknowledgeRecords } from '../decisions/acknowledge-records.ts';
import { appendRecords } from '../decisions/append-records.ts';
import { toBytes } from '../decisions/arguments.ts';
import { claimArgs, claimedRecords, claimRecords } from '../decisions/claim-records.ts';
import { countRecords } from '../decisions/count-records.ts';
import { readArgs, readRecords } from '../decisions/read-records.ts';
import { removeRecords } from '../decisions/remove-records.ts';
import type { AppendOptions, CallOptions, ClaimedRecord, KeyInput, RecordClaim, RecordLog } from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';
import type { ReplicaBarrier } from './replica-barrier.ts';

/** Each is looked for along the list: a longer script holds up everybody else on the server. */
const MAX_REMOVED_A_CALL = 50;

/** The `RecordLog` port; leases end by the clock of the server. */
export class RedisRecordLog implements RecordLog {
  readonly #calls: RedisCalls;
  readonly #replicas: ReplicaBarrier | undefined;

  /** @param replicas where records wait that are to be on replicas; without, there are none such */
  constructor(calls: RedisCalls, replicas?: ReplicaBarrier) {
    this.#calls = calls;
    this.#replicas = replicas;
  }

  async append(
    log: KeyInput,
    records: readonly KeyInput[],
    { replica, ...options }: AppendOptions = {},
  ): Promise<number> {
    const { next, records: all, waiting, barrier } = this.#calls.keys.log(toBytes(log));
    const keys = [next, all, waiting];
    const args = records.map(toBytes);
    if (replica === undefined) return (await this.#calls.decide(appendRecords, keys, args, options)) as number;
    if (this.#replicas === undefined) throw new SluiceError('NOT_SUPPORTED', 'there are no replicas to wait for');
    const appended = await this.#replicas.after(
      barrier,
      replica,
      async (answered) => (await this.#calls.decide(appendRecords, keys, args, { ...options, answered })) as number,
    );
    await appended?.kept;
    return appended?.result as number;
  }

  async claim(log: KeyInput, claim: RecordClaim, options?: CallOptions): Promise<ClaimedRecord[]> {
    const { waiting, claimed, records } = this.#calls.keys.log(toBytes(log));
    const names = [waiting, claimed, records];
    return claimedRecords(await this.#calls.decide(claimRecords, names, claimArgs(claim), options));
  }

  async acknowledge(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number> {
    const { claimed, records } = this.#calls.keys.log(toBytes(log));
    const args = ids.map(utf8ToBytes);
    return (await this.#calls.decide(acknowledgeRecords, [claimed, records], args, options)) as number;
  }

  async read(
    log: KeyInput,
    range: { readonly after?: string; readonly count: number },
    options?: CallOptions,
  ): Promise<ClaimedRecord[]> {
    const { waiting, records } = this.#calls.keys.log(toBytes(log));
    return claimedRecords(await this.#calls.decide(readRecords, [waiting, records], readArgs(range), options));
  }

  async remove(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number> {
    const { waiting, records } = this.#calls.keys.log(toBytes(log));
    let removed = 0;
    for (let from = 0; from < ids.length; from += MAX_REMOVED_A_CALL) {
      const args = ids.slice(from, from + MAX_REMOVED_A_CALL).map(utf8ToBytes);
      removed += (await this.#calls.decide(removeRecords, [waiting, records], args, options)) as number;
    }
    return removed;
  }

  async size(log: KeyInput, options?: CallOptions): Promise<{ readonly waiting: number; readonly claimed: number }> {
    const { waiting, claimed } = this.#calls.keys.log(toBytes(log));
    const sizes = await this.#calls.decide(countRecords, [waiting, claimed], [], options);
    const [waits, taken] = sizes as [number, number];
    return { waiting: waits, claimed: taken };
  }
}
