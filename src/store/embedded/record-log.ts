import { bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { EntryClass } from '../engine/entry-class.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, ClaimedRecord, KeyInput, RecordLog } from '../ports.ts';
import { addIntegers, type EmbeddedTurn, endOf, toBytes, toOwned } from './embedded-turn.ts';

const keys = new StoreKeys();

/**
 * The `RecordLog` port: the records in a hash by number, the numbers that wait in a list, those claimed in a sorted set by the end
 * of their lease.
 */
export class EmbeddedRecordLog implements RecordLog {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  append(log: KeyInput, records: readonly KeyInput[], options?: CallOptions): Promise<number> {
    return this.#turn.writeInternal(options, () => {
      const { strings, hashes, lists } = this.#turn.engine.internal;
      const key = keysOf(log);
      let number = addIntegers(strings.get(key.next), 0);
      for (const record of records) {
        const id = String(++number);
        hashes.set(key.records, id, toBytes(record), EntryClass.internal);
        lists.pushRight(key.waiting, id, EntryClass.internal);
      }
      if (records.length > 0) strings.set(key.next, String(number), { entryClass: EntryClass.internal });
      return lists.read(key.waiting)?.length ?? 0;
    });
  }

  claim(
    log: KeyInput,
    { count, lease }: { readonly count: number; readonly lease: number },
    options?: CallOptions,
  ): Promise<ClaimedRecord[]> {
    return this.#turn.writeInternal(options, () => {
      const { engine } = this.#turn;
      const { hashes, lists, sortedSets } = engine.internal;
      const key = keysOf(log);
      const now = engine.turn.time;
      const until = endOf(now, lease);
      const claimed = sortedSets.read(key.claimed);
      if (claimed !== undefined) {
        const lapsed = [
          ...claimed.range(
            0,
            claimed.lowerBound((entry) => entry.score <= now),
          ),
        ].map((entry) => entry.member);
        // Oldest record first again, whatever the order of the leases.
        for (const id of lapsed.sort((a, b) => Number(b) - Number(a))) {
          sortedSets.remove(key.claimed, id);
          lists.pushLeft(key.waiting, id, EntryClass.internal);
        }
      }
      const taken: ClaimedRecord[] = [];
      while (taken.length < count) {
        const id = lists.popLeft(key.waiting);
        if (id === undefined) break;
        sortedSets.add(key.claimed, id, until, EntryClass.internal);
        taken.push({ id: bytesToUtf8(id), value: toOwned(hashes.read(key.records)?.get(id) ?? '') });
      }
      return taken;
    });
  }

  acknowledge(log: KeyInput, ids: readonly string[], options?: CallOptions): Promise<number> {
    return this.#turn.writeInternal(
      options,
      () => {
        const { hashes, sortedSets } = this.#turn.engine.internal;
        const key = keysOf(log);
        let acknowledged = 0;
        for (const id of ids.map(utf8ToBytes)) {
          if (!sortedSets.remove(key.claimed, id)) continue;
          hashes.delete(key.records, id);
          acknowledged++;
        }
        return acknowledged;
      },
      false,
    );
  }

  size(log: KeyInput, options?: CallOptions): Promise<{ readonly waiting: number; readonly claimed: number }> {
    return this.#turn.read(options, () => {
      const { lists, sortedSets } = this.#turn.engine.internal;
      const key = keysOf(log);
      return { waiting: lists.read(key.waiting)?.length ?? 0, claimed: sortedSets.read(key.claimed)?.size ?? 0 };
    });
  }
}

function keysOf(log: KeyInput): Record<'next' | 'records' | 'waiting' | 'claimed', string> {
  const name = toBytes(log);
  return {
    next: keys.internal(name, 'log-next'),
    records: keys.internal(name, 'log-records'),
    waiting: keys.internal(name, 'log-waiting'),
    claimed: keys.internal(name, 'log-claimed'),
  };
}
