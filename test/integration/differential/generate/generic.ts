import {
  all,
  anything,
  count,
  key,
  many,
  maybe,
  milliseconds,
  one,
  options,
  pattern,
  type Row,
  seconds,
  unixMilliseconds,
  unixSeconds,
} from './words.ts';

const condition = options(2, 'NX', 'XX', 'GT', 'LT');
const type = one('string', 'list', 'hash', 'set', 'zset', 'stream', 'STRING', 'nosuch');

export const genericRows: readonly Row[] = [
  [4, 'DEL', many(1, 3, key)],
  [2, 'UNLINK', many(1, 3, key)],
  [4, 'EXISTS', many(1, 4, key)],
  [4, 'TYPE', key],
  [2, 'TOUCH', many(1, 3, key)],
  [4, 'RENAME', key, key],
  [4, 'RENAMENX', key, key],
  [1, 'RANDOMKEY'],
  [2, 'KEYS', pattern],
  [2, 'SCAN', '0', options(3, all('MATCH', pattern), all('COUNT', count), all('TYPE', type))],
  [2, 'DBSIZE'],
  [6, 'EXPIRE', key, seconds, condition],
  [4, 'PEXPIRE', key, milliseconds, condition],
  [4, 'EXPIREAT', key, unixSeconds, condition],
  [4, 'PEXPIREAT', key, unixMilliseconds, condition],
  [5, 'TTL', key],
  [3, 'PTTL', key],
  [3, 'EXPIRETIME', key],
  [3, 'PEXPIRETIME', key],
  [4, 'PERSIST', key],
];

/** Commands that do not look at keys. */
export const serverRows: readonly Row[] = [
  [3, 'PING', maybe(anything)],
  [3, 'ECHO', anything],
  [2, 'SELECT', one('0', '-1', 'abc', '0 ', '99999999', '9223372036854775808')],
  [2, 'CLIENT', 'SETNAME', one('me', '', 'with space', 'line\n', 'caf\xc3\xa9', 'x.y')],
  [2, 'CLIENT', 'GETNAME'],
  [1, 'CLIENT', 'ID'],
  [1, 'CLIENT', 'NO-EVICT', one('ON', 'off', 'maybe')],
  [1, 'CLIENT', 'REPLY', one('ON', 'on', 'maybe')],
  [1, 'CLIENT', 'TRACKINGINFO'],
  [1, 'CLIENT', one('GETREDIR', 'NOSUCH', '', 'getname')],
  [1, 'CLIENT', 'KILL', one('ID', 'TYPE', 'nosuch', '1.2.3.4:5'), one('x', '0', 'nosuch')],
  [2, 'COMMAND', 'GETKEYS', one('GET', 'MGET', 'MSET', 'SINTERSTORE', 'PING', 'NOSUCH', 'LMOVE'), many(0, 4, key)],
  [2, 'COMMAND', 'INFO', many(0, 3, one('get', 'SET', 'nosuch', 'zadd', 'lmove', 'del', 'client|id', 'CONFIG'))],
  [1, 'COMMAND', 'COUNT'],
  [1, 'COMMAND', one('NOSUCH', '', 'HELPME')],
  [1, 'CONFIG', 'GET', one('nosuch', 'maxmemory', 'save')],
  [1, 'CONFIG', 'SET', 'nosuch', '1'],
  [1, 'CONFIG', one('NOSUCH', 'get')],
  [1, 'TIME'],
  [1, 'DBSIZE'],
  [1, 'FLUSHDB', maybe(one('ASYNC', 'SYNC', 'async', 'now'))],
  [1, 'FLUSHALL', maybe(one('ASYNC', 'SYNC', 'sync', 'now'))],
  [1, 'AUTH', one('secret', 'default'), maybe(one('', 'secret'))],
  [1, 'INFO', maybe(one('keyspace', 'nosuch', 'server'))],
  [3, one('FOO', 'GETT', 'nosuch', '', 'get set', 'F\x00O', 'x'.repeat(150)), many(0, 4, anything)],
];

/** With a word too many, Redis would keep the name although it answers with an error; Sluice does all of a HELLO or nothing. */
export const helloRows: readonly Row[] = [
  [1, 'HELLO', maybe(one('2', '3', '1', '4', 'abc', '2.0'), options(1, all('SETNAME', anything), 'AUTH', anything))],
];
