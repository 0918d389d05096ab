import type { Scenarios } from './scenarios.ts';

export const genericCases: Scenarios = {
  'words too few or too many': `
    DEL
    UNLINK
    EXISTS
    TYPE
    TYPE a b
    TOUCH
    RENAME a
    RENAME a b c
    RENAMENX a
    RANDOMKEY x
    KEYS
    KEYS a b
    SCAN
    DBSIZE x
    EXPIRE a
    PEXPIRE a
    EXPIREAT a
    PEXPIREAT a
    TTL
    TTL a b
    PTTL
    EXPIRETIME
    PEXPIRETIME
    PERSIST
    PERSIST a b
  `,
  'keys of every type': `
    SET s 1
    RPUSH l 1
    HSET h f 1
    SADD u 1
    ZADD z 1 a
    TYPE s
    TYPE l
    TYPE h
    TYPE u
    TYPE z
    TYPE nosuch
    EXISTS s l h u z nosuch s s
    TOUCH s l nosuch s
    DBSIZE
    KEYS *
    DEL s nosuch s l
    UNLINK h u h nosuch
    DBSIZE
    RANDOMKEY
    DEL z
    RANDOMKEY
    DBSIZE
    KEYS *
  `,
  'RENAME and RENAMENX': `
    RENAME a b
    RENAMENX a b
    RENAME a a
    RENAMENX a a
    SET a 1 EX 100
    SET b 2
    RENAME a b
    TTL b
    GET b
    EXISTS a
    RENAME b b
    GET b
    RENAMENX b b
    RPUSH l x
    RENAMENX b l
    RENAMENX b c
    RENAME c l
    TYPE l
    SET p 1
    RENAME p l
    TTL l
  `,
  KEYS: `
    MSET a 1 ab 2 abc 3 b 4 h[i]t 5 h?t 6 hat 7 "a\\x00b" 8 "\\xff" 9 back\\slash 10
    KEYS *
    KEYS a
    KEYS a*
    KEYS ?
    KEYS a?
    KEYS h[ab]t
    KEYS h[^b]t
    KEYS h[a-c]t
    KEYS h[c-a]t
    KEYS h\\[i\\]t
    KEYS h\\?t
    KEYS h[?]t
    KEYS h[
    KEYS h[a
    KEYS [
    KEYS []
    KEYS [^]
    KEYS [^
    KEYS a\\
    KEYS *\\*
    KEYS **b**
    KEYS ""
    KEYS nosuch
    KEYS A*
    KEYS "a\\x00*"
    KEYS "\\xff"
    KEYS *b
    KEYS *a*b*c*
    KEYS h[a\\]]t
    KEYS back\\\\\\\\slash
  `,
  SCAN: `
    MSET a 1 aa 2 b 3
    RPUSH l 1
    HSET h f 1
    SCAN 0
    SCAN 0 MATCH a*
    SCAN 0 COUNT 1
    SCAN 0 COUNT 1000
    SCAN 0 TYPE string
    SCAN 0 TYPE LIST
    SCAN 0 TYPE hash COUNT 1
    SCAN 0 TYPE nosuch
    SCAN 0 MATCH a* TYPE string COUNT 2
    SCAN 0 match b count 5 type string
    SCAN 0 COUNT 0
    SCAN 0 COUNT -1
    SCAN 0 COUNT abc
    SCAN 0 COUNT
    SCAN 0 MATCH
    SCAN 0 TYPE
    SCAN 0 FOO
    SCAN 0 FOO bar
    SCAN abc
    SCAN -1
    SCAN ""
    SCAN " 0"
    SCAN 1.5
    SCAN 18446744073709551616
    SCAN 0 COUNT 9223372036854775808
  `,
  'SCAN sees every key of a large database': `
${Array.from({ length: 60 }, (_, i) => `    MSET ${Array.from({ length: 20 }, (__, j) => `key:${i * 20 + j} x`).join(' ')}`).join('\n')}
    SCAN 0
    SCAN 0 COUNT 7
    SCAN 0 COUNT 5000
    SCAN 0 MATCH key:1*9
    SCAN 0 TYPE string COUNT 100
    DBSIZE
  `,
  'scans of large collections': `
${Array.from({ length: 40 }, (_, i) => `    SADD s ${Array.from({ length: 20 }, (__, j) => `member-${i * 20 + j}`).join(' ')}`).join('\n')}
${Array.from({ length: 40 }, (_, i) => `    HSET h ${Array.from({ length: 20 }, (__, j) => `f${i * 20 + j} ${j}`).join(' ')}`).join('\n')}
${Array.from({ length: 40 }, (_, i) => `    ZADD z ${Array.from({ length: 20 }, (__, j) => `${j} m${i * 20 + j}`).join(' ')}`).join('\n')}
    SSCAN s 0
    SSCAN s 0 COUNT 50 MATCH *7
    HSCAN h 0
    HSCAN h 0 COUNT 3
    ZSCAN z 0
    ZSCAN z 0 MATCH m1?? COUNT 1
    SPOP s 300
    SRANDMEMBER s 100
    SRANDMEMBER s -600
    HRANDFIELD h 100
    HRANDFIELD h 700 WITHVALUES
    ZRANGE z 100 110 WITHSCORES
    ZRANK z m777
    ZREVRANK z m777
    ZCOUNT z 5 (7
    ZREMRANGEBYRANK z 10 700
    ZRANGE z 0 -1 WITHSCORES
  `,
  'EXPIRE and its conditions': `
    EXPIRE nosuch 100
    SET a 1
    EXPIRE a 100 XX
    EXPIRE a 100 GT
    TTL a
    EXPIRE a 100 LT
    TTL a
    PERSIST a
    PERSIST a
    EXPIRE a 100 NX
    EXPIRE a 200 NX
    EXPIRE a 50 GT
    EXPIRE a 200 GT
    EXPIRE a 300 LT
    EXPIRE a 150 LT
    EXPIRE a 100 XX
    EXPIRE a 500 XX GT
    EXPIRE a 400 xx lt
    EXPIRE a 10 NX XX
    EXPIRE a 10 NX GT
    EXPIRE a 10 NX LT
    EXPIRE a 10 GT LT
    EXPIRE a 10 FOO
    EXPIRE a 10 NX FOO
    EXPIRE a 10 XX XX
    EXPIRE nosuch 10 FOO
    EXPIRE nosuch 10 GT LT
    EXPIRE a abc FOO
    TTL a
    PEXPIRE a 100000 GT
    EXPIREAT a 4102444800 GT
    EXPIREAT a 4102444801 LT
    PEXPIREAT a 4102444800001 GT
    EXPIRETIME a
    PEXPIRETIME a
  `,
  'times of expiry that are no times': `
    SET a 1
    EXPIRE a abc
    EXPIRE a ""
    EXPIRE a 1.5
    EXPIRE a " 1"
    EXPIRE a 9223372036854775807
    EXPIRE a 9223372036854775808
    EXPIRE a 9223372036854775
    EXPIRE a -9223372036854775808
    EXPIRE a -9223372036854775
    PEXPIRE a 9223372036854775807
    PEXPIRE a 9223372036854775808
    PEXPIRE a -9223372036854775808
    PEXPIRE a abc
    EXPIREAT a 9223372036854775807
    EXPIREAT a 9223372036854776
    EXPIREAT a abc
    EXPIREAT a -9223372036854775808
    PEXPIREAT a 9223372036854775808
    PEXPIREAT a abc
    EXISTS a
    EXPIRE nosuch abc
    EXPIRE nosuch 9223372036854775807
    PEXPIREAT a 9223372036854775807
    PEXPIRETIME a
    SET b 1
    EXPIREAT b 9223372036854775
    EXPIRETIME b
  `,
  'times in the past delete': `
    MSET a 1 b 2 c 3 d 4 e 5
    EXPIRE a 0
    EXPIRE b -1
    PEXPIRE c -100
    EXPIREAT d 1
    PEXPIREAT e 1
    EXISTS a b c d e
    DBSIZE
    SET a 1
    EXPIRE a -1 NX
    SET a 1 EX 100
    EXPIRE a -1 GT
    EXPIRE a -1 NX
    EXPIRE a -1 LT
    EXISTS a
    SET a 1
    EXPIREAT a 0
    EXISTS a
    SET a 1
    EXPIREAT a -5
    EXISTS a
  `,
  'times that are asked for': `
    TTL a
    PTTL a
    EXPIRETIME a
    PEXPIRETIME a
    PERSIST a
    SET a 1
    TTL a
    PTTL a
    EXPIRETIME a
    PEXPIRETIME a
    PERSIST a
    EXPIREAT a 4102444800
    EXPIRETIME a
    PEXPIRETIME a
    TTL a
    PEXPIREAT a 4102444800999
    EXPIRETIME a
    PEXPIRETIME a
    PERSIST a
    TTL a
    PEXPIRE a 1500
    TTL a
    PEXPIRE a 1499
    TTL a
    PEXPIRE a 499
    TTL a
  `,
  'FLUSHDB and FLUSHALL': `
    MSET a 1 b 2
    FLUSHDB
    DBSIZE
    SET a 1
    FLUSHALL
    DBSIZE
    SET a 1
    FLUSHDB ASYNC
    FLUSHDB sync
    FLUSHALL async
    FLUSHALL SYNC
    FLUSHDB now
    FLUSHALL now
    FLUSHALL ASYNC SYNC
    FLUSHDB ASYNC x
    DBSIZE
  `,
};
