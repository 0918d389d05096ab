import { Op } from './change.ts';
import type { Frame } from './effect-codec.ts';
import type { Engine } from './engine.ts';
import type { EntryClass } from './entry-class.ts';

/**
 * Does to the engine what the effect says: replay of a journal, a checkpoint or another node's stream. The engine's own change
 * stream must not be journalled meanwhile.
 */
export function applyEffect(engine: Engine, effect: Readonly<Frame>): void {
  const space = engine.space(effect.space);
  const { key, a, b, n, m } = effect;
  switch (effect.op) {
    case Op.setString:
      space.strings.set(key, a, { contentType: b, expiresAt: n, entryClass: m as EntryClass });
      return;
    case Op.delete:
      space.delete(key);
      return;
    case Op.expire:
      space.expire(key, n);
      return;
    case Op.append:
      space.strings.append(key, a);
      return;
    case Op.setRange:
      space.strings.setRange(key, n, a);
      return;
    case Op.hashSet:
      space.hashes.set(key, a, b, m as EntryClass);
      return;
    case Op.hashDelete:
      space.hashes.delete(key, a);
      return;
    case Op.pushLeft:
      space.lists.pushLeft(key, a, m as EntryClass);
      return;
    case Op.pushRight:
      space.lists.pushRight(key, a, m as EntryClass);
      return;
    case Op.popLeft:
      space.lists.popLeft(key);
      return;
    case Op.popRight:
      space.lists.popRight(key);
      return;
    case Op.listSet:
      space.lists.set(key, n, a);
      return;
    case Op.listInsert:
      space.lists.insert(key, n, a);
      return;
    case Op.listRemove:
      space.lists.removeAt(key, n);
      return;
    case Op.listTrim:
      space.lists.trim(key, n, m);
      return;
    case Op.setAdd:
      space.sets.add(key, a, m as EntryClass);
      return;
    case Op.setRemove:
      space.sets.remove(key, a);
      return;
    case Op.sortedSetAdd:
      space.sortedSets.add(key, a, n, m as EntryClass);
      return;
    case Op.sortedSetRemove:
      space.sortedSets.remove(key, a);
      return;
    case Op.flush:
      space.flush();
      return;
    default:
      throw new RangeError(`no effect has the number ${effect.op}`);
  }
}
