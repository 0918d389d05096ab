import { all, count, key, many, maybe, member, one, options, pattern, type Row } from './words.ts';

// A large negative count asks for so many repetitions.
const members = one('0', '1', '2', '5', '-1', '-3', '-10', '', 'abc', '9223372036854775807', '-9223372036854775808');

export const setRows: readonly Row[] = [
  [10, 'SADD', key, many(1, 4, member)],
  [5, 'SREM', key, many(1, 3, member)],
  [5, 'SMEMBERS', key],
  [3, 'SISMEMBER', key, member],
  [3, 'SMISMEMBER', key, many(1, 3, member)],
  [3, 'SCARD', key],
  [2, 'SPOP', key, maybe(count)],
  [2, 'SRANDMEMBER', key, maybe(members)],
  [4, 'SMOVE', key, key, member],
  [4, 'SINTER', many(1, 3, key)],
  [4, 'SUNION', many(1, 3, key)],
  [4, 'SDIFF', many(1, 3, key)],
  [3, 'SINTERSTORE', key, many(1, 3, key)],
  [3, 'SUNIONSTORE', key, many(1, 3, key)],
  [3, 'SDIFFSTORE', key, many(1, 3, key)],
  [2, 'SSCAN', key, '0', options(2, all('MATCH', pattern), all('COUNT', count))],
];
