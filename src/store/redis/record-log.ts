import { utf8ToBytes } from '../../kernel/bytes.ts';
import { acknowledgeRecords } from '../decisions/acknowledge-records.ts';
import { appendRecords } from '../decisions/append-records.ts';
import { toBytes } from '../decisions/arguments.ts';
import { claimArgs, claimedRecords, claimRecords } from '../decisions/claim-records.ts';
import { countRecords } from '../decisions/count-records.ts';
import type { CallOptions, ClaimedRecord, KeyInput, RecordLog } from '../ports.ts';
import type { RedisCalls } from './redis-calls.ts';

/** The `RecordLog` port; leases end by the clock of the server. */
export class RedisRecordLog implements RecordLog {
  readonly #calls: RedisCalls;

  constructor(calls: RedisCalls) {
    this.#calls = calls;
  }

  async append(log: KeyInput, records: readonly KeyInput[], options?: CallOptions): Promise<number> {
    const { next, records: all, waiting } = this.#calls.keys.log(toBytes(log));
    const args = records.map(toBytes);
    return (await this.#calls.decide(appendRecords, [next, all, waiting], args, options)) as number;
  }

  async claim(
    log: KeyInput,
    claim: { readonly count: number; readonly lease: number },
    options?: CallOptions,
  ): Promise<ClaimedRecord[]> {
    const { waiting, claimed, records } = this.#calls.keys.log(toBytes(log));
    const names = [waiting, claimed, records];
    return claimedRecords(await this.#calls.decide(claimRecords, names, claimArgs(claim), options));
  }

  async acknowledge(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number> {
    const { claimed, records } = this.#calls.keys.log(toBytes(log));
    const args = ids.map(utf8ToBytes);
    return (await this.#calls.decide(acknowledgeRecords, [claimed, records], args, options)) as number;
  }

  async size(log: KeyInput, options?: CallOptions): Promise<{ readonly waiting: number; readonly claimed: number }> {
    const { waiting, claimed } = this.#calls.keys.log(toBytes(log));
    const sizes = await this.#calls.decide(countRecords, [waiting, claimed], [], options);
    const [waits, taken] = sizes as [number, number];
    return { waiting: waits, claimed: taken };
  }
}
