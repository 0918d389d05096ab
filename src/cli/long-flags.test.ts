import { expect, it } from 'vitest';
import { withLongFlags } from './long-flags.ts';

it.each([
  ['-redis redis.example.com:6379 -http :8080', 'start --redis redis.example.com:6379 --http :8080'],
  ['-expire 2m -capacity 1000', 'start --expire 2m --capacity 1000'],
  ['start -redis=a:1 -redis-ops-limit=64', 'start --redis=a:1 --redis-ops-limit=64'],
  ['--redis a:1 --http localhost:8080', 'start --redis a:1 --http localhost:8080'],
  ['-h', '-h'],
  ['keys set -capacity 1', 'keys set -capacity 1'],
  ['start -- -redis', 'start -- -redis'],
  ['', ''],
])('reads %j as %j', (given, meant) => {
  expect(withLongFlags(given === '' ? [] : given.split(' ')).join(' ')).toBe(meant);
});
