import {
  all,
  count,
  float,
  integer,
  key,
  many,
  maybe,
  member,
  one,
  options,
  pattern,
  type Row,
  value,
} from './words.ts';

// A large negative count asks for so many repetitions.
const fields = one('0', '1', '2', '5', '-1', '-3', '-10', '', 'abc', '9223372036854775807', '-9223372036854775808');

export const hashRows: readonly Row[] = [
  [10, 'HSET', key, many(1, 3, member, value)],
  [4, 'HSET', key, many(1, 2, member, integer)],
  [3, 'HSETNX', key, member, value],
  [5, 'HGET', key, member],
  [2, 'HMSET', key, many(1, 3, member, value)],
  [3, 'HMGET', key, many(1, 4, member)],
  [4, 'HGETALL', key],
  [5, 'HDEL', key, many(1, 3, member)],
  [3, 'HLEN', key],
  [2, 'HSTRLEN', key, member],
  [2, 'HEXISTS', key, member],
  [2, 'HKEYS', key],
  [2, 'HVALS', key],
  [5, 'HINCRBY', key, member, integer],
  [5, 'HINCRBYFLOAT', key, member, float],
  [2, 'HRANDFIELD', key, maybe(fields, maybe('WITHVALUES'))],
  [2, 'HSCAN', key, '0', options(2, all('MATCH', pattern), all('COUNT', count))],
];
