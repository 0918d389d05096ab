import {
  all,
  count,
  float,
  index,
  key,
  many,
  maybe,
  member,
  mostly,
  one,
  options,
  pattern,
  type Row,
} from './words.ts';

const scoreBound = mostly(
  one('-inf', '+inf', '0', '1', '(1', '2', '(2', '10', '-1', '1.5', '(-inf', '(+inf', 'inf'),
  one('', '(', 'abc', 'nan', '(nan', '[1', '1e400', '-'),
);
const lexBound = mostly(
  one('-', '+', '[m1', '(m1', '[m3', '(m3', '[1', '(1', '[', '(', '[f', '[\xff'),
  one('', 'm1', '--', '[m2', '+inf'),
);
const limit = all('LIMIT', one('0', '1', '2', '-1', 'abc'), one('0', '1', '2', '-1', '10', 'abc'));

/** Keys whose members all have the score 0: what ranges of members give where scores differ is unspecified. */
const oneScore = one('lex', 'lex2');

export const sortedSetRows: readonly Row[] = [
  [8, 'ZADD', key, many(1, 4, float, member)],
  [4, 'ZADD', oneScore, many(1, 4, '0', member)],
  [8, 'ZADD', key, options(3, 'NX', 'XX', 'GT', 'LT', 'CH', 'INCR'), many(1, 2, float, member)],
  [4, 'ZREM', key, many(1, 3, member)],
  [3, 'ZCARD', key],
  [4, 'ZCOUNT', key, scoreBound, scoreBound],
  [3, 'ZSCORE', key, member],
  [3, 'ZMSCORE', key, many(1, 3, member)],
  [5, 'ZINCRBY', key, float, member],
  [3, 'ZRANK', key, member],
  [3, 'ZREVRANK', key, member],
  [5, 'ZRANGE', key, index, index, options(2, 'REV', 'WITHSCORES', limit)],
  [5, 'ZRANGE', key, scoreBound, scoreBound, 'BYSCORE', options(3, 'REV', 'WITHSCORES', limit)],
  [5, 'ZRANGE', oneScore, lexBound, lexBound, 'BYLEX', options(2, 'REV', limit, 'WITHSCORES')],
  [2, 'ZRANGE', key, index, index, options(4, 'REV', 'WITHSCORES', 'BYSCORE', limit)],
  [1, 'ZRANGE', oneScore, index, index, options(4, 'REV', 'WITHSCORES', 'BYSCORE', 'BYLEX', limit)],
  [3, 'ZREVRANGE', key, index, index, maybe('WITHSCORES')],
  [3, 'ZRANGEBYSCORE', key, scoreBound, scoreBound, options(2, 'WITHSCORES', limit)],
  [3, 'ZREVRANGEBYSCORE', key, scoreBound, scoreBound, options(2, 'WITHSCORES', limit)],
  [3, 'ZRANGEBYLEX', oneScore, lexBound, lexBound, maybe(limit)],
  [3, 'ZREVRANGEBYLEX', oneScore, lexBound, lexBound, maybe(limit)],
  [2, 'ZREMRANGEBYRANK', key, index, index],
  [2, 'ZREMRANGEBYSCORE', key, scoreBound, scoreBound],
  [2, 'ZREMRANGEBYLEX', oneScore, lexBound, lexBound],
  [2, 'ZLEXCOUNT', oneScore, lexBound, lexBound],
  [3, 'ZPOPMIN', key, maybe(count)],
  [3, 'ZPOPMAX', key, maybe(count)],
  [2, 'ZSCAN', key, '0', options(2, all('MATCH', pattern), all('COUNT', count))],
];
