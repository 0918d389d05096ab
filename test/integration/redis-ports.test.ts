import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { StoreKeys } from '../../src/store/keys.ts';
import type { Entry } from '../../src/store/ports.ts';
import { RedisChannel } from '../../src/store/redis/channel.ts';
import { RedisCounter } from '../../src/store/redis/counter.ts';
import { RedisFields } from '../../src/store/redis/fields.ts';
import { RedisKeyValue } from '../../src/store/redis/key-value.ts';
import { RedisLease } from '../../src/store/redis/lease.ts';
import { RedisWindow } from '../../src/store/redis/window.ts';
import { eventually } from '../support/eventually.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { openRedisPorts, type RedisPorts } from '../support/redis-ports.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

const text = (entry: Entry | undefined): string => Buffer.from(entry?.value ?? []).toString('latin1');
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

// Beyond what every driver promises: how the ports and other clients of the same server get on.
describe.skipIf(findProgram('redis-server') === undefined)('ports over Redis', () => {
  let redis: RedisServer;
  let client: RawResp;
  let ports: RedisPorts;
  const keys = new StoreKeys();

  const connect = (namespace?: string): RedisPorts => {
    const { port } = redis;
    return openRedisPorts({ kind: 'standalone', endpoints: [{ host: '127.0.0.1', port }], database: 0 }, namespace);
  };

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  beforeEach(async () => {
    client = await connectRaw({ port: redis.port });
    await client.command('FLUSHALL');
    ports = connect();
  });
  afterEach(async () => {
    await ports[Symbol.asyncDispose]();
    await client.close();
  });

  it('keep a value as other clients see it, and read what they write', async () => {
    const kv = new RedisKeyValue(ports.calls);
    await kv.set('a\u00e9', 'value', { contentType: 'text/plain', ttl: 60_000 });
    expect(await client.command('GET', 'a\xc3\xa9')).toBe('$5\r\nvalue\r\n');
    await client.command('SET', 'theirs', '\0\xff', 'PX', '50000');
    const entry = (await kv.get('theirs')) as Entry;
    expect([text(entry), entry.contentType]).toEqual(['\0\xff', '']);
    expect(entry.expiresAt).toBeGreaterThan(Date.now() + 40_000);
  });

  it('lose the content type of a value that another client has replaced, and only then', async () => {
    const kv = new RedisKeyValue(ports.calls);
    await kv.set('k', '{}', { contentType: 'application/json' });
    await client.command('SET', 'k', '[]');
    expect((await kv.get('k'))?.contentType).toBe('');
    await client.command('SET', 'k', '{}');
    expect((await kv.get('k'))?.contentType).toBe('application/json');
    await kv.set('n', '7', { contentType: 'text/plain', ttl: 60_000 });
    await kv.increment('n', 1n);
    expect(await kv.get('n')).toMatchObject({ contentType: 'text/plain' });
    await client.command('INCR', 'n');
    expect((await kv.get('n'))?.contentType).toBe('');
  });

  it('leave nothing beside a value that is gone', async () => {
    const kv = new RedisKeyValue(ports.calls);
    await kv.set('k', 'v', { contentType: 'text/plain', ttl: 60_000 });
    const beside = keys.metaKeyOf('k') as string;
    expect(await client.command('PEXPIRETIME', beside)).toBe(await client.command('PEXPIRETIME', 'k'));
    await kv.set('k', 'v');
    expect(await client.command('EXISTS', beside)).toBe(':0\r\n');
    await kv.set('k', 'v', { contentType: 'text/plain' });
    await kv.delete('k');
    expect(await client.command('DBSIZE')).toBe(':0\r\n');
  });

  it("keep Sluice's own keys out of sight and out of reach", async () => {
    const kv = new RedisKeyValue(ports.calls);
    await kv.set('k', 'v', { contentType: 'text/plain' });
    await new RedisCounter(ports.calls).add('c', 1);
    const seen: string[] = [];
    for await (const key of kv.scan()) seen.push(Buffer.from(key).toString());
    expect(seen).toEqual(['k']);
    const own = keys.internal('c', 'counter');
    await expect(kv.get(own)).rejects.toEqual(code('FORBIDDEN'));
    await expect(kv.set(own, '9')).rejects.toEqual(code('FORBIDDEN'));
    await expect(kv.delete(own)).rejects.toEqual(code('FORBIDDEN'));
    await expect(kv.increment(own, 1n)).rejects.toEqual(code('FORBIDDEN'));
    expect(await new RedisCounter(ports.calls).get('c')).toBe(1);
  });

  it('keep two installations on one server apart by their namespaces', async () => {
    await using others = connect('theirs');
    await new RedisCounter(ports.calls).add('c', 1);
    await new RedisCounter(others.calls).add('c', 5);
    expect(await new RedisCounter(ports.calls).get('c')).toBe(1);
    expect(await new RedisLease(ports.calls).acquire('l', 'a', { ttl: 60_000 })).toBeGreaterThan(0);
    expect(await new RedisLease(others.calls).acquire('l', 'b', { ttl: 60_000 })).toBeGreaterThan(0);
  });

  it('send a script again that the server has forgotten', async () => {
    const counter = new RedisCounter(ports.calls);
    await counter.add('c', 1);
    await client.command('SCRIPT', 'FLUSH');
    expect(await Promise.all([1, 2, 3].map(() => counter.add('c', 1)))).toEqual([2, 3, 4]);
  });

  it('tell what is wrong with a key by its code, not by absence', async () => {
    const kv = new RedisKeyValue(ports.calls);
    await client.command('RPUSH', 'list', 'a');
    await expect(kv.get('list')).rejects.toEqual(code('WRONG_TYPE'));
    await expect(kv.set('list', 'v')).rejects.toEqual(code('WRONG_TYPE'));
    await expect(kv.increment('list', 1n)).rejects.toEqual(code('WRONG_TYPE'));
    expect(await client.command('LLEN', 'list')).toBe(':1\r\n');
    expect(await kv.delete('list')).toBe(true);
    await client.command('SET', keys.internal('r', 'fields'), 'x');
    const fields = new RedisFields(ports.calls);
    await expect(fields.get('r')).rejects.toEqual(code('WRONG_TYPE'));
    await expect(fields.increment('r', 'n', 1)).rejects.toEqual(code('WRONG_TYPE'));
    await client.command('SET', keys.internal('c', 'counter'), '1.5');
    await expect(new RedisCounter(ports.calls).add('c', 1)).rejects.toEqual(code('NOT_AN_INTEGER'));
    await expect(new RedisCounter(ports.calls).get('c')).rejects.toEqual(code('NOT_AN_INTEGER'));
  });

  it('tell a full server, one that is a replica and one that refuses', async () => {
    const kv = new RedisKeyValue(ports.calls);
    await kv.set('k', 'v');
    const settings = async (...words: string[]): Promise<void> => {
      expect(await client.command('CONFIG', 'SET', ...words)).toBe('+OK\r\n');
    };
    onTestFinished(async () => {
      await using other = await connectRaw({ port: redis.port });
      await other.command('CONFIG', 'SET', 'maxmemory', '0', 'min-replicas-to-write', '0');
      await other.command('REPLICAOF', 'NO', 'ONE');
    });
    await settings('maxmemory', '1');
    await expect(kv.set('k', 'w')).rejects.toEqual(code('OUT_OF_MEMORY'));
    await expect(new RedisWindow(ports.calls).fixed('w', { limit: 1, per: 1000 })).rejects.toEqual(
      code('OUT_OF_MEMORY'),
    );
    expect(text(await kv.get('k'))).toBe('v');
    await settings('maxmemory', '0', 'min-replicas-to-write', '1');
    await expect(kv.set('k', 'w')).rejects.toEqual(code('STORE_READ_ONLY'));
    await settings('min-replicas-to-write', '0');
    await client.command('REPLICAOF', '127.0.0.1', '1');
    await expect(kv.set('k', 'w')).rejects.toEqual(code('STORE_READ_ONLY'));
    expect(text(await kv.get('k'))).toBe('v');
  });

  it('renew a subscription whose connection is lost', async () => {
    const channel = new RedisChannel(ports.calls);
    const got: string[] = [];
    await using _news = await channel.subscribe(
      'news',
      ({ payload }) => void got.push(Buffer.from(payload).toString()),
    );
    await using _other = await channel.subscribe('other', () => undefined);
    await channel.publish('news', '1');
    await eventually(() => expect(got).toEqual(['1']));
    for (let round = 2; round < 5; round++) {
      expect(await client.command('CLIENT', 'KILL', 'TYPE', 'pubsub')).toBe(':1\r\n');
      await eventually(async () => {
        expect(await client.command('PUBSUB', 'NUMSUB', 'news', 'other')).toBe(
          '*4\r\n$4\r\nnews\r\n:1\r\n$5\r\nother\r\n:1\r\n',
        );
      });
      await channel.publish('news', `${round}`);
      await eventually(() => expect(got.at(-1)).toBe(`${round}`));
    }
    expect(got).toEqual(['1', '2', '3', '4']);
  });

  it('use one connection for all subscriptions, and none after the last', async () => {
    const channel = new RedisChannel(ports.calls);
    const subscriptions = await Promise.all(
      ['a', 'b', 'a', 'c'].map((name) => channel.subscribe(name, () => undefined)),
    );
    const subscribers = async (): Promise<number> =>
      (await client.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).split(' addr=').length - 1;
    expect(await subscribers()).toBe(1);
    expect(await channel.publish('a', 'x')).toBe(1);
    await Promise.all(subscriptions.map((subscription) => subscription.close()));
    expect(await channel.publish('a', 'x')).toBe(0);
    expect(await subscribers()).toBe(0);
    await using _again = await channel.subscribe('a', () => undefined);
    expect(await channel.publish('a', 'x')).toBe(1);
  });

  it('do not begin a subscription, nor a call, under a signal that is aborted', async () => {
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(new RedisChannel(ports.calls).subscribe('c', () => undefined, { signal })).rejects.toBe(reason);
    await expect(new RedisCounter(ports.calls).add('c', 1, { signal })).rejects.toBe(reason);
    expect(await client.command('DBSIZE')).toBe(':0\r\n');
    expect(await client.command('PUBSUB', 'CHANNELS')).toBe('*0\r\n');
  });

  it('tell that the server is away, and go on once it is back', async () => {
    const other = await startRedis();
    onTestFinished(() => other.stop());
    const endpoints = [{ host: '127.0.0.1', port: other.port }];
    await using away = openRedisPorts({ kind: 'standalone', endpoints, database: 0 });
    const counter = new RedisCounter(away.calls);
    const channel = new RedisChannel(away.calls);
    const got: string[] = [];
    await using _s = await channel.subscribe('news', ({ payload }) => void got.push(Buffer.from(payload).toString()));
    await counter.add('c', 1);
    await other.kill();
    await eventually(() => expect(counter.add('c', 1)).rejects.toEqual(code('STORE_UNAVAILABLE')));
    await expect(counter.get('c')).rejects.toEqual(code('STORE_UNAVAILABLE'));
    await expect(channel.subscribe('more', () => undefined)).rejects.toEqual(code('STORE_UNAVAILABLE'));
    await other.restart();
    await eventually(async () => expect(await counter.add('c', 1)).toBeGreaterThan(0));
    await eventually(async () => {
      await channel.publish('news', 'back');
      expect(got.at(-1)).toBe('back');
    });
  });
});
