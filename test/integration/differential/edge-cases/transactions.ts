import type { Scenarios } from './scenarios.ts';

export const transactionCases: Scenarios = {
  'out of place': `
    EXEC
    DISCARD
    UNWATCH
    MULTI x
    EXEC x
    DISCARD x
    UNWATCH x
    WATCH
    MULTI
    MULTI
    PING
    WATCH a
    EXEC
    EXEC
    MULTI
    DISCARD
    DISCARD
    EXEC
  `,
  'queued, then run': `
    MULTI
    SET a 1
    INCR a
    GET a
    LPUSH a x
    PING
    ECHO hi
    HSET h f v
    HGETALL h
    SMEMBERS nosuch
    ZADD z 1.5 m
    ZSCORE z m
    GET nosuch
    EXEC
    GET a
    MULTI
    EXEC
  `,
  'an error while queueing aborts': `
    MULTI
    SET a 1
    NOSUCH x
    SET b 1
    EXEC
    EXISTS a b
    MULTI
    GET
    EXEC
    MULTI
    SET a
    DISCARD
    EXEC
    MULTI
    MULTI
    EXEC
    MULTI
    CLIENT NOSUCH
    EXEC
    MULTI
    EXEC x
    EXEC
    MULTI
    WATCH a
    SET a 1
    EXEC
    GET a
  `,
  'an error while running does not': `
    MULTI
    SET a abc
    INCR a
    RPUSH a x
    SET b 1
    EXEC
    GET b
  `,
  discarded: `
    SET a 1
    MULTI
    SET a 2
    DISCARD
    GET a
    SET a 3
  `,
  'a watched key that changes': `
    WATCH a
    1> SET a 1
    MULTI
    SET b 1
    EXEC
    EXISTS b
    WATCH a
    MULTI
    1> SET a 1
    SET b 1
    EXEC
    EXISTS b
    MULTI
    SET b 2
    EXEC
  `,
  'a watched key that does not': `
    SET a 1
    WATCH a b
    1> GET a
    1> SETNX a 2
    1> DEL nosuch
    1> SREM nosuch x
    1> EXPIRE nosuch 10
    1> PERSIST a
    MULTI
    SET c 1
    EXEC
    WATCH a
    1> SET other 1
    MULTI
    GET a
    EXEC
  `,
  'what counts as a change': `
    SET a 1
    WATCH a
    1> SET a 1
    MULTI
    PING
    EXEC
    WATCH a
    1> EXPIRE a 100
    MULTI
    PING
    EXEC
    WATCH a
    1> PERSIST a
    MULTI
    PING
    EXEC
    WATCH a
    1> DEL a
    MULTI
    PING
    EXEC
    WATCH a
    1> RENAME a b
    MULTI
    PING
    EXEC
    1> SADD s x
    WATCH s
    1> SADD s x
    MULTI
    PING
    EXEC
    WATCH s
    1> SMOVE s t x
    MULTI
    PING
    EXEC
    1> SET q 1
    WATCH q r
    1> RENAME q r
    MULTI
    PING
    EXEC
    1> HSET h f 1
    WATCH h
    1> HSET h f 1
    MULTI
    PING
    EXEC
    1> RPUSH l a b
    WATCH l
    1> LTRIM l 0 -1
    MULTI
    PING
    EXEC
    WATCH l
    1> LSET l 0 a
    MULTI
    PING
    EXEC
    1> ZADD z 1 a
    WATCH z
    1> ZADD z 1 a
    MULTI
    PING
    EXEC
    WATCH z
    1> ZADD z XX CH 1 a
    MULTI
    PING
    EXEC
    WATCH s2
    1> APPEND s2 ""
    MULTI
    PING
    EXEC
    WATCH s3
    1> SETRANGE s3 0 ""
    MULTI
    PING
    EXEC
  `,
  'watching ends': `
    WATCH a
    UNWATCH
    1> SET a 1
    MULTI
    PING
    EXEC
    WATCH a
    1> SET a 2
    UNWATCH
    MULTI
    PING
    EXEC
    WATCH a
    1> SET a 3
    MULTI
    DISCARD
    MULTI
    PING
    EXEC
    WATCH a
    1> SET a 4
    EXEC
    MULTI
    PING
    EXEC
    MULTI
    PING
    EXEC
    WATCH a a b
    MULTI
    UNWATCH
    1> SET a 5
    EXEC
  `,
  'one’s own change counts before MULTI, not inside': `
    WATCH a
    SET a 1
    MULTI
    PING
    EXEC
    WATCH a
    MULTI
    SET a 2
    EXEC
    GET a
  `,
  'a watched key that is flushed or expires': `
    SET a 1
    WATCH a
    1> FLUSHALL
    MULTI
    PING
    EXEC
    WATCH nosuch
    1> FLUSHALL
    MULTI
    PING
    EXEC
    SET a 1
    WATCH a
    1> FLUSHDB
    MULTI
    PING
    EXEC
    SET a 1 PX 20
    WATCH a
    sleep 60
    MULTI
    PING
    EXEC
    SET a 1 PX 20
    sleep 60
    WATCH a
    MULTI
    PING
    EXEC
  `,
  'EXECABORT comes before a lost watch': `
    WATCH a
    1> SET a 1
    MULTI
    NOSUCH
    EXEC
    MULTI
    PING
    EXEC
  `,
  'flushing inside a transaction': `
    SET a 1
    MULTI
    FLUSHALL
    SET b 1
    DBSIZE
    FLUSHDB
    DBSIZE
    EXEC
  `,
};
