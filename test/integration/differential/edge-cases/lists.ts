import type { Scenarios } from './scenarios.ts';

export const listCases: Scenarios = {
  'words too few or too many': `
    LPUSH l
    RPUSH l
    LPUSHX l
    RPUSHX l
    LPOP
    LPOP l 1 2
    RPOP
    RPOP l 1 2
    LLEN
    LLEN l m
    LRANGE l 0
    LRANGE l 0 1 2
    LINDEX l
    LSET l 0
    LREM l 0
    LTRIM l 0
    LINSERT l BEFORE x
    LINSERT l BEFORE x y z
    LMOVE a b LEFT
    LMOVE a b LEFT LEFT LEFT
    RPOPLPUSH a
    BLPOP
    BLPOP a
    BRPOP a
    BLMOVE a b LEFT LEFT
    BLMOVE a b LEFT LEFT 0 0
  `,
  'a key of another type': `
    SET s x
    RPUSH l v
    LPUSH s x
    RPUSH s x
    LPUSHX s x
    RPUSHX s x
    LPOP s
    LPOP s 1
    LPOP s 0
    RPOP s
    LLEN s
    LRANGE s 0 1
    LRANGE s abc 1
    LINDEX s 0
    LINDEX s abc
    LSET s 0 x
    LSET s abc x
    LREM s 0 x
    LREM s abc x
    LTRIM s 0 1
    LINSERT s BEFORE x y
    LINSERT s NEAR x y
    LMOVE s l LEFT LEFT
    LMOVE l s LEFT LEFT
    LMOVE nosuch s LEFT LEFT
    RPOPLPUSH s l
    RPOPLPUSH l s
    RPOPLPUSH nosuch s
    BLPOP s 0.01
    BLPOP nosuch s l 0.01
    BRPOP s 0.01
    BLMOVE s l LEFT LEFT 0.01
    BLMOVE l s LEFT LEFT 0.01
    LRANGE l 0 -1
  `,
  'no key': `
    LPUSHX l x
    RPUSHX l x
    LPOP l
    LPOP l 2
    LPOP l 0
    RPOP l
    RPOP l 2
    LLEN l
    LRANGE l 0 -1
    LINDEX l 0
    LSET l 0 x
    LREM l 0 x
    LTRIM l 0 1
    LINSERT l BEFORE x y
    LMOVE l m LEFT LEFT
    RPOPLPUSH l m
    EXISTS l m
  `,
  'pushing and popping': `
    RPUSH l a b c
    LPUSH l x y z
    LRANGE l 0 -1
    LPOP l
    RPOP l
    LPOP l 2
    RPOP l 2
    LPOP l 0
    LPOP l 10
    EXISTS l
    RPUSH l a b
    RPOP l 10
    EXISTS l
    RPUSH l a
    LPOP l -1
    RPOP l -1
    LPOP l abc
    LPOP l ""
    LPOP l 1.5
    LPOP l 9223372036854775808
    LPOP l 9223372036854775807
    RPUSH l ""
    LPOP l
    RPUSH l "\\x00\\xff\\r\\n"
    LINDEX l 0
  `,
  'ranges and indexes': `
    RPUSH l a b c d e
    LRANGE l 0 0
    LRANGE l -2 -1
    LRANGE l 3 1
    LRANGE l -100 100
    LRANGE l 5 10
    LRANGE l -100 -50
    LRANGE l 0 9223372036854775807
    LRANGE l -9223372036854775808 -1
    LRANGE l 0 9223372036854775808
    LRANGE l abc 1
    LRANGE l 0 abc
    LRANGE nosuch abc 1
    LINDEX l 0
    LINDEX l -1
    LINDEX l 4
    LINDEX l 5
    LINDEX l -5
    LINDEX l -6
    LINDEX l abc
    LINDEX l 9223372036854775807
    LINDEX l 9223372036854775808
    LINDEX nosuch abc
    LSET l 0 A
    LSET l -1 E
    LSET l 5 x
    LSET l -6 x
    LSET l abc x
    LSET nosuch abc x
    LTRIM l 1 -2
    LRANGE l 0 -1
    LTRIM l abc 1
    LTRIM l 0 abc
    LTRIM l 5 10
    EXISTS l
    RPUSH l a b c
    LTRIM l 1 0
    EXISTS l
    RPUSH l a b c
    LTRIM l -2 -1
    LRANGE l 0 -1
  `,
  'LREM and LINSERT': `
    RPUSH l a b a c a b a
    LREM l 1 a
    LRANGE l 0 -1
    LREM l -1 a
    LRANGE l 0 -1
    LREM l -2 b
    LREM l 0 a
    LRANGE l 0 -1
    LREM l 0 nosuch
    LREM l abc c
    LREM l 0 c
    EXISTS l
    RPUSH l a b c b
    LINSERT l BEFORE b x
    LINSERT l AFTER b y
    LINSERT l after c z
    LINSERT l BEFORE nosuch x
    LINSERT l NEAR b x
    LINSERT nosuch NEAR b x
    LRANGE l 0 -1
    LREM l 9223372036854775807 b
    LREM l -9223372036854775808 x
    LREM l -9223372036854775807 y
    LRANGE l 0 -1
  `,
  'numbers are found by their digits': `
    RPUSH l 1 01 1.0 " 1" 100000000000000000000 -0 0
    LREM l 0 1
    LRANGE l 0 -1
    LREM l 0 0
    LRANGE l 0 -1
    LINSERT l BEFORE 01 x
    LRANGE l 0 -1
  `,
  'moving between lists': `
    RPUSH a 1 2 3
    LMOVE a b LEFT RIGHT
    LMOVE a b right left
    LMOVE a b LEFT LEFT
    LMOVE a b LEFT LEFT
    EXISTS a
    LRANGE b 0 -1
    LMOVE b b LEFT RIGHT
    LRANGE b 0 -1
    LMOVE b b LEFT LEFT
    LMOVE b b MIDDLE LEFT
    LMOVE b b LEFT MIDDLE
    LMOVE nosuch b MIDDLE LEFT
    RPOPLPUSH b b
    LRANGE b 0 -1
    RPOPLPUSH b c
    RPUSH one x
    RPOPLPUSH one one
    LMOVE one one LEFT RIGHT
    LRANGE one 0 -1
    EXPIRE one 100
    RPOPLPUSH one one
    TTL one
  `,
  'blocking commands that need not wait': `
    RPUSH a 1 2 3
    BLPOP a 0
    BRPOP nosuch a 0
    BLPOP nosuch a b 1
    EXISTS a
    RPUSH a 1 2
    BLMOVE a b LEFT RIGHT 0
    BLMOVE a b left right 0
    LRANGE b 0 -1
    BLMOVE a b MIDDLE LEFT 0
    BLMOVE a b LEFT MIDDLE 0
  `,
  'blocking commands that time out': `
    BLPOP a 0.01
    BRPOP a b 0.01
    BLMOVE a b LEFT RIGHT 0.01
    BLPOP a 1e-3
    BLPOP a abc
    BLPOP a -1
    BLPOP a -0.0015
    BLPOP a nan
    BLPOP a inf
    BLPOP a -inf
    BLPOP a 1e400
    BLPOP a ""
    BLPOP a " 1"
    BLPOP a 9223372036854775807
    BLPOP a 9223372036854776
    BLPOP a 1e20
    BRPOP a b
    BLMOVE a b LEFT RIGHT abc
    BLMOVE a b LEFT RIGHT -1
    BLMOVE a b MIDDLE RIGHT abc
  `,
  'a blocked client is served by a push': `
    1& BLPOP a b 0
    0> RPUSH b x y
    1<
    0> LRANGE b 0 -1
    1& BRPOP a 0
    0> LPUSH a 1 2 3
    1<
    0> LRANGE a 0 -1
    1> PING
  `,
  'blocked clients are served in their order': `
    1& BLPOP a 0
    2& BRPOP a 0
    3& BLPOP a 0
    0> RPUSH a 1 2
    1<
    2<
    0> RPUSH a 3
    3<
    0> EXISTS a
  `,
  'a blocked client is served from a transaction, after it': `
    1& BLPOP a 0
    0> MULTI
    0> RPUSH a 1
    0> RPUSH a 2
    0> LPOP a
    0> EXEC
    1<
    0> EXISTS a
    1& BLPOP a 0
    0> MULTI
    0> RPUSH a 1
    0> DEL a
    0> EXEC
    0> RPUSH a 2
    1<
  `,
  'a key that comes to be by other ways serves': `
    1& BLPOP a 0
    0> RPUSH b 1 2
    0> RENAME b a
    1<
    0> LRANGE a 0 -1
    0> DEL a
    1& BLMOVE a c LEFT RIGHT 0
    2& BLPOP c 0
    0> RPUSH a x
    1<
    2<
    0> EXISTS a c
    1& BLPOP d 0
    0> RPUSH e 1
    0> LMOVE e d LEFT LEFT
    1<
    0> EXISTS d e
  `,
  'a key of another type does not serve': `
    1& BLPOP a 0
    0> SET a x
    0> DEL a
    0> RPUSH a y
    1<
    1& BLMOVE a s LEFT LEFT 0
    0> SET s x
    0> RPUSH a 1
    1<
    0> LRANGE a 0 -1
    0> GET s
  `,
  'inside a transaction nothing blocks': `
    MULTI
    BLPOP nosuch 0
    BRPOP nosuch 0
    BLMOVE nosuch b LEFT LEFT 0
    BLPOP nosuch abc
    RPUSH a 1
    BLPOP a 0
    EXEC
  `,
};
