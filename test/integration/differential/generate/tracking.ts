import { all, key, many, maybe, one, options, type Row, value } from './words.ts';

/** For sequences that compare all that arrives: invalidations come as pushes. */
export const trackingRows: readonly Row[] = [
  [
    6,
    'CLIENT',
    'TRACKING',
    one('ON', 'ON', 'ON', 'on', 'OFF', 'maybe'),
    options(2, 'BCAST', 'NOLOOP', 'OPTIN', 'OPTOUT', all('PREFIX', one('a', 'ab', 'c', ''))),
  ],
  [3, 'CLIENT', 'CACHING', one('YES', 'NO', 'yes', 'maybe')],
  [2, 'CLIENT', 'TRACKINGINFO'],
  [1, 'CLIENT', 'GETREDIR'],
  [8, 'GET', key],
  [4, 'MGET', many(1, 3, key)],
  [3, 'EXISTS', key],
  [3, 'TTL', key],
  [10, 'SET', key, value],
  [2, 'SETNX', key, value],
  [4, 'DEL', many(1, 3, key)],
  [2, 'EXPIRE', key, one('1000', '-1')],
  [2, 'PERSIST', key],
  [2, 'RENAME', key, key],
  [2, 'MSET', many(1, 3, key, value)],
  [2, 'RPUSH', key, value],
  [1, 'LRANGE', key, '0', '-1'],
  [1, 'FLUSHALL', maybe('SYNC')],
];
