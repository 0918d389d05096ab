import { utf8ToBytes } from '../../kernel/bytes.ts';
import { acknowledgeRecords } from '../decisions/acknowledge-records.ts';
import { appendRecords } from '../decisions/append-records.ts';
import { toBytes } from '../decisions/arguments.ts';
import { claimArgs, claimedRecords, claimRecords } from '../decisions/claim-records.ts';
import { countRecords } from '../decisions/count-records.ts';
import { readArgs, readRecords } from '../decisions/read-records.ts';
import { removeRecords } from '../decisions/remove-records.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, ClaimedRecord, KeyInput, RecordClaim, RecordLog } from '../ports.ts';
import type { EmbeddedTurn } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `RecordLog` port among the internal keys. */
export class EmbeddedRecordLog implements RecordLog {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  async append(log: KeyInput, records: readonly KeyInput[], options?: CallOptions): Promise<number> {
    const { next, records: all, waiting } = keys.log(toBytes(log));
    return (await this.#turn.decide(appendRecords, [next, all, waiting], records.map(toBytes), options)) as number;
  }

  async claim(log: KeyInput, claim: RecordClaim, options?: CallOptions): Promise<ClaimedRecord[]> {
    const { waiting, claimed, records } = keys.log(toBytes(log));
    const names = [waiting, claimed, records];
    return claimedRecords(await this.#turn.decide(claimRecords, names, claimArgs(claim), options));
  }

  async acknowledge(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number> {
    const { claimed, records } = keys.log(toBytes(log));
    return (await this.#turn.decide(acknowledgeRecords, [claimed, records], ids.map(utf8ToBytes), options)) as number;
  }

  async read(
    log: KeyInput,
    range: { readonly after?: string; readonly count: number },
    options?: CallOptions,
  ): Promise<ClaimedRecord[]> {
    const { waiting, records } = keys.log(toBytes(log));
    return claimedRecords(await this.#turn.decide(readRecords, [waiting, records], readArgs(range), options));
  }

  async remove(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number> {
    const { waiting, records } = keys.log(toBytes(log));
    return (await this.#turn.decide(removeRecords, [waiting, records], ids.map(utf8ToBytes), options)) as number;
  }

  async size(log: KeyInput, options?: CallOptions): Promise<{ readonly waiting: number; readonly claimed: number }> {
    const { waiting, claimed } = keys.log(toBytes(log));
    const sizes = await this.#turn.decide(countRecords, [waiting, claimed], [], options);
    const [waits, taken] = sizes as [number, number];
    return { waiting: waits, claimed: taken };
  }
}
