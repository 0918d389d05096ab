import type { Scenarios } from './scenarios.ts';

export const setCases: Scenarios = {
  'words too few or too many': `
    SADD s
    SREM s
    SMEMBERS
    SMEMBERS s x
    SISMEMBER s
    SISMEMBER s a b
    SMISMEMBER s
    SCARD
    SPOP
    SPOP s 1 2
    SRANDMEMBER
    SRANDMEMBER s 1 2
    SMOVE a b
    SMOVE a b c d
    SINTER
    SUNION
    SDIFF
    SINTERSTORE d
    SUNIONSTORE d
    SDIFFSTORE d
    SSCAN s
  `,
  'a key of another type': `
    SET k x
    SADD s a b
    SADD k a
    SREM k a
    SMEMBERS k
    SISMEMBER k a
    SMISMEMBER k a
    SCARD k
    SPOP k
    SPOP k 1
    SPOP k 0
    SPOP k -1
    SRANDMEMBER k
    SRANDMEMBER k 1
    SMOVE k s a
    SMOVE s k a
    SMOVE s k nosuch
    SMOVE nosuch k a
    SMOVE k k a
    SINTER k
    SINTER s k
    SINTER nosuch k
    SINTER k nosuch
    SUNION s k
    SUNION nosuch k
    SDIFF s k
    SDIFF k s
    SDIFF nosuch k
    SINTERSTORE d s k
    SUNIONSTORE d s k
    SDIFFSTORE d s k
    SINTERSTORE k s nosuch
    EXISTS k
    SET k x
    SUNIONSTORE k s
    TYPE k
    SSCAN nosuch 0
    SET k x
    SSCAN k 0
  `,
  'no key': `
    SREM s a
    SMEMBERS s
    SISMEMBER s a
    SMISMEMBER s a b
    SCARD s
    SPOP s
    SPOP s 2
    SPOP s 0
    SPOP s -1
    SPOP s abc
    SRANDMEMBER s
    SRANDMEMBER s 2
    SRANDMEMBER s -2
    SRANDMEMBER s abc
    SMOVE s t a
    SINTER s t
    SUNION s t
    SDIFF s t
    SINTERSTORE d s t
    SUNIONSTORE d s t
    SDIFFSTORE d s t
    EXISTS d
  `,
  'adding and removing': `
    SADD s a b a c
    SADD s a d
    SREM s a a nosuch
    SMEMBERS s
    SCARD s
    SISMEMBER s b
    SISMEMBER s nosuch
    SMISMEMBER s a b c nosuch b
    SADD s "" "\\x00\\xff"
    SISMEMBER s ""
    SREM s b c d "" "\\x00\\xff"
    EXISTS s
    SADD n 1 2 3 01 1.0 -1 9223372036854775807 9223372036854775808
    SCARD n
    SISMEMBER n 1
    SISMEMBER n 01
    SISMEMBER n 001
    SREM n 01
    SMEMBERS n
  `,
  'SMOVE between sets': `
    SADD a x y
    SMOVE a b x
    SMOVE a b nosuch
    SMOVE a a y
    SMOVE a a nosuch
    SMOVE a b y
    EXISTS a
    SADD a y
    SMOVE a b y
    SMEMBERS b
    EXPIRE b 100
    SADD a z
    SMOVE a b z
    TTL b
  `,
  'algebra of sets': `
    SADD a 1 2 3 x
    SADD b 2 3 4 y
    SADD c 3 4 5
    SINTER a b c
    SINTER a
    SINTER a a
    SINTER a nosuch
    SUNION a b c
    SUNION a nosuch
    SDIFF a b
    SDIFF a b c
    SDIFF a a
    SDIFF nosuch a
    SDIFF a nosuch
    SINTERSTORE d a b
    SMEMBERS d
    SUNIONSTORE d a b c
    SMEMBERS d
    SDIFFSTORE d a b
    SMEMBERS d
    SDIFFSTORE a a b
    SMEMBERS a
    EXPIRE b 100
    SUNIONSTORE b b c
    TTL b
    SINTERSTORE b b nosuch
    EXISTS b
    SET k x
    SDIFFSTORE k c nosuch
    TYPE k
  `,
  'random members': `
    SADD s only
    SRANDMEMBER s
    SRANDMEMBER s 1
    SRANDMEMBER s 5
    SRANDMEMBER s -3
    SRANDMEMBER s 0
    SRANDMEMBER s abc
    SRANDMEMBER s ""
    SRANDMEMBER s -9223372036854775808
    SRANDMEMBER s 9223372036854775807
    SRANDMEMBER s 9223372036854775808
    SPOP s abc
    SPOP s -1
    SPOP s 0
    SPOP s 9223372036854775808
    SPOP s
    EXISTS s
    SADD s a b c d e
    SRANDMEMBER s 3
    SRANDMEMBER s -8
    SPOP s 2
    SPOP s
    SPOP s 10
    EXISTS s
  `,
  SSCAN: `
    SADD s a b c aa 1 2 3
    SSCAN s 0
    SSCAN s 0 MATCH a*
    SSCAN s 0 COUNT 2
    SSCAN s 0 COUNT 0
    SSCAN s 0 COUNT abc
    SSCAN s 0 MATCH
    SSCAN s 0 FOO bar
    SSCAN s 0 TYPE set
    SSCAN s abc
    SSCAN s -1
    SSCAN nosuch abc
    SADD n 1 2 3
    SSCAN n 0
    SSCAN n 0 MATCH 1
  `,
};
