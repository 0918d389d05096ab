import { isSluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { DirtySet } from '../ports.ts';

/** Which parts of a store are away, as of the last call. */
export class Reach {
  readonly #store: Pick<DirtySet, 'size' | 'partitions'>;
  readonly #away = new Map<ByteString, Set<number>>();

  constructor(store: Pick<DirtySet, 'size' | 'partitions'>) {
    this.#store = store;
  }

  isAway(set: ByteString, partition: number): boolean {
    return this.#away.get(set)?.has(partition) === true;
  }

  /** Whether there is no use in asking for anything of the set. */
  isAllAway(set: ByteString): boolean {
    return (this.#away.get(set)?.size ?? 0) >= this.#store.partitions;
  }

  /** A call of this part was refused, or came to nothing. */
  lost(set: ByteString, partition: number): void {
    const parts = this.#away.get(set);
    if (parts === undefined) this.#away.set(set, new Set([partition]));
    else parts.add(partition);
  }

  /** Asks the parts that are away. @returns whether all answer */
  async ask(): Promise<boolean> {
    const asked: Promise<boolean>[] = [];
    for (const [set, parts] of this.#away) {
      for (const partition of parts) {
        const answered = this.#store.size(set, partition).then(
          () => parts.delete(partition),
          (error: unknown) => !isSilent(error) && parts.delete(partition),
        );
        asked.push(answered);
      }
    }
    return (await Promise.all(asked)).every(Boolean);
  }
}

/** The store did not do it for sure, and may later: it is away, or takes no writes at present (a replica, a full disk). */
export function isAway(error: unknown): boolean {
  if (isSluiceError(error, 'STORE_UNAVAILABLE') || isSluiceError(error, 'STORE_LOADING')) return true;
  // What Sluice itself refuses comes without a reply, and is meant for the client.
  return isSluiceError(error, 'STORE_READ_ONLY') && error.details?.['reply'] !== undefined;
}

/** It did not answer. */
function isSilent(error: unknown): boolean {
  return isAway(error) || isSluiceError(error, 'STORE_TIMEOUT') || isSluiceError(error, 'OVERLOADED');
}
