import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from './system-clock.ts';

const DAY = 86_400_000;

// The timers of Node are the thing under test's own ground, so they are stood in for here.
beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it.each([0, 1, 24, 30, 80])('a timer of %d days fires when these have passed and not before', (days) => {
  let fired = 0;
  systemClock.setTimer(() => fired++, days * DAY + 1);
  vi.advanceTimersByTime(days * DAY);
  expect(fired).toBe(0);
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
  vi.advanceTimersByTime(100 * DAY);
  expect(fired).toBe(1);
});

it.each([1, 30])('a timer of %d days that was cancelled never fires', (days) => {
  let fired = 0;
  const timer = systemClock.setTimer(() => fired++, days * DAY);
  vi.advanceTimersByTime(Math.max(0, days - 1) * DAY);
  timer.cancel();
  vi.advanceTimersByTime(100 * DAY);
  expect(fired).toBe(0);
});
