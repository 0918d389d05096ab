import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Fifo } from './fifo.ts';

it('is a queue, whatever is done to it', () => {
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.constant('push') },
    { weight: 3, arbitrary: fc.constant('shift') },
    { weight: 1, arbitrary: fc.constant('unshift') },
    { weight: 1, arbitrary: fc.constant('burst') },
    { weight: 1, arbitrary: fc.constant('drain') },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      let next = 0;
      for (const what of actions) {
        if (what === 'push') {
          model.push(next);
          fifo.push(next++);
        } else if (what === 'unshift') {
          model.unshift(next);
          fifo.unshift(next++);
        } else if (what === 'burst') {
          for (let i = 0; i < 300; i++) {
            model.push(next);
            fifo.push(next++);
          }
        } else if (what === 'drain') {
          expect(fifo.drain()).toEqual(model);
          model = [];
        } else {
          expect(fifo.peek()).toBe(model[0]);
          expect(fifo.shift()).toBe(model.shift());
        }
        expect(fifo.length).toBe(model.length);
      }
      expect(fifo.drain()).toEqual(model);
    }),
  );
});

it('shrinks after a burst and keeps the order', () => {
  const fifo = new Fifo<number>();
  for (let i = 0; i < 10_000; i++) fifo.push(i);
  for (let i = 0; i < 10_000; i++) expect(fifo.shift()).toBe(i);
  expect(fifo.shift()).toBeUndefined();
});
