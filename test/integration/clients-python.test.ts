import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNodeUnderTest } from '../support/node-under-test.ts';
import { findProgram } from '../support/programs.ts';
import type { SluiceProcess } from '../support/sluice-process.ts';

const run = promisify(execFile);

const python = findProgram('python3-redis');

let sluice: SluiceProcess;

beforeAll(async () => {
  sluice = await startNodeUnderTest();
});

afterAll(async () => {
  await sluice?.[Symbol.asyncDispose]();
});

async function script(source: string): Promise<string> {
  const { stdout } = await run(python ?? '', ['-c', source, `${sluice.resp.port}`], { timeout: 20_000 });
  return stdout.trim();
}

test.skipIf(python === undefined)(
  'redis-py works with every type, transactions, pub/sub and blocking pops',
  async () => {
    const printed = await script(`
import sys, threading
import redis
r = redis.Redis(port=int(sys.argv[1]))
assert r.ping()
assert r.set('py:text', b'\\x00\\xff\\r\\n', ex=100)
assert r.get('py:text') == b'\\x00\\xff\\r\\n'
assert 98 <= r.ttl('py:text') <= 100
assert r.get('py:nosuch') is None
assert r.hset('py:hash', mapping={'f': 1, 'g': 2}) == 2
assert r.hgetall('py:hash') == {b'f': b'1', b'g': b'2'}
assert r.rpush('py:list', 'a', 'b', 'c') == 3
assert r.lrange('py:list', 0, -1) == [b'a', b'b', b'c']
assert r.sadd('py:set', 'x', 'y') == 2
assert r.smembers('py:set') == {b'x', b'y'}
assert r.zadd('py:zset', {'m': 1.5, 'n': float('inf')}) == 2
assert r.zrange('py:zset', 0, -1, withscores=True) == [(b'm', 1.5), (b'n', float('inf'))]
try:
    r.incr('py:list')
    assert False
except redis.ResponseError as error:
    assert 'WRONGTYPE' in str(error)

with r.pipeline() as pipe:
    assert pipe.set('py:n', 1).incr('py:n').get('py:n').execute() == [True, 2, b'2']
with r.pipeline() as pipe:
    pipe.watch('py:n')
    r.set('py:n', 10)
    pipe.multi()
    pipe.incr('py:n')
    try:
        pipe.execute()
        assert False
    except redis.WatchError:
        pass
assert r.transaction(lambda pipe: pipe.multi() or pipe.incr('py:n'), 'py:n') == [11]

subscriber = r.pubsub(ignore_subscribe_messages=True)
subscriber.subscribe('py:news')
subscriber.psubscribe('py:n*')
while r.pubsub_numsub('py:news') != [(b'py:news', 1)] or r.pubsub_numpat() != 1:
    subscriber.get_message(timeout=0.01)
assert r.publish('py:news', 'hello') == 2
heard = []
while len(heard) < 2:
    message = subscriber.get_message(timeout=5)
    if message is not None:
        heard.append((message['type'], message['channel'], message['data']))
assert sorted(heard) == [('message', b'py:news', b'hello'), ('pmessage', b'py:news', b'hello')]
subscriber.close()

threading.Timer(0.05, lambda: redis.Redis(port=int(sys.argv[1])).rpush('py:queue', 'job')).start()
assert r.blpop('py:queue', timeout=10) == (b'py:queue', b'job')
r.mset({f'py:scan:{i}': i for i in range(300)})
assert len(set(r.scan_iter('py:scan:*', count=20))) == 300
print(r.info()['loading'], r.client_setname('py'), r.client_getname())
`);
    expect(printed).toBe('0 True py');
  },
);

test.skipIf(python === undefined)('redis.asyncio works as the synchronous client does', async () => {
  const printed = await script(`
import asyncio, sys
from redis import asyncio as aioredis

async def main():
    redis = aioredis.from_url(f'redis://127.0.0.1:{sys.argv[1]}')
    await redis.set('aio:key', 'Python value')
    assert await redis.get('aio:key') == b'Python value'
    sums = await asyncio.gather(*(redis.incr('aio:n') for _ in range(50)))
    assert sorted(sums) == list(range(1, 51))
    async with redis.pipeline(transaction=True) as pipe:
        assert await pipe.set('aio:t', 1).incr('aio:t').execute() == [True, 2]
    waiting = asyncio.create_task(redis.blpop('aio:queue', timeout=10))
    await asyncio.sleep(0.02)
    await redis.rpush('aio:queue', 'job')
    assert await waiting == (b'aio:queue', b'job')
    async with redis.pubsub() as subscriber:
        await subscriber.subscribe('aio:news')
        assert (await subscriber.get_message(timeout=5))['type'] == 'subscribe'
        await redis.publish('aio:news', 'hello')
        assert (await subscriber.get_message(timeout=5))['data'] == b'hello'
    await redis.mset({f'aio:scan:{i}': i for i in range(300)})
    found = set()
    async for key in redis.scan_iter('aio:scan:*'):
        found.add(key)
    print(len(found))
    await redis.close()

asyncio.run(main())
`);
  expect(printed).toBe('300');
});
