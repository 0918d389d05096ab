import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { openUpstream, type UpstreamOptions } from '../../src/link/open-upstream.ts';
import { SentinelWatch } from '../../src/link/sentinel-watch.ts';
import type { Route, Upstream } from '../../src/link/upstream.ts';
import { eventually } from '../support/eventually.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { type SentinelSetup, startSentinel } from '../support/redis-sentinel.ts';
import { startRelay } from '../support/tcp-relay.ts';

const write: Route = { idempotent: false, keyPositions: () => [1] };
const read: Route = { idempotent: true, keyPositions: () => [1] };

interface Opened extends AsyncDisposable {
  readonly upstream: Upstream;
  /** What the node was, in order. */
  readonly states: string[];
  readonly set: (key: string, value: string) => Promise<unknown>;
  readonly get: (key: string) => Promise<unknown>;
}

function open(
  setup: SentinelSetup,
  { ports = setup.sentinels.map(({ port }) => port), ...options }: Partial<UpstreamOptions> & { ports?: number[] } = {},
): Opened {
  const states: string[] = [];
  const upstream = openUpstream({
    target: {
      kind: 'sentinel',
      endpoints: ports.map((port) => ({ host: '127.0.0.1', port })),
      primaryName: setup.name,
      database: 0,
    },
    login: { connectTimeout: 1000 },
    settings: { opsInFlight: 100, maxQueued: 1000, dedicated: 8, timeout: 2000, retryFor: 500, heartbeat: 500 },
    clock: systemClock,
    random: Math.random,
    onState: ({ state }) => states.push(state),
    ...options,
  });
  return {
    upstream,
    states,
    set: (key, value) => upstream.call(['SET', key, value], write),
    get: (key) => upstream.call(['GET', key], read),
    [Symbol.asyncDispose]: async () => upstream.close(),
  };
}

