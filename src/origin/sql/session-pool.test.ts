import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { isSluiceError } from '../../errors.ts';
import { FakeClock } from '../../testing/fake-clock.ts';
import type { QueryOptions, SqlResult } from './database.ts';
import { loadDriver, openConnection } from './open-connection.ts';
import { SessionPool } from './session-pool.ts';
import { type SqlDriver, SqlFailure, type SqlSession } from './sql-session.ts';

const result: SqlResult = { columns: ['a'], rows: [[1]], more: false };

/** A database whose connections do what they are told. */
class Scripted implements SqlDriver {
  readonly dialect = 'postgres';
  readonly maxConnections = Number.POSITIVE_INFINITY;
  readonly sessions: Session[] = [];
  /** What became of the attempts so far. */
  attempts = 0;
  mode: 'open' | 'refuse' | 'hang' = 'open';
  cancelled: (() => void)[] = [];

  async open(signal: AbortSignal): Promise<SqlSession> {
    this.attempts++;
    if (this.mode === 'refuse') throw new SqlFailure('lost', 'cannot connect');
    if (this.mode === 'hang') await new Promise((resolve) => signal.addEventListener('abort', resolve));
    signal.throwIfAborted();
    const session = new Session(this);
    this.sessions.push(session);
    return session;
  }
}

class Session implements SqlSession {
  isUsable = true;
  onLost = (): void => {};
  readonly #driver: Scripted;
  pending: { readonly resolve: (result: SqlResult) => void; readonly reject: (error: SqlFailure) => void }[] = [];

  constructor(driver: Scripted) {
    this.#driver = driver;
  }

  query(): Promise<SqlResult> {
    return new Promise((resolve, reject) => this.pending.push({ resolve, reject }));
  }

  answer(): void {
    this.pending.shift()?.resolve(result);
  }

  fail(failure: SqlFailure): void {
    if (failure.kind !== 'refused') this.isUsable = false;
    this.pending.shift()?.reject(failure);
  }

  lose(): void {
    this.isUsable = false;
    this.onLost();
  }

