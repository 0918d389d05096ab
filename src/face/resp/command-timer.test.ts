import { expect, it } from 'vitest';
import { commandNamed } from '../../command/table.ts';
import { histogramBounds } from '../../kernel/histogram.ts';
import { CommandStats } from './command-stats.ts';
import { CommandTimer } from './command-timer.ts';

const named = (name: string) => {
  const command = commandNamed(name);
  if (command === undefined) throw new Error(`no command ${name}`);
  return command;
};
const get = named('get');
const set = named('set');

function timed() {
  let time = 0;
  let readings = 0;
  const stats = new CommandStats();
  const timer = new CommandTimer(stats, () => {
    readings++;
    return time;
  });
  const run = (
    command: typeof get | undefined,
    ms: number,
    { word = command?.name ?? 'nosuch', failed = false } = {},
  ) => {
    const isSameInstant = timer.before(word);
    time += ms;
    return { isSameInstant, isOver: timer.after(command, failed) };
  };
  return { stats, timer, run, readings: () => readings };
}

it('commands of one name share the time they took, and the clock is read once for 16 of them', () => {
  const { stats, timer, run, readings } = timed();
  timer.start();
  for (let i = 0; i < 32; i++) expect(run(get, 1 / 64).isSameInstant).toBe(i % 16 !== 0);
  timer.stop();
  expect(readings()).toBe(3);
  const { outcomes, duration } = stats.operations.get('get') ?? {};
  expect(outcomes).toEqual(new Map([['ok', 32]]));
  expect(duration?.sumMs).toBeCloseTo(0.5);
  // 15.6 us each.
  expect(duration?.counts[histogramBounds.indexOf(16e-6)]).toBe(32);
});

it('a slow command of another name does not count for those around it', () => {
  const { stats, timer, run } = timed();
  timer.start();
  run(get, 0.001);
  run(set, 500, { failed: true });
  run(get, 0.001);
  run(undefined, 0.002);
  timer.stop();
  expect(stats.operations.get('get')?.duration.sumMs).toBeCloseTo(0.002);
  expect(stats.operations.get('set')).toMatchObject({ outcomes: new Map([['error', 1]]), duration: { sumMs: 500 } });
  expect(stats.operations.get('unknown')?.outcomes).toEqual(new Map([['ok', 1]]));
});

it('subcommands in a row are counted by their own names and share the time', () => {
  const { stats, timer, run } = timed();
  timer.start();
  run(named('client|id'), 3, { word: 'client' });
  run(named('client|list'), 1, { word: 'client' });
  timer.stop();
  for (const name of ['client|id', 'client|list']) expect(stats.operations.get(name)?.duration.sumMs).toBeCloseTo(2);
});

it('the turn is over after a millisecond, and the next one starts anew', () => {
  const { timer, run } = timed();
  timer.start();
  for (let i = 0; i < 16; i++) expect(run(get, 0.01).isOver).toBe(false);
  expect(run(set, 5).isOver).toBe(false);
  expect(run(get, 0.01).isOver).toBe(true);
  timer.stop();
  timer.start();
  expect(run(get, 0.01)).toEqual({ isSameInstant: false, isOver: false });
});
