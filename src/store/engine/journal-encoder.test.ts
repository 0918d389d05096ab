import { describe, expect, it } from 'vitest';
import { Cause, type Change, ChangeStream, Op, Space } from './change.ts';
import { readEffects, UPTO } from './effect-codec.ts';
import { GroupEncoder } from './journal-encoder.ts';
import type { Group } from './journal-file.ts';

/** The numbers and keys the frames of a row stand for. */
function changesOf({ first, effects }: Group): (readonly [number, string])[] {
  const found: (readonly [number, string])[] = [];
  let next = first;
  readEffects(effects, ({ op, key, n }) => {
    if (op === UPTO) next = n + 1;
    else found.push([next++, key]);
  });
  return found;
}

function encode(rowBytes: number, durable: (seq: number) => boolean): { rows: readonly Group[]; length: number } {
  const encoder = new GroupEncoder(1, rowBytes);
  const stream = new ChangeStream();
  stream.subscribe({ change: (change: Readonly<Change>) => void (change.durable && encoder.add(change)) });
  for (let seq = 1; seq <= 100; seq++) {
    stream.emit(Space.user, Op.setString, Cause.command, `k${seq}`, 'x'.repeat(seq), '', 0, 0, durable(seq));
  }
  const { length } = encoder;
  return { rows: encoder.take(stream.seq), length };
}

describe('GroupEncoder', () => {
  it.each([1, 100, 1000, 1e9])(
    'cuts a group into rows of about %d bytes that follow on each other and lose nothing',
    (rowBytes) => {
      for (const durable of [() => true, (seq: number) => seq % 3 !== 0, (seq: number) => seq > 50]) {
        const { rows, length } = encode(rowBytes, durable);
        expect(length).toBe(rows.reduce((sum, { effects }) => sum + effects.length, 0));
        expect(rows.length > 1).toBe(rowBytes < 1e9);
        let next = 1;
        for (const { first, last, effects } of rows) {
          expect(first).toBe(next);
          expect(effects.length).toBeLessThan(rowBytes + 200);
          next = last + 1;
        }
        expect(next).toBe(101);
        const expected = Array.from({ length: 100 }, (_, i) => [i + 1, `k${i + 1}`] as const).filter(([seq]) =>
          durable(seq),
        );
        expect(rows.flatMap(changesOf)).toEqual(expected);
      }
    },
  );
});
