import { count, index, key, many, maybe, one, type Row, value } from './words.ts';

const side = one('LEFT', 'RIGHT', 'left', 'Right', 'LEFT', 'RIGHT', 'MIDDLE');

export const listRows: readonly Row[] = [
  [8, 'RPUSH', key, many(1, 5, value)],
  [6, 'LPUSH', key, many(1, 5, value)],
  [2, 'LPUSHX', key, many(1, 2, value)],
  [2, 'RPUSHX', key, many(1, 2, value)],
  [4, 'LPOP', key, maybe(count)],
  [4, 'RPOP', key, maybe(count)],
  [3, 'LLEN', key],
  [6, 'LRANGE', key, index, index],
  [4, 'LINDEX', key, index],
  [4, 'LSET', key, index, value],
  [4, 'LREM', key, index, value],
  [3, 'LTRIM', key, index, index],
  [4, 'LINSERT', key, one('BEFORE', 'AFTER', 'before', 'NEAR'), value, value],
  [4, 'LMOVE', key, key, side, side],
  [3, 'RPOPLPUSH', key, key],
];

/** Only with time-outs short enough to wait for. */
const timeout = one('0.001', '0.005', '-1', 'abc', '', 'nan', '-inf', '1e400');

/** Never changed at random: a changed time-out would block for as long. */
export const blockingRows: readonly Row[] = [
  [3, 'BLPOP', many(1, 3, key), timeout],
  [3, 'BRPOP', many(1, 3, key), timeout],
  [3, 'BLMOVE', key, key, side, side, timeout],
];
