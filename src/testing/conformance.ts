import type { FakeClock } from './fake-clock.ts';

/** A port under test, on an empty store, with the clock the store goes by. */
export interface OpenPort<Port> extends AsyncDisposable {
  readonly port: Port;
  readonly clock: FakeClock;
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
  check: (port: Port, clock: FakeClock) => Promise<void>,
): ConformanceCase<Port> {
  return {
    name,
    run: async (open) => {
      await using opened = await open();
      await check(opened.port, opened.clock);
    },
  };
}
