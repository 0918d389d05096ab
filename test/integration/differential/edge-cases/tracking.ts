import type { Scenarios } from './scenarios.ts';

/** Everything received is compared: invalidations come as pushes. */
export const trackingCases: Scenarios = {
  'what was read is invalidated once': `
    CLIENT TRACKING ON
    GET a
    GET nosuch
    1> SET a 1
    1> SET a 2
    GET a
    1> DEL a
    1> SET nosuch 1
    MGET b c
    1> MSET b 1 c 2
    1> MSET b 1 c 2
    CLIENT TRACKING OFF
    GET b
    1> SET b 3
  `,
  'what counts as a change': `
    SET a 1
    CLIENT TRACKING ON
    GET a
    1> SET a 1
    GET a
    1> EXPIRE a 100
    TTL a
    1> PERSIST a
    GET a
    1> SETNX a 5
    1> RENAME a b
    GET b
    EXISTS a
    1> RENAMENX b a
    1> HSET h f 1
    HGET h f
    1> HSET h f 1
    HGETALL h
    1> HDEL h nosuch
    1> HDEL h f
    LRANGE l 0 -1
    1> RPUSH l x
    LLEN l
    1> LPOP l
    SMEMBERS s
    1> SADD s x
    SCARD s
    1> SADD s x
    1> SREM s x
    ZSCORE z m
    1> ZADD z 1 m
    ZRANGE z 0 -1
    1> ZADD z 1 m
    1> ZINCRBY z 1 m
  `,
  'one’s own changes': `
    CLIENT TRACKING ON
    GET a
    SET a 1
    GET a
    MULTI
    SET a 2
    EXEC
    CLIENT TRACKING OFF
    CLIENT TRACKING ON NOLOOP
    GET a
    SET a 3
    GET a
    1> SET a 4
  `,
  'flushing drops everything': `
    CLIENT TRACKING ON
    GET a
    1> FLUSHALL
    GET a
    1> FLUSHDB
    1> SET a 1
  `,
  'BCAST reports by prefix': `
    CLIENT TRACKING ON BCAST PREFIX a PREFIX b
    1> SET a 1
    1> SET abc 1
    1> SET c 1
    1> SET b 1
    1> DEL a
    SET a 2
    CLIENT TRACKINGINFO
    CLIENT TRACKING ON BCAST PREFIX ab
    CLIENT TRACKING ON BCAST PREFIX c
    1> SET c 1
    CLIENT TRACKING OFF
    1> SET a 1
    CLIENT TRACKING ON BCAST
    1> SET anything 1
    1> FLUSHALL
  `,
  'OPTIN and OPTOUT': `
    CLIENT TRACKING ON OPTIN
    GET a
    1> SET a 1
    CLIENT CACHING YES
    GET a
    GET b
    1> MSET a 2 b 2
    CLIENT CACHING NO
    CLIENT TRACKINGINFO
    CLIENT TRACKING OFF
    CLIENT TRACKING ON OPTOUT
    GET a
    1> SET a 3
    CLIENT CACHING NO
    GET a
    1> SET a 4
    CLIENT CACHING YES
    CLIENT TRACKINGINFO
  `,
  'options that do not go together': `
    CLIENT TRACKING
    CLIENT TRACKING ON FOO
    CLIENT TRACKING ON PREFIX a
    CLIENT TRACKING ON PREFIX
    CLIENT TRACKING ON BCAST OPTIN
    CLIENT TRACKING ON BCAST OPTOUT
    CLIENT TRACKING ON OPTIN OPTOUT
    CLIENT TRACKING ON BCAST PREFIX a PREFIX ab
    CLIENT TRACKING ON REDIRECT
    CLIENT TRACKING ON REDIRECT abc
    CLIENT TRACKING ON REDIRECT 99999999
    CLIENT TRACKING OFF
    CLIENT TRACKING OFF BCAST
    CLIENT CACHING YES
    CLIENT TRACKINGINFO
    CLIENT GETREDIR
    CLIENT TRACKING ON
    CLIENT CACHING YES
    CLIENT TRACKING ON BCAST
    CLIENT TRACKING ON OPTIN
    CLIENT TRACKING ON
    CLIENT TRACKINGINFO
    CLIENT GETREDIR
    CLIENT TRACKING ON NOLOOP
    CLIENT TRACKINGINFO
    RESET
    CLIENT TRACKINGINFO
  `,
  'invalidations go to another connection': `
    1> SUBSCRIBE __redis__:invalidate
    0> CLIENT TRACKING ON REDIRECT $id1
    0> CLIENT GETREDIR
    0> CLIENT TRACKINGINFO
    0> GET a
    2> SET a 1
    2> SET a 2
    0> MGET a b
    2> MSET a 3 b 3
    0> GET a
    2> FLUSHALL
    0> SET a 4
    0> GET a
    0> SET a 5
    1> UNSUBSCRIBE
    0> GET a
    2> SET a 6
    0> CLIENT TRACKING OFF
    0> CLIENT GETREDIR
  `,
  'invalidations by prefix go to another connection': `
    1> SUBSCRIBE __redis__:invalidate
    0> CLIENT TRACKING ON REDIRECT $id1 BCAST PREFIX a NOLOOP
    2> SET a 1
    2> SET b 1
    0> SET a 2
    2> MSET a 3 ab 3
  `,
  'the connection invalidations go to is gone': `
    1> PING
    0> CLIENT TRACKING ON REDIRECT $id1
    0> GET a
    2> CLIENT KILL ID $id1
    2> SET a 1
    0> CLIENT TRACKINGINFO
    0> GET a
    2> SET a 2
  `,
  'a transaction tells at its end': `
    CLIENT TRACKING ON
    MGET a b
    1> MULTI
    1> SET a 1
    1> SET b 1
    1> EXEC
  `,
};
