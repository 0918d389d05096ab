import assert from 'node:assert/strict';

/**
 * The time of a store under test. A `FakeClock` stands still in between, so that every check is exact; a store that goes by a real
 * clock is waited for.
 */
export interface TestClock {
  /** What the store takes for the time: ms since the epoch. */
  now(): number;
  /** Done when so many milliseconds have passed and everything that ends by then has ended. */
  advance(ms: number): void | Promise<void>;
  /** How much later than asked `advance` may be done and a call take effect, usually. A later one makes no case fail. @default 0 */
  readonly slack?: number;
}

/** A port under test, on an empty store, with the clock the store goes by. */
export interface OpenPort<Port> extends AsyncDisposable {
  readonly port: Port;
  readonly clock: TestClock;
}

/** Opens a new empty store for one case. */
export type OpenForTest<Port> = () => Promise<OpenPort<Port>>;

/** One promise of a port, and how it is checked. Throws an AssertionError when the driver breaks it; runs under any test runner. */
export interface ConformanceCase<Port> {
  /** The promise, in the present tense. */
  readonly name: string;
  readonly run: (open: OpenForTest<Port>) => Promise<void>;
}

/** A case that needs nothing but the port and the clock. */
export function conformanceCase<Port>(
  name: string,
  check: (port: Port, clock: TestClock) => Promise<void>,
): ConformanceCase<Port> {
  return {
    name,
    run: async (open) => {
      await using opened = await open();
      await check(opened.port, opened.clock);
    },
  };
}

/** When something took effect: between these two instants, which a clock that stands still makes one. */
export interface Moment {
  readonly earliest: number;
  readonly latest: number;
}

/** Runs it and tells when that was. */
export async function timed<T>(clock: TestClock, work: () => Promise<T>): Promise<{ result: T; at: Moment }> {
  const earliest = clock.now();
  const result = await work();
  return { result, at: { earliest, latest: clock.now() } };
}

/** Lets the time pass until that instant. */
export async function passUntil(clock: TestClock, instant: number): Promise<void> {
  const ms = instant - clock.now();
  if (ms > 0) await clock.advance(ms);
}

/** Checks that an instant lies so long after a moment. */
export function assertInstant(actual: number | undefined, { earliest, latest }: Moment, later: number): void {
  const shown = `${String(actual)} is not from ${earliest + later} to ${latest + later}`;
  assert.ok(actual !== undefined && actual >= earliest + later && actual <= latest + later, shown);
}

/**
 * Checks that what began at a moment lasts so long and no longer.
 * @param isThere asks the store
 */
export async function assertLasts(
  clock: TestClock,
  began: Moment,
  duration: number,
  isThere: () => Promise<boolean>,
): Promise<void> {
  await assertStill(clock, began, duration, isThere);
  await passUntil(clock, began.latest + duration);
  assert.equal(await isThere(), false, `after ${duration} ms it is still there`);
}

/** Checks the same shortly before its end; what is asked too late decides nothing. @returns whether it was in time */
export async function assertStill(
  clock: TestClock,
  { earliest }: Moment,
  duration: number,
  isThere: () => Promise<boolean>,
): Promise<boolean> {
  const end = earliest + duration;
  await passUntil(clock, end - 1 - (clock.slack ?? 0));
  const there = await isThere();
  const inTime = clock.now() < end;
  if (inTime) assert.equal(there, true, `before ${duration} ms it is gone`);
  return inTime;
}
