import type { Engine } from '../../../src/store/engine/engine.ts';
import { EntryClass } from '../../../src/store/engine/entry-class.ts';
import { ValueType } from '../../../src/store/engine/records.ts';

/** All durable keys that have not expired, with everything a restart must keep of them, in an order that depends on nothing else. */
export function stateOf(engine: Engine): Record<string, unknown> {
  const state: Record<string, unknown> = {};
  const now = engine.clock.now();
  for (const number of [0, 1, 2] as const) {
    const space = engine.space(number);
    let cursor = 0;
    do {
      cursor = space.walk(cursor, 1000, (ref) => {
        const { records } = space;
        const entryClass = records.entryClass(ref);
        const expiresAt = records.expiresAt(ref);
        if (entryClass === EntryClass.cached || (expiresAt !== 0 && expiresAt <= now)) return;
        state[`${number}:${records.key(ref)}`] = { entryClass, expiresAt, ...contentOf() };

        function contentOf(): object {
          if (records.type(ref) === ValueType.string)
            return { value: records.value(ref), contentType: records.contentType(ref) };
          const collection = space.collectionOf(ref);
          switch (collection.type) {
            case ValueType.list:
              return { list: [...collection.elements.range(0, collection.elements.length - 1)] };
            case ValueType.hash:
              return {
                hash: Object.fromEntries(
                  [...collection.fields.keys()].sort().map((f) => [f, collection.fields.get(f)]),
                ),
              };
            case ValueType.set:
              return { set: [...collection.members.keys()].sort() };
            case ValueType.sortedSet:
              return { sortedSet: [...collection.members.range(0, collection.members.size)] };
          }
        }
      });
    } while (cursor !== 0);
  }
  return Object.fromEntries(Object.entries(state).sort(([a], [b]) => (a < b ? -1 : 1)));
}
