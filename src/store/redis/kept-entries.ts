import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { claimFetch } from '../decisions/claim-fetch.ts';
import { FOREIGN, MARK_TAG, stateOf } from '../decisions/kept-state.ts';
import { readValue } from '../decisions/read-value.ts';
import { removeValue } from '../decisions/remove-value.ts';
import { settleFetch } from '../decisions/settle-fetch.ts';
import { tagOf } from '../decisions/tag.ts';
import type { RedisCalls } from './redis-calls.ts';

/** A read-through entry as it lies in the store. */
export interface RedisKept {
  readonly value: ByteString | undefined;
  /** '' beside a value that somebody else wrote. */
  readonly beside: ByteString;
  readonly tag: string;
  /** ms; Infinity when nothing ends it. */
  readonly left: number;
  readonly proven: boolean;
}

/** What is to be kept: a value, or a mark that there is none, for so long (whole ms); 0: nothing any more. */
export interface RedisOutcome {
  readonly value: ByteString | undefined;
  readonly beside: ByteString;
  readonly life: number;
}

/** The right to fetch a key, which this node holds until it settles it or its life is over. */
export interface RedisRight {
  /** @returns whether the outcome is kept: not when the right was gone */
  settle(key: ByteString, outcome: RedisOutcome | undefined): Promise<boolean>;
}

const TAG_LENGTH = MARK_TAG.length;
const SCAN_COUNT = '500';

/**
 * Read-through entries in Redis: the plain bytes under the key, so that any other client can read them, what is kept beside them (after
 * the tag of the value) or instead of them (after a tag of noughts) in a key of the same hash slot, and the right to fetch in a third.
 *
 * @throws SluiceError INVALID_ARGUMENT for the few keys that nothing can lie beside; otherwise as the ports say
 */
export class RedisKeptEntries {
  readonly #calls: RedisCalls;
  readonly #nodeId: string;
  readonly #now: () => number;
  #claims = 0;

  /** @param nodeId no other node has it @param now ms since the epoch */
  constructor(calls: RedisCalls, nodeId: string, now: () => number) {
    this.#calls = calls;
    this.#nodeId = nodeId;
    this.#now = now;
  }

  async claim(key: ByteString, life: number, seen: RedisKept | undefined): Promise<RedisRight | RedisKept | 'taken'> {
    const holder = `${this.#nodeId}.${++this.#claims}`;
    const state = seen === undefined ? '' : seen.beside === '' ? FOREIGN : tagOfKept(seen) + seen.beside;
    const reply = await this.#calls.decide(claimFetch, this.#keysOf(key), ['', holder, String(Math.ceil(life)), state]);
    if (typeof reply === 'number') {
      return reply === 1 ? { settle: (held, outcome) => this.#settle(held, holder, outcome) } : 'taken';
    }
    const [value, found, expiresAt] = reply as readonly [ByteString | null, ByteString, number];
    const left = expiresAt === 0 ? Number.POSITIVE_INFINITY : expiresAt - this.#now();
    // What was seen is gone.
    return keptOf(value ?? undefined, found === FOREIGN ? '' : found, left, true) ?? this.claim(key, life, undefined);
  }

  /** A value with what lies beside it as of one instant; undefined also where there is a mark. */
  async readValue(key: ByteString): Promise<RedisKept | undefined> {
    const [name, beside] = this.#keysOf(key);
    const reply = await this.#calls.decide(readValue, [name, beside], ['']);
    if (reply === null) return undefined;
    const [value, expiresAt, there] = reply as readonly [ByteString, number, ByteString];
    return keptOf(value, there, expiresAt === 0 ? Number.POSITIVE_INFINITY : expiresAt - this.#now(), true);
  }

  async #settle(key: ByteString, holder: ByteString, outcome: RedisOutcome | undefined): Promise<boolean> {
    const what = outcome === undefined ? 'nothing' : whatToKeep(outcome);
    const { value = '', beside = '', life = 1 } = outcome ?? {};
    const tag = what === 'value' ? tagOf(value) : MARK_TAG;
    const args = ['', holder, what, value, tag + beside, String(Math.max(1, life))];
    return (await this.#calls.decide(settleFetch, this.#keysOf(key), args)) === 1;
  }

  /** Rights first: what is being fetched must not come back. */
  async purge(keys: readonly ByteString[]): Promise<number> {
    const purged = await Promise.all(
      keys.map(async (key) => {
        const [name, beside, right] = this.#keysOf(key);
        await this.#calls.write(['DEL', right]);
        return (await this.#calls.decide(removeValue, [name, beside], ['', ''])) === 1;
      }),
    );
    return purged.filter(Boolean).length;
  }

  /** Marks are found by the names of what lies beside keys, keys that are being fetched by those of the rights. */
  async *keys(): AsyncGenerator<ByteString> {
    const { commands, keys } = this.#calls;
    let cursor = '0';
    do {
      const step = await commands.scan(cursor, ['COUNT', SCAN_COUNT], undefined);
      for (const name of step.keys) {
        const key = keys.isOwn(name) ? (keys.keyOfMetaKey(name) ?? keys.keyOfFetchRight(name)) : name;
        if (key !== undefined) yield key;
      }
      cursor = step.cursor;
    } while (cursor !== '0');
  }

  #keysOf(key: ByteString): [value: ByteString, beside: ByteString, right: ByteString] {
    const { keys } = this.#calls;
    const beside = keys.metaKeyOf(key);
    if (beside !== undefined) return [key, beside, keys.fetchRightOf(key)];
    throw new SluiceError(
      'INVALID_ARGUMENT',
      'a key that is empty, or has a } and no hash tag, cannot be read through',
    );
  }
}

function whatToKeep({ value, life }: RedisOutcome): 'value' | 'mark' | 'drop' {
  if (life <= 0) return 'drop';
  return value === undefined ? 'mark' : 'value';
}

/**
 * An entry from what was read.
 * @param beside what lies beside the key, tag included; '' for nothing
 */
export function keptOf(
  value: ByteString | undefined,
  beside: ByteString,
  left: number,
  proven: boolean,
): RedisKept | undefined {
  const state = stateOf(value, beside);
  if (state === '') return undefined;
  const own = state === FOREIGN ? '' : state;
  const tag = value === undefined ? '' : own === '' ? tagOf(value) : own.slice(0, TAG_LENGTH);
  return { value, beside: own.slice(TAG_LENGTH), tag, left, proven };
}

function tagOfKept({ value, tag }: RedisKept): string {
  return value === undefined ? MARK_TAG : tag;
}
