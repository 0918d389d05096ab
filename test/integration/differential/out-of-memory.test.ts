import { expect, test } from 'vitest';
import { findProgram } from '../../support/programs.ts';
import { connectRaw, type RawResp } from '../../support/raw-resp.ts';
import { startRedis } from '../../support/redis-server.ts';
import { showCommand } from './step.ts';
import { startTarget } from './target.ts';

/** Which commands are refused at the bound, in which words, and which go on. What they find does not matter: the keys are not there. */
const commands = `
  SET a 1
  GET a
  MGET a b
  MSET a 1 b 2
  SETNX a 1
  SETEX a 100 1
  GETSET a 1
  GETDEL a
  GETEX a PERSIST
  APPEND a x
  SETRANGE a 0 x
  INCR a
  DECRBY a 5
  INCRBYFLOAT a 1.5
  DEL a
  UNLINK a
  EXISTS a
  EXPIRE a 100
  PERSIST a
  TTL a
  RENAME a b
  RENAMENX a b
  TOUCH a
  TYPE a
  HSET h f v
  HINCRBY h f 1
  HDEL h f
  HGETALL h
  RPUSH l x
  LPUSHX l x
  LPOP l
  LSET l 0 x
  LTRIM l 0 1
  LREM l 0 x
  LINSERT l BEFORE x y
  LMOVE l m LEFT LEFT
  RPOPLPUSH l m
  BLPOP l 0.001
  BLMOVE l m LEFT LEFT 0.001
  SADD s x
  SREM s x
  SMOVE s t x
  SPOP s
  SINTERSTORE s t u
  SUNIONSTORE s t u
  ZADD z 1 a
  ZINCRBY z 1 a
  ZREM z a
  ZPOPMIN z
  ZREMRANGEBYSCORE z 0 1
  SET a
  SET a 1 FOO
  NOSUCH a
  PING
  PUBLISH c m
  MULTI
  GET a
  EXEC
  MULTI
  SET a 1
  GET a
  EXEC
  MULTI
  DEL a
  DISCARD
  MULTI
  NOSUCH
  EXEC
  WATCH a
  UNWATCH
  CLIENT GETNAME
  SUBSCRIBE c
`;

const cannotRun = findProgram('redis-server') === undefined || /\d/.test(process.env['SLUICE_DIFF_TARGET'] ?? '');

test.skipIf(cannotRun)('at the bound of memory the same commands are refused in the same words', async () => {
  await using reference = await startRedis();
  await using target = await startTarget({ config: { maxBytes: '1MiB' } });
  await using expected = await connectRaw(reference);
  await using actual = await connectRaw(target.endpoint);
  await expected.command('CONFIG', 'SET', 'maxmemory', '1');
  await fill(actual);
  for (const line of commands.trim().split('\n')) {
    const argv = line.trim().split(' ');
    expect(await actual.command(...argv), showCommand(argv)).toBe(await expected.command(...argv));
  }
});

/** Writes until writes are refused. */
async function fill(client: RawResp): Promise<void> {
  if (process.env['SLUICE_DIFF_TARGET'] === 'redis') {
    await client.command('CONFIG', 'SET', 'maxmemory', '1');
    return;
  }
  for (let i = 0; i < 2_000; i++) {
    if ((await client.command('SET', `fill${i}`, 'x'.repeat(4_096))).startsWith('-OOM')) return;
  }
  throw new Error('8 MB went into 1 MiB');
}
