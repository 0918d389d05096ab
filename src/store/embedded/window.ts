import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Engine } from '../engine/engine.ts';
import { EntryClass } from '../engine/entry-class.ts';
import { StoreKeys } from '../keys.ts';
import type { CallOptions, KeyInput, Window, WindowDecision, WindowLimit } from '../ports.ts';
import { type EmbeddedTurn, endOf, toBytes } from './embedded-turn.ts';

const keys = new StoreKeys();

/** The `Window` port: hits of a rolling window as a sorted set by instant, a fixed window as a counter that expires. */
export class EmbeddedWindow implements Window {
  readonly #turn: EmbeddedTurn;

  constructor(turn: EmbeddedTurn) {
    this.#turn = turn;
  }

  rolling(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision> {
    return this.#turn.writeInternal(options, () =>
      rollingWindow(this.#turn.engine, keys.internal(toBytes(key), 'rolling'), limit),
    );
  }

  fixed(key: KeyInput, limit: WindowLimit, options?: CallOptions): Promise<WindowDecision> {
    return this.#turn.writeInternal(options, () =>
      fixedWindow(this.#turn.engine, keys.internal(toBytes(key), 'fixed'), limit),
    );
  }

  reset(key: KeyInput, options?: CallOptions): Promise<void> {
    return this.#turn.writeInternal(
      options,
      () => {
        const name = toBytes(key);
        this.#turn.engine.internal.delete(keys.internal(name, 'rolling'));
        this.#turn.engine.internal.delete(keys.internal(name, 'fixed'));
      },
      false,
    );
  }
}

/** A hit leaves the window exactly `per` after it came in. */
function rollingWindow(engine: Engine, key: ByteString, { limit, per, cost = 1 }: WindowLimit): WindowDecision {
  const { sortedSets } = engine.internal;
  const now = engine.turn.time;
  const expiresAt = endOf(now, per);
  requireWhole(limit, cost);
  const old = sortedSets.read(key);
  if (old !== undefined) {
    const left = old.lowerBound((hit) => hit.score <= now - per);
    for (const { member } of [...old.range(0, left)]) sortedSets.remove(key, member);
  }
  const count = sortedSets.read(key)?.size ?? 0;
  if (count + cost > limit) {
    const freedBy = cost > limit ? undefined : [...(sortedSets.read(key)?.range(count + cost - limit - 1, 1) ?? [])][0];
    return { allowed: false, count, remaining: Math.max(0, limit - count), retryAt: (freedBy?.score ?? now) + per };
  }
  // Hits of one millisecond are told apart by a number; a clock set back must not meet the names of former hits.
  for (let added = 0, n = 0; added < cost; n++) {
    const member = `${now}-${n}`;
    if (sortedSets.read(key)?.score(member) !== undefined) continue;
    sortedSets.add(key, member, now, EntryClass.internal);
    added++;
  }
  engine.internal.expire(key, expiresAt);
  const total = count + cost;
  if (total < limit) return { allowed: true, count: total, remaining: limit - total, retryAt: now };
  const oldest = [...(sortedSets.read(key)?.range(0, 1) ?? [])][0];
  return { allowed: true, count: total, remaining: 0, retryAt: (oldest?.score ?? now) + per };
}

function fixedWindow(engine: Engine, key: ByteString, { limit, per, cost = 1 }: WindowLimit): WindowDecision {
  const { internal } = engine;
  const now = engine.turn.time;
  const endsNew = endOf(now, per);
  requireWhole(limit, cost);
  const count = Number(internal.strings.get(key) ?? 0);
  const endsAt = internal.expiresAt(key) ?? endsNew;
  if (count + cost > limit) return { allowed: false, count, remaining: Math.max(0, limit - count), retryAt: endsAt };
  const total = count + cost;
  internal.strings.set(key, String(total), { expiresAt: endsAt, entryClass: EntryClass.internal });
  return { allowed: true, count: total, remaining: limit - total, retryAt: total < limit ? now : endsAt };
}

/** A limit that is no number must not let everything pass. @throws SluiceError INVALID_ARGUMENT */
function requireWhole(...counts: number[]): void {
  for (const count of counts) {
    if (Number.isSafeInteger(count) && count >= 0) continue;
    throw new SluiceError('INVALID_ARGUMENT', `limit and cost are whole numbers, not ${String(count)}`);
  }
}
