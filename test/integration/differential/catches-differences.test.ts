import { describe, expect, test } from 'vitest';
import { findProgram, howToInstall } from '../../support/programs.ts';
import { startRedis } from '../../support/redis-server.ts';
import { sameReply } from './compare.ts';
import { generate } from './generate.ts';
import { type Pair, runSequence } from './run-sequence.ts';
import { shrink } from './shrink.ts';
import { ask, openSide, type Side } from './sides.ts';
import { compareState } from './state.ts';
import { showStep } from './step.ts';

describe('the comparison of replies', () => {
  test('takes no two replies for the same without an exemption', () => {
    expect(sameReply(['GET', 'a'], '$1\r\nx\r\n', '$1\r\nx\r\n')).toBe(true);
    expect(sameReply(['GET', 'a'], '$1\r\nx\r\n', '$1\r\ny\r\n')).toBe(false);
    expect(sameReply(['GET', 'a'], '$-1\r\n', '_\r\n')).toBe(false);
    expect(sameReply(['LRANGE', 'a', '0', '-1'], '*2\r\n+a\r\n+b\r\n', '*2\r\n+b\r\n+a\r\n')).toBe(false);
  });

  test('sorts what has no order, and nothing else of it', () => {
    const members = '*2\r\n$1\r\na\r\n$1\r\nb\r\n';
    expect(sameReply(['SMEMBERS', 's'], members, '*2\r\n$1\r\nb\r\n$1\r\na\r\n')).toBe(true);
    expect(sameReply(['SMEMBERS', 's'], members, '*2\r\n$1\r\na\r\n$1\r\na\r\n')).toBe(false);
    expect(sameReply(['SMEMBERS', 's'], members, '~2\r\n$1\r\na\r\n$1\r\nb\r\n')).toBe(false);
    const pairs = '%2\r\n$1\r\nf\r\n$1\r\n1\r\n$1\r\ng\r\n$1\r\n2\r\n';
    expect(sameReply(['HGETALL', 'h'], pairs, '%2\r\n$1\r\ng\r\n$1\r\n2\r\n$1\r\nf\r\n$1\r\n1\r\n')).toBe(true);
    expect(sameReply(['HGETALL', 'h'], pairs, '%2\r\n$1\r\ng\r\n$1\r\n1\r\n$1\r\nf\r\n$1\r\n2\r\n')).toBe(false);
  });

  test('allows clocks a little difference, but not between a time and none', () => {
    expect(sameReply(['TTL', 'a'], ':100\r\n', ':99\r\n')).toBe(true);
    expect(sameReply(['TTL', 'a'], ':100\r\n', ':90\r\n')).toBe(false);
    expect(sameReply(['TTL', 'a'], ':1\r\n', ':-1\r\n')).toBe(false);
  });

  test('never exempts an error', () => {
    expect(sameReply(['SPOP', 's'], '-ERR a\r\n', '-ERR b\r\n')).toBe(false);
    expect(sameReply(['INFO'], '$0\r\n\r\n', '-ERR b\r\n')).toBe(false);
    expect(sameReply(['SMEMBERS', 's'], '*0\r\n', '-ERR b\r\n')).toBe(false);
  });

  test('holds each reply of a transaction to the rules of its command', () => {
    const queued = [
      ['TTL', 'a'],
      ['GET', 'a'],
    ];
    expect(sameReply(['EXEC'], '*2\r\n:100\r\n$1\r\nx\r\n', '*2\r\n:99\r\n$1\r\nx\r\n', queued)).toBe(true);
    expect(sameReply(['EXEC'], '*2\r\n:100\r\n$1\r\nx\r\n', '*2\r\n:99\r\n$1\r\ny\r\n', queued)).toBe(false);
  });
});

const missing = findProgram('redis-server') === undefined ? howToInstall('redis-server') : undefined;

test.skipIf(missing !== undefined)(
  'a server that differs in one command is caught, and the sequence shrunk',
  async () => {
    await using reference = await startRedis();
    await using target = await startRedis({ args: ['--rename-command', 'GETRANGE', 'GETSOME'] });
    await using pair = await openPair(reference, target);
    for (let index = 0; index < 200; index++) {
      const sequence = generate('strings', 1, index);
      if ((await runSequence(pair, sequence)) === undefined) continue;
      const shortest = await shrink(sequence, async (candidate) => (await runSequence(pair, candidate)) !== undefined);
      expect(shortest.steps.map(showStep)).toHaveLength(1);
      expect(showStep(shortest.steps[0] ?? { sleepMs: 0 })).toMatch(/getrange/i);
      return;
    }
    expect.fail('200 sequences did not meet it');
  },
);

test.skipIf(missing !== undefined)('data that differ are caught though no reply does', async () => {
  await using reference = await startRedis();
  await using target = await startRedis();
  await using pair = await openPair(reference, target);
  const write = async (side: Side, ...commands: string[]): Promise<void> => {
    for (const command of commands) await ask(side, ...command.split(' '));
  };
  await write(pair.reference, 'FLUSHALL', 'RPUSH l a b', 'SET s x EX 1000');
  for (const commands of [
    ['RPUSH l a', 'SET s x EX 1000'],
    ['RPUSH l b a', 'SET s x EX 1000'],
    ['RPUSH l a b', 'SET s x'],
    ['RPUSH l a b', 'SET s x EX 2000'],
    ['RPUSH l a b', 'SET s x EX 1000', 'SET t x'],
    ['RPUSH l a b', 'SADD s x', 'EXPIRE s 1000'],
  ]) {
    await write(pair.target, 'FLUSHALL', ...commands);
    expect(await compareState(pair.reference, pair.target), commands.join(', ')).toBeDefined();
  }
  await write(pair.target, 'FLUSHALL', 'SET s x EX 1000', 'RPUSH l a b');
  expect(await compareState(pair.reference, pair.target)).toBeUndefined();
});

async function openPair(reference: { port: number }, target: { port: number }): Promise<Pair & AsyncDisposable> {
  const sides = { reference: await openSide(reference), target: await openSide(target) };
  return {
    ...sides,
    [Symbol.asyncDispose]: async () => {
      await sides.reference.close();
      await sides.target.close();
    },
  };
}
