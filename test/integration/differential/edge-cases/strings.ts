import type { Scenarios } from './scenarios.ts';

export const stringCases: Scenarios = {
  'words too few or too many': `
    GET
    GET a b
    SET
    SET a
    GETSET a
    GETDEL
    GETDEL a b
    GETEX
    MGET
    MSET
    MSET a
    MSET a 1 b
    MSETNX a
    MSETNX a 1 b
    SETNX a
    SETNX a b c
    SETEX a 10
    SETEX a 10 b c
    PSETEX a 10
    APPEND a
    STRLEN
    STRLEN a b
    GETRANGE a 0
    SETRANGE a 0
    INCR
    INCR a b
    DECR
    INCRBY a
    INCRBY a 1 2
    DECRBY a
    INCRBYFLOAT a
    INCRBYFLOAT a 1 2
  `,
  'names in any case': `
    sEt a 1
    get a
    Get a
    iNcR a
    mset b 2 c 3
    MGet a b c
    incrbyFLOAT a 1.5
  `,
  'a key of another type': `
    RPUSH l x
    GET l
    SET l x GET
    SET l x NX
    GETSET l x
    GETDEL l
    GETEX l
    GETEX l EX 10
    MGET l
    SETNX l x
    MSETNX l x n y
    APPEND l x
    STRLEN l
    GETRANGE l 0 1
    SETRANGE l 0 x
    INCR l
    DECR l
    INCRBY l 1
    DECRBY l 1
    INCRBYFLOAT l 1
    INCRBY l abc
    INCRBYFLOAT l abc
    SETRANGE l -1 x
    SETRANGE l 0 ""
    SET l x
    GET l
  `,
  'SET with every option': `
    SET a 1 EX 100
    TTL a
    SET a 2 KEEPTTL
    TTL a
    SET a 3
    TTL a
    SET a 4 PX 100000
    TTL a
    SET a 5 EXAT 4102444800
    EXPIRETIME a
    SET a 6 PXAT 4102444800123
    PEXPIRETIME a
    SET a 7 NX
    SET n 1 NX
    SET m 1 XX
    SET a 8 XX
    SET a 9 GET
    SET q 1 GET
    SET a 10 NX GET
    SET r 10 NX GET
    SET a 11 XX GET
    SET s 11 XX GET
    SET a 12 XX GET EX 100
    SET a 13 get KEEPTTL xx
    TTL a
    GET a
  `,
  'SET with options that do not go together': `
    SET a 1 NX XX
    SET a 1 XX NX
    SET a 1 EX 10 PX 10
    SET a 1 EX 10 KEEPTTL
    SET a 1 KEEPTTL EX 10
    SET a 1 EXAT 4102444800 EX 1
    SET a 1 EX
    SET a 1 PX
    SET a 1 EX 10 10
    SET a 1 FOO
    SET a 1 PERSIST
    SET a 1 NX NX
    SET a 1 GET GET
    SET a 1 KEEPTTL KEEPTTL
    SET a 1 EX 10 EX 10
    SET a 1 EX NX
    SET a 1 EX abc
    SET a 1 EX 1.5
    SET a 1 EX 0
    SET a 1 EX -1
    SET a 1 PX 0
    SET a 1 PX -1
    SET a 1 EXAT 0
    SET a 1 EXAT -1
    SET a 1 PXAT 0
    SET a 1 PXAT -5
    SET a 1 EX 9223372036854775807
    SET a 1 EX 9223372036854775
    SET a 1 PX 9223372036854775807
    SET a 1 EXAT 9223372036854775807
    SET a 1 EX 9223372036854775808
    SET a 1 EX " 10"
    SET a 1 EX ""
    SET a 1 EX 010
    EXISTS a
  `,
  'a time in the past': `
    SET a 1 EXAT 1
    EXISTS a
    SET a 1
    SET a 2 PXAT 1 GET
    EXISTS a
    SET a 1
    GETEX a EXAT 1
    EXISTS a
    SET a 1
    GETEX a PXAT 1
    EXISTS a
    DBSIZE
  `,
  'GETEX and its options': `
    SET a 1
    GETEX a
    GETEX a EX 100
    TTL a
    GETEX a
    TTL a
    GETEX a PERSIST
    TTL a
    GETEX a PX 100000
    TTL a
    GETEX a EXAT 4102444800
    EXPIRETIME a
    GETEX a PXAT 4102444800001
    PEXPIRETIME a
    GETEX a PERSIST EX 10
    GETEX a EX 10 PERSIST
    GETEX a EX 10 PX 10
    GETEX a EX
    GETEX a FOO
    GETEX a NX
    GETEX a KEEPTTL
    GETEX a GET
    GETEX a EX 0
    GETEX a EX -1
    GETEX a EX abc
    GETEX a PX 0
    GETEX a EXAT 0
    GETEX a EX 9223372036854775807
    GETEX nosuch
    GETEX nosuch EX 10
    GETEX nosuch EX abc
    GETEX nosuch EX 0
    GETEX nosuch PERSIST
  `,
  'SETEX and PSETEX': `
    SETEX a 100 v
    TTL a
    PSETEX a 100000 w
    TTL a
    SETEX a 0 v
    SETEX a -1 v
    SETEX a abc v
    SETEX a 1.5 v
    SETEX a 9223372036854775807 v
    PSETEX a 0 v
    PSETEX a -1 v
    PSETEX a abc v
    PSETEX a 9223372036854775807 v
    GET a
  `,
  'integers at their bounds': `
    SET a 9223372036854775807
    INCR a
    INCRBY a 1
    DECRBY a -1
    DECR a
    INCR a
    SET a -9223372036854775808
    DECR a
    INCRBY a -1
    DECRBY a 1
    INCRBY a 9223372036854775807
    DECRBY a -9223372036854775808
    DECRBY nosuch -9223372036854775808
    INCRBY nosuch -9223372036854775808
    INCRBY nosuch -1
    INCRBY n 9223372036854775808
    INCRBY n -9223372036854775809
    INCRBY n 99999999999999999999999
    INCRBY n abc
    INCRBY n ""
    INCRBY n 1.0
    INCRBY n " 1"
    INCRBY n "1 "
    INCRBY n +1
    INCRBY n 01
    INCRBY n -0
    INCRBY n 0x10
    INCRBY n 1e3
    INCRBY n --1
    INCRBY n "1\\x00"
    EXISTS n
  `,
  'strings that are no integers': `
    SET a ""
    INCR a
    SET a " 1"
    INCR a
    SET a "1 "
    INCR a
    SET a 01
    INCR a
    SET a +1
    INCR a
    SET a -0
    INCR a
    SET a 1.0
    INCR a
    SET a 1e3
    INCR a
    SET a abc
    INCR a
    DECR a
    INCRBY a 5
    DECRBY a 5
    SET a "1\\x00"
    INCR a
    SET a 9223372036854775808
    INCR a
    SET a 18446744073709551615
    INCR a
    SET a 0
    INCR a
    SET a -1
    INCR a
  `,
  'INCRBYFLOAT writes numbers as Redis does': `
    INCRBYFLOAT a 0.1
    INCRBYFLOAT a 0.2
    INCRBYFLOAT a -0.3
    SET a 10.50
    INCRBYFLOAT a 0.1
    INCRBYFLOAT a -5
    SET a 5.0e3
    INCRBYFLOAT a 2.0e2
    SET a 3.0
    INCRBYFLOAT a 1.0
    GET a
    SET a 1e17
    INCRBYFLOAT a 1
    SET a 1e21
    INCRBYFLOAT a 1
    SET a 123456789012345678
    INCRBYFLOAT a 0.5
    SET a 9007199254740993
    INCRBYFLOAT a 1
    SET a -0
    INCRBYFLOAT a 0
    SET a 0
    INCRBYFLOAT a -0
    INCRBYFLOAT b 1e-7
    INCRBYFLOAT c 1e-17
    INCRBYFLOAT c2 1e-18
    INCRBYFLOAT d 3.141592653589793
    INCRBYFLOAT e 1e300
    INCRBYFLOAT f 1.5
    INCRBYFLOAT f 1.5
    INCRBYFLOAT g .5
    INCRBYFLOAT g 5.
    INCRBYFLOAT g +1.5
    INCRBYFLOAT g 1E2
    INCRBYFLOAT g 0x10
    INCRBYFLOAT g 0x1p-2
    STRLEN g
    SET h 1
    INCR h
    INCRBYFLOAT h 1
    INCR h
  `,
  'INCRBYFLOAT with what is no number': `
    INCRBYFLOAT a abc
    INCRBYFLOAT a ""
    INCRBYFLOAT a " 1"
    INCRBYFLOAT a "1 "
    INCRBYFLOAT a 1.5abc
    INCRBYFLOAT a 1e
    INCRBYFLOAT a nan
    INCRBYFLOAT a -nan
    INCRBYFLOAT a inf
    INCRBYFLOAT a -inf
    INCRBYFLOAT a +inf
    INCRBYFLOAT a infinity
    INCRBYFLOAT a 1e400
    INCRBYFLOAT a 1e5000
    INCRBYFLOAT a "1\\x00"
    INCRBYFLOAT a 1,5
    EXISTS a
    SET a inf
    INCRBYFLOAT a 1
    SET a nan
    INCRBYFLOAT a 1
    SET a abc
    INCRBYFLOAT a 1
    SET a " 1"
    INCRBYFLOAT a 1
    SET a ""
    INCRBYFLOAT a 1
  `,
  'ranges of a string': `
    SET a "Hello World"
    GETRANGE a 0 4
    GETRANGE a -5 -1
    GETRANGE a 0 -1
    GETRANGE a 5 3
    GETRANGE a -1 -5
    GETRANGE a -100 100
    GETRANGE a -100 -50
    GETRANGE a 100 200
    GETRANGE a 0 0
    GETRANGE a 10 10
    GETRANGE a 11 11
    GETRANGE a 0 9223372036854775807
    GETRANGE a -9223372036854775808 9223372036854775807
    GETRANGE a 0 9223372036854775808
    GETRANGE a abc 1
    GETRANGE a 0 abc
    GETRANGE a 0 1.5
    GETRANGE nosuch 0 -1
    GETRANGE nosuch abc 1
    SET n 12345
    GETRANGE n 1 3
    SET e ""
    GETRANGE e 0 -1
  `,
  'SETRANGE grows with zero bytes': `
    SETRANGE a 5 x
    GET a
    SETRANGE a 0 yy
    GET a
    SETRANGE a 6 zzz
    GET a
    SETRANGE b 0 ""
    EXISTS b
    SETRANGE b 10 ""
    EXISTS b
    SETRANGE a 100 ""
    STRLEN a
    SETRANGE a -1 x
    SETRANGE nosuch -1 x
    SETRANGE a abc x
    SETRANGE a 536870912 x
    SETRANGE a 536870911 xx
    SETRANGE nosuch 536870912 x
    SETRANGE nosuch 536870912 ""
    SETRANGE a 9223372036854775807 x
    SETRANGE a 9223372036854775808 x
    SET n 12345
    SETRANGE n 1 99
    GET n
    INCR n
    EXPIRE n 100
    SETRANGE n 0 7
    TTL n
  `,
  'APPEND and STRLEN': `
    APPEND a ""
    EXISTS a
    TYPE a
    GET a
    APPEND a 12
    APPEND a 3
    INCR a
    APPEND a x
    INCR a
    STRLEN a
    STRLEN nosuch
    SET n 10
    APPEND n 5
    INCR n
    EXPIRE a 100
    APPEND a y
    TTL a
  `,
  'any bytes': `
    SET "a\\x00b" "\\xff\\r\\n\\x00"
    GET "a\\x00b"
    STRLEN "a\\x00b"
    APPEND "a\\x00b" "\\x00"
    GETRANGE "a\\x00b" 1 3
    SET "" empty
    GET ""
    EXISTS ""
    KEYS *
    MGET "" "a\\x00b" "a"
    DEL ""
    SET "k\\n" "v\\n"
    GET "k\\n"
  `,
  'several keys': `
    MSET a 1 b 2 a 3
    MGET a b nosuch a
    MSETNX c 1 d 2
    MSETNX d 3 e 4
    MSETNX f 1 f 2
    GET f
    MGET a b c d e f
    EXPIRE a 100
    MSET a 5
    TTL a
    EXPIRE b 100
    MSETNX b 1 z 1
    TTL b
  `,
  'GETSET and GETDEL': `
    GETSET a 1
    GETSET a 2
    EXPIRE a 100
    GETSET a 3
    TTL a
    GETDEL a
    GETDEL a
    EXISTS a
  `,
  'the time of expiry stays or goes': `
    SET a 1 EX 100
    INCR a
    TTL a
    INCRBYFLOAT a 1.5
    TTL a
    APPEND a 1
    TTL a
    GETEX a
    TTL a
    SETNX a 1
    TTL a
    SET a 2 NX
    TTL a
    SET a 2 XX
    TTL a
  `,
  'a key that expires': `
    SET a 1 PX 20
    SET b 1 PX 20
    RPUSH l x
    PEXPIRE l 20
    sleep 60
    GET a
    EXISTS a b l
    SET a 2 XX
    SET a 2 NX GET
    INCR b
    TTL b
    LLEN l
    RPUSH l y
    TTL l
    DBSIZE
  `,
};