  cancel(): Promise<void> {
    this.isUsable = false;
    return new Promise((done) => this.#driver.cancelled.push(done));
  }

  async close(): Promise<void> {
    this.isUsable = false;
  }
}

function setUp(more: { maxConnections?: number; maxWaiting?: number } = {}) {
  const driver = new Scripted();
  const clock = new FakeClock();
  const pool = new SessionPool({
    name: 'fleet',
    driver,
    clock,
    maxConnections: 2,
    maxWaiting: 3,
    connectTimeout: 1000,
    idleTimeout: 60_000,
    ...more,
  });
  const ask = (signal: AbortSignal = new AbortController().signal): Promise<SqlResult> =>
    pool.query('select', [], { signal, maxRows: 1, maxBytes: 100 } satisfies QueryOptions);
  return { driver, clock, pool, ask };
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'fulfilled',
    (error: unknown) => (isSluiceError(error) ? error.code : error),
  );

describe('a pool of connections', () => {
  test('opens as many as are needed at a time, and uses them again', async () => {
    const { driver, pool, ask } = setUp();
    const asked = [ask(), ask(), ask()];
    await turn();
    expect(pool.stats).toEqual({ connections: 2, idle: 0, waiting: 1, queries: 2, failures: 0 });
    for (const session of driver.sessions) session.answer();
    await turn();
    driver.sessions[0]?.answer();
    driver.sessions[1]?.answer();
    expect(await Promise.all(asked)).toEqual([result, result, result]);
    expect(pool.stats).toEqual({ connections: 2, idle: 2, waiting: 0, queries: 3, failures: 0 });
  });

  test('refuses more than may wait, and names a time to come back', async () => {
    const { pool, ask } = setUp({ maxConnections: 1, maxWaiting: 1 });
    void ask().catch(() => {});
    await turn();
    void ask().catch(() => {});
    const error = await ask().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ORIGIN_OVERLOADED', details: { retryAfter: 100 } });
    await Promise.race([pool.close(), turn()]);
  });

  test('keeps the place of a cancelled query until it has ended on the server', async () => {
    const { driver, pool, ask } = setUp({ maxConnections: 1 });
    const abort = new AbortController();
    const cancelled = codeOf(ask(abort.signal));
    await turn();
    abort.abort();
    expect(await cancelled).toBe('ORIGIN_TIMEOUT');
    const next = ask();
    await turn();
    expect(driver.attempts).toBe(1);
    expect(pool.stats).toMatchObject({ connections: 1, waiting: 1 });
    driver.cancelled.shift()?.();
    await turn();
    expect(driver.attempts).toBe(2);
    driver.sessions[1]?.answer();
    expect(await next).toBe(result);
  });

  test('leaves a connection that is being opened to the next when who asked for it gives up', async () => {
    const { driver, clock, pool, ask } = setUp();
    driver.mode = 'hang';
    const abort = new AbortController();
    const gone = codeOf(ask(abort.signal));
    abort.abort();
    expect(await gone).toBe('ORIGIN_TIMEOUT');
    expect(pool.stats).toMatchObject({ connections: 1, waiting: 0 });
    clock.advance(1000);
    await turn();
    expect(pool.stats).toMatchObject({ connections: 0 });
  });

  test('while the database is away makes one attempt at a time, whose outcome all who wait share', async () => {
    const { driver, clock, ask } = setUp({ maxConnections: 10, maxWaiting: 100 });
    driver.mode = 'refuse';
    expect(await codeOf(ask())).toBe('ORIGIN_FAILED');
    driver.mode = 'hang';
    const many = Array.from({ length: 50 }, () => ask().catch((error: unknown) => error));
    await turn();
    expect(driver.attempts).toBe(2);
    clock.advance(1000);
    for (const error of await Promise.all(many))
      expect(error).toMatchObject({ code: 'ORIGIN_FAILED', message: 'connection fleet: no connection within 1000 ms' });
    driver.mode = 'open';
    const after = ask();
    await turn();
    driver.sessions[0]?.answer();
    expect(await after).toBe(result);
  });

  test('serves by the connections there are when no further one can be opened', async () => {
    const { driver, ask } = setUp();
    const first = ask();
    await turn();
    driver.mode = 'refuse';
    const second = ask();
    await turn();
    const third = ask();
    await turn();
    // The server is not asked for another at once.
    expect(driver.attempts).toBe(2);
    for (const served of [first, second, third]) {
      driver.sessions[0]?.answer();
      expect(await served).toBe(result);
      await turn();
    }
  });

  test('asks once more on a new connection when one that lay idle turns out to be dead', async () => {
    const { driver, pool, ask } = setUp({ maxConnections: 1 });
    const first = ask();
    await turn();
    driver.sessions[0]?.answer();
    await first;
    const second = ask();
    await turn();
    driver.sessions[0]?.fail(new SqlFailure('lost', 'gone'));
    await turn();
    driver.sessions[1]?.answer();
    expect(await second).toBe(result);
    // One that was just opened is no remnant: its loss is told.
    driver.sessions[1]?.lose();
    await turn();
    expect(pool.stats).toMatchObject({ idle: 0, connections: 0 });
    const third = codeOf(ask());
    await turn();
    driver.sessions[2]?.fail(new SqlFailure('lost', 'gone'));
    expect(await third).toBe('ORIGIN_FAILED');
  });

  test('uses a connection again after the database refused a query', async () => {
    const { driver, pool, ask } = setUp();
    const refused = codeOf(ask());
    await turn();
    driver.sessions[0]?.fail(new SqlFailure('refused', 'no such table'));
    expect(await refused).toBe('ORIGIN_FAILED');
    expect(pool.stats).toMatchObject({ idle: 1, failures: 1 });
  });

  test('closes what has lain idle for long', async () => {
    const { driver, clock, pool, ask } = setUp();
    const asked = [ask(), ask()];
    await turn();
    for (const session of driver.sessions) session.answer();
    await Promise.all(asked);
    clock.advance(30_000);
    const used = ask();
    await turn();
    for (const session of driver.sessions) session.answer();
    await used;
    clock.advance(30_000);
    await turn();
    expect(pool.stats).toMatchObject({ connections: 1, idle: 1 });
    clock.advance(60_000);
    await turn();
    expect(pool.stats).toMatchObject({ connections: 0 });
    expect(clock.pending).toBe(0);
  });

  test('closing refuses who waits, and lets what is under way end', async () => {
    const { driver, pool, ask } = setUp({ maxConnections: 1 });
    const running = ask();
    await turn();
    const waiting = codeOf(ask());
    let isClosed = false;
    const closing = pool.close().then(() => {
      isClosed = true;
    });
    expect(await waiting).toBe('CLOSED');
    await turn();
    expect(isClosed).toBe(false);
    driver.sessions[0]?.answer();
    expect(await running).toBe(result);
    await closing;
    expect(await codeOf(ask())).toBe('CLOSED');
  });

  test('an aborted signal asks nothing', async () => {
    const { driver, ask } = setUp();
    expect(await codeOf(ask(AbortSignal.abort()))).toBe('ORIGIN_TIMEOUT');
    expect(driver.attempts).toBe(0);
  });
});

test('a package that is not installed is named, with what installs it', async () => {
  const load = () => import(['not', 'installed'].join('-'));
  await expect(loadDriver('fleet', 'pg', load)).rejects.toMatchObject({
    code: 'NOT_SUPPORTED',
    message: 'connection fleet needs the package pg: npm install pg',
  });
});

test('a URL that cannot be used is refused without being shown', async () => {
  const open = openConnection({ name: 'fleet', url: 'oracle://ann:secret@db/x', clock: new FakeClock() });
  await expect(open).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/^connection fleet: the scheme oracle: is unknown; expected postgres(?!.*secret)/),
  });
});