describe('a store behind Sentinels', { timeout: 60_000 }, () => {
  it('is its primary, through a failover, with users and passwords', async () => {
    await using setup = await startSentinel({ password: 'node-secret', sentinelPassword: 'other' });
    const heard: string[] = [];
    await using store = open(setup, {
      login: { connectTimeout: 1000, username: 'default', password: 'node-secret' },
      sentinelLogin: { password: 'other' },
      listener: {
        attached: (source) => heard.push(`attached ${source}`),
        heard: () => undefined,
        lost: (source) => heard.push(`lost ${source}`),
        invalidated: (source, key) => heard.push(`invalidated ${source} ${key}`),
      },
    });
    expect(await store.set('k', 'before')).toBe('OK');
    await eventually(() =>
      expect(store.upstream.nodes[0]).toMatchObject({ name: 'main', state: 'up', tracking: true }),
    );

    // Writes go on meanwhile: each is acknowledged or refused, and what the new primary has acknowledged is there.
    const acknowledged: number[] = [];
    const refused: string[] = [];
    let isOver = false;
    const writer = (async () => {
      for (let n = 0; !isOver; n++) {
        await store.set('n', `${n}`).then(
          () => acknowledged.push(n),
          (error: { code: string }) => refused.push(error.code),
        );
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const started = performance.now();
    const now = await setup.failOver();
    await eventually(() => store.set('k', 'after'), { timeoutMs: 3000 });
    const away = performance.now() - started;
    isOver = true;
    await writer;
    expect(away).toBeLessThan(8000);
    expect(await store.get('n')).toBe(`${acknowledged.at(-1)}`);
    expect(refused).toContain('STORE_UNAVAILABLE');
    await using direct = await connectRaw({ port: now.port });
    await direct.command('AUTH', 'node-secret');
    expect(await direct.command('GET', 'k')).toBe('$5\r\nafter\r\n');
    expect(heard.slice(0, 3)).toEqual(['attached 1', 'lost 1', 'attached 2']);
    // One change of state down, one up again.
    expect(store.states[0]).toBe('up');
    expect(store.states.at(-1)).toBe('up');
  });

  it('moves when the primary changes places with its replica', async () => {
    await using setup = await startSentinel();
    await using store = open(setup);
    await store.set('k', '1');
    const owner = { lost: [] as string[], pushed: () => undefined };
    const own = store.upstream.dedicate(3, 0, {
      pushed: () => undefined,
      lost: (error) => owner.lost.push(error.message),
    });
    const first = await new Promise((resolve, reject) => {
      own.send(['GET', 'k'], read, { replied: resolve, failed: reject });
    });
    expect(first).toBe('$1\r\n1\r\n');
    const old = await setup.primary();
    const now = await setup.switchOver();
    // The old primary takes writes until it is told to be a replica: that the Sentinels have another one has to be heard from them.
    await eventually(() => expect(owner.lost.length).toBe(1), { timeoutMs: 1000 });
    await eventually(() => store.set('k', '2'), { timeoutMs: 5000 });
    await using direct = await connectRaw({ port: now.port });
    expect(await direct.command('GET', 'k')).toBe('$1\r\n2\r\n');
    await setup.replicating(old);
    for (let i = 0; i < 20; i++) expect(await store.set('k', `${i}`)).toBe('OK');
  });

  it('leaves a primary that hangs as soon as the Sentinels have another one', async () => {
    await using setup = await startSentinel();
    await using store = open(setup);
    await store.set('k', '1');
    const old = await setup.primary();
    old.freeze();
    try {
      const unknown = store.set('k', 'lost');
      await expect(unknown).rejects.toMatchObject({ code: 'STORE_TIMEOUT' });
      await eventually(() => store.set('k', '2'), { timeoutMs: 8000 });
    } finally {
      old.thaw();
    }
    // It thinks that it is the primary still, for a moment; nobody writes to it.
    for (let i = 0; i < 50; i++) expect(await store.set('k', `${i}`)).toBe('OK');
    await using direct = await connectRaw({ port: (await setup.primary()).port });
    expect(await direct.command('GET', 'k')).toBe('$2\r\n49\r\n');
  });

  it('notices a primary that was made a replica behind the back of the Sentinels', async () => {
    await using setup = await startSentinel();
    await using store = open(setup);
    await store.set('k', '1');
    const [first, second] = setup.nodes;
    await using direct = await connectRaw({ port: first?.port ?? 0 });
    // The Sentinels put it right after a while; until then there is no primary to be had.
    await direct.command('REPLICAOF', '127.0.0.1', `${second?.port}`);
    await eventually(() => expect(store.upstream.nodes[0]?.state).toBe('down'), { timeoutMs: 2000 });
    await expect(store.set('k', '2')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await direct.command('REPLICAOF', 'NO', 'ONE');
    await eventually(() => store.set('k', '3'), { timeoutMs: 5000 });
  });

  it('needs one Sentinel to begin with, and learns of the others', async () => {
    await using setup = await startSentinel();
    const [first, second, third] = setup.sentinels;
    const moves: number[] = [];
    const watch = new SentinelWatch({
      sentinels: [1, first?.port ?? 0].map((port) => ({ host: '127.0.0.1', port })),
      primaryName: setup.name,
      login: { connectTimeout: 1000 },
      clock: systemClock,
      random: Math.random,
      moved: ({ port }) => moves.push(port),
    });
    try {
      await eventually(() => expect(watch.sentinels).toHaveLength(4));
      expect((await watch.locate()).port).toBe(setup.nodes[0]?.port);
      // The only one that was named dies; it is the two others that fail over.
      await first?.kill();
      await setup.failOver();
      await eventually(() => expect(moves).toEqual(setup.nodes.map(({ port }) => port)), { timeoutMs: 3000 });
      await Promise.all([second?.kill(), third?.kill()]);
      expect((await watch.locate()).port).toBe(setup.nodes[1]?.port);
      watch.trust(false);
      // What it has been told a moment ago is still true; later somebody has to be asked.
      await eventually(() => expect(watch.locate()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' }), {
        timeoutMs: 8000,
        intervalMs: 200,
      });
    } finally {
      watch.close();
    }
  });

  it('is not held up by a Sentinel that has vanished', async () => {
    await using setup = await startSentinel();
    const [first, second] = setup.sentinels;
    await using relay = await startRelay({ target: { port: first?.port ?? 0 } });
    await relay.admit('ignore');
    const started = performance.now();
    await using store = open(setup, { ports: [relay.port, second?.port ?? 0] });
    await eventually(() => store.set('k', '1'));
    expect(performance.now() - started).toBeLessThan(900);
  });

  it('says what the Sentinels say when they know no such primary', async () => {
    await using setup = await startSentinel();
    const [first] = setup.sentinels;
    const target = { kind: 'sentinel', primaryName: 'other', database: 0 } as const;
    const endpoints = [{ host: '127.0.0.1', port: first?.port ?? 0 }];
    await using store = open(setup, { target: { ...target, endpoints } });
    await expect(store.get('k')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('no primary of the name other'),
    });
  });
});
