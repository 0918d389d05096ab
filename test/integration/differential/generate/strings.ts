import {
  all,
  either,
  float,
  index,
  integer,
  key,
  many,
  milliseconds,
  one,
  options,
  type Row,
  seconds,
  unixMilliseconds,
  unixSeconds,
  value,
} from './words.ts';

const expiry = either(
  all('EX', seconds),
  all('PX', milliseconds),
  all('EXAT', unixSeconds),
  all('PXAT', unixMilliseconds),
);

// A larger legal offset would make both servers allocate half a gigabyte.
const offset = one('0', '1', '3', '6', '20', '300', '-1', '', 'abc', '536870912', '9223372036854775807');

export const stringRows: readonly Row[] = [
  [8, 'GET', key],
  [8, 'SET', key, value],
  [8, 'SET', key, value, options(3, 'NX', 'XX', 'GET', 'KEEPTTL', expiry, expiry)],
  [4, 'SET', key, integer],
  [2, 'GETSET', key, value],
  [2, 'GETDEL', key],
  [4, 'GETEX', key, options(2, 'PERSIST', expiry)],
  [3, 'MGET', many(1, 4, key)],
  [3, 'MSET', many(1, 3, key, value)],
  [3, 'MSETNX', many(1, 3, key, value)],
  [3, 'SETNX', key, value],
  [3, 'SETEX', key, seconds, value],
  [3, 'PSETEX', key, milliseconds, value],
  [5, 'APPEND', key, value],
  [3, 'STRLEN', key],
  [5, 'GETRANGE', key, index, index],
  [5, 'SETRANGE', key, offset, value],
  [4, 'INCR', key],
  [4, 'DECR', key],
  [4, 'INCRBY', key, integer],
  [4, 'DECRBY', key, integer],
  [6, 'INCRBYFLOAT', key, float],
];
