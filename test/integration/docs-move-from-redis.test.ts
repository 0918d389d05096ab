import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { codeBlocks } from '../support/markdown.ts';
import { startNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

const page = resolve(import.meta.dirname, '../../docs/how-to/move-from-redis.md');
const redisCli = findProgram('redis-cli');

/** Commands that make keys of every type, and for each key the question whose answer must be the same afterwards. */
const data: readonly (readonly string[])[] = [
  ['SET', 'text', 'two words'],
  ['SET', 'bytes', '\x00\xff\r\n'],
  ['SET', 'number', '42'],
  ['SET', 'brief', 'x', 'PX', '3600000'],
  ['RPUSH', 'list', ...Array.from({ length: 200 }, (_, i) => `element ${i}`)],
  ['SADD', 'numbers', '1', '2', '3'],
  ['SADD', 'names', 'a', 'b'],
  ['ZADD', 'scores', '1.5', 'low', '-inf', 'lowest', '1e300', 'high'],
  ['HSET', 'record', 'field', 'value', 'empty', ''],
];
const questions: readonly (readonly string[])[] = [
  ['GET', 'text'],
  ['GET', 'bytes'],
  ['INCR', 'number'],
  ['PEXPIRETIME', 'brief'],
  ['LRANGE', 'list', '0', '-1'],
  ['SMEMBERS', 'numbers'],
  ['SISMEMBER', 'names', 'b'],
  ['ZRANGE', 'scores', '0', '-1', 'WITHSCORES'],
  ['HGETALL', 'record'],
  ['DBSIZE'],
];

it.skipIf(findProgram('redis-server') === undefined || redisCli === undefined)(
  'a Redis is copied as the page says',
  async () => {
    await using redis = await startRedis();
    await using sluice = await startNode({ resp: '127.0.0.1:0' });
    const port = sluice.resp.split(':').at(-1) as string;
    await using from = await connectRaw({ port: redis.port });
    await using to = await connectRaw({ port: Number(port) });
    for (const command of data) expect(await from.command(...command)).not.toMatch(/^-/);
    const folder = (await from.command('CONFIG', 'GET', 'dir')).split('\r\n').at(-2) as string;

    const text = readFileSync(page, 'utf8');
    const start = text.indexOf('## Copy the data');
    const blocks = codeBlocks(text.slice(start, text.indexOf('\n## ', start + 1))).filter(
      ({ language }) => language === 'sh',
    );
    expect(blocks.length).toBe(4);
    let output = '';
    for (const block of blocks) {
      const script = block.text
        .replaceAll('redis-cli -p 6379', `${redisCli} -p ${redis.port}`)
        .replaceAll('redis-cli -p 6380', `${redisCli} -p ${port}`)
        .replaceAll('sleep 1', 'sleep 0.05');
      const { stdout, stderr } = await promisify(execFile)('sh', ['-ec', script], { cwd: folder });
      expect(stderr, block.text).toBe('');
      output += stdout;
    }
    expect(output).toContain('errors: 0, replies:');
    for (const question of questions) expect(await to.command(...question)).toBe(await from.command(...question));
  },
);
