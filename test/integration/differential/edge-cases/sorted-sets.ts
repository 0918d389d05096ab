import type { Scenarios } from './scenarios.ts';

export const sortedSetCases: Scenarios = {
  'words too few or too many': `
    ZADD z
    ZADD z 1
    ZADD z 1 a 2
    ZADD z NX
    ZADD z NX 1
    ZADD z NX 1 a 2
    ZADD z INCR 1 a 2 b
    ZREM z
    ZCARD
    ZCARD z x
    ZCOUNT z 0
    ZCOUNT z 0 1 2
    ZSCORE z
    ZSCORE z a b
    ZMSCORE z
    ZINCRBY z 1
    ZINCRBY z 1 a b
    ZRANK z
    ZRANK z a b c
    ZREVRANK z
    ZRANGE z 0
    ZREVRANGE z 0
    ZRANGEBYSCORE z 0
    ZREVRANGEBYSCORE z 0
    ZRANGEBYLEX z -
    ZREVRANGEBYLEX z +
    ZREMRANGEBYRANK z 0
    ZREMRANGEBYSCORE z 0
    ZREMRANGEBYLEX z -
    ZPOPMIN
    ZPOPMIN z 1 2
    ZPOPMAX
    ZPOPMAX z 1 2
    ZSCAN z
    EXISTS z
  `,
  'a key of another type': `
    SET s x
    ZADD s 1 a
    ZADD s abc a
    ZREM s a
    ZCARD s
    ZCOUNT s 0 1
    ZCOUNT s abc 1
    ZSCORE s a
    ZMSCORE s a
    ZINCRBY s 1 a
    ZINCRBY s abc a
    ZRANK s a
    ZREVRANK s a
    ZRANGE s 0 -1
    ZRANGE s abc 1
    ZRANGE s 0 1 BYSCORE
    ZRANGE s abc 1 BYSCORE
    ZRANGE s - + BYLEX
    ZREVRANGE s 0 -1
    ZRANGEBYSCORE s 0 1
    ZREVRANGEBYSCORE s 1 0
    ZRANGEBYLEX s - +
    ZRANGEBYLEX s a b
    ZREVRANGEBYLEX s + -
    ZREMRANGEBYRANK s 0 1
    ZREMRANGEBYSCORE s 0 1
    ZREMRANGEBYLEX s - +
    ZPOPMIN s
    ZPOPMIN s 1
    ZPOPMIN s 0
    ZPOPMIN s -1
    ZPOPMIN s abc
    ZPOPMAX s
    ZSCAN s 0
  `,
  'no key': `
    ZREM z a
    ZCARD z
    ZCOUNT z 0 1
    ZSCORE z a
    ZMSCORE z a b
    ZRANK z a
    ZREVRANK z a
    ZRANGE z 0 -1
    ZRANGE z 0 -1 WITHSCORES
    ZREVRANGE z 0 -1
    ZRANGEBYSCORE z 0 1
    ZRANGEBYLEX z - +
    ZREMRANGEBYRANK z 0 1
    ZREMRANGEBYSCORE z 0 1
    ZREMRANGEBYLEX z - +
    ZPOPMIN z
    ZPOPMIN z 2
    ZPOPMIN z 0
    ZPOPMAX z
    ZPOPMAX z -1
    ZPOPMAX z abc
    ZADD z XX 1 a
    ZADD z XX INCR 1 a
    EXISTS z
  `,
  'scores as Redis writes them': `
    ZADD z 1 a 1.5 b 0.1 c -0 d 0 e inf f -inf g
    ZADD z 1e21 h 1e17 i 123456789012345678 j 1e-7 k 3.0 l
    ZADD z 1e308 m 9007199254740993 n 0.30000000000000004 o 5e3 p
    ZADD z +1.5 q .5 r 5. s +inf t Infinity u 100.000 v
    ZADD z 1e20 w 999999999999999999 x 1e-5 y 4.35 aa 2.675 bb 1.1 cc
    ZADD z 0x10 hex 4503599627370497 big -1e15 nb 1e15 pb 1e16 pc
    ZADD z 2147483648 i32 4294967296 u32 1234567.125 frac -1.5e-10 small
    ZSCORE z a
    ZSCORE z d
    ZSCORE z f
    ZSCORE z g
    ZSCORE z h
    ZSCORE z i
    ZSCORE z j
    ZSCORE z k
    ZSCORE z n
    ZSCORE z o
    ZSCORE z hex
    ZMSCORE z m p nosuch s y
    ZRANGE z 0 -1 WITHSCORES
    ZREVRANGE z 0 -1 WITHSCORES
    ZINCRBY z 0.1 c
    ZINCRBY z 0.2 c
    ZINCRBY z -0.1 a
    ZINCRBY z 1 nosuch
    ZADD z INCR 2.5 a
    ZINCRBY z -0 zero
    ZINCRBY z 1e-320 tiny
  `,
  'scores that are no numbers': `
    ZADD z abc a
    ZADD z "" a
    ZADD z nan a
    ZADD z -nan a
    ZADD z " 1" a
    ZADD z "1 " a
    ZADD z 1.5abc a
    ZADD z 1e400 a
    ZADD z -1e400 a
    ZADD z 1 a abc b
    ZADD z (1 a
    EXISTS z
    ZADD z inf a -inf b
    ZINCRBY z -inf a
    ZINCRBY z inf b
    ZINCRBY z inf a
    ZINCRBY z nan a
    ZINCRBY z abc a
    ZINCRBY z "" a
    ZADD z INCR -inf a
    ZADD z INCR nan a
    ZRANGE z 0 -1 WITHSCORES
  `,
  'ZADD with every option': `
    ZADD z 5 a 6 b
    ZADD z NX 1 a 1 c
    ZADD z XX 7 a 7 d
    ZADD z GT 6 a 9 b
    ZADD z LT 6 a 99 b
    ZADD z GT CH 100 a 1 b 1 e
    ZADD z LT CH 1 a 1 f
    ZADD z CH 1 a 2 g
    ZADD z XX CH 2 a 2 nosuch
    ZADD z NX CH 3 a 3 h
    ZADD z INCR 5 a
    ZADD z NX INCR 5 a
    ZADD z NX INCR 5 i
    ZADD z XX INCR 5 nosuch
    ZADD z GT INCR -1 a
    ZADD z GT INCR 1 a
    ZADD z LT INCR 1 a
    ZADD z LT INCR -1 a
    ZADD z CH INCR 1 a
    ZADD z XX GT 50 a
    ZADD z xx gt ch 51 a
    ZADD z GT XX CH INCR 1 a
    ZADD z 1 NX
    ZADD z NX NX 3 k
    ZADD z 7 m 8 m 9 m
    ZADD z CH 1 m 2 m 2 m
    ZRANGE z 0 -1 WITHSCORES
  `,
  'ZADD with options that do not go together': `
    ZADD z NX XX 1 a
    ZADD z NX GT 1 a
    ZADD z NX LT 1 a
    ZADD z GT LT 1 a
    ZADD z NX GT LT 1 a
    ZADD z INCR 1 a 2 b
    ZADD z INCR
    ZADD z CH
    ZADD z FOO 1 a
    ZADD z 1 a NX
    ZADD z NX 1 a XX
    ZADD z NX XX 1 a 2
    ZADD z GT NX abc a
    EXISTS z
  `,
  'ranks and members': `
    ZADD z 1 a 2 b 2 c 3 d
    ZRANK z a
    ZRANK z c
    ZRANK z nosuch
    ZREVRANK z a
    ZREVRANK z c
    ZREVRANK z nosuch
    ZRANK z a WITHSCORE
    ZREM z a a nosuch
    ZCARD z
    ZREM z b c d
    EXISTS z
    ZADD z 1 ""
    ZSCORE z ""
    ZADD z 1 "\\x00\\xff"
    ZRANGE z 0 -1
    ZADD z 0 b 0 B 0 a 0 aa 0 "a\\x00" 0 "\\xe9" 0 10 0 9
    ZRANGE z 0 -1
  `,
  'ranges by rank': `
    ZADD z 1 a 2 b 3 c 4 d
    ZRANGE z 0 -1
    ZRANGE z 0 -1 WITHSCORES
    ZRANGE z 0 -1 withscores
    ZRANGE z 1 2
    ZRANGE z -2 -1
    ZRANGE z 3 1
    ZRANGE z -100 100
    ZRANGE z 4 5
    ZRANGE z 0 0 REV
    ZRANGE z 0 1 REV WITHSCORES
    ZRANGE z abc 1
    ZRANGE z 0 abc
    ZRANGE z 0 1.5
    ZRANGE z (0 1
    ZRANGE z 0 9223372036854775807
    ZRANGE z 0 9223372036854775808
    ZRANGE z 0 -1 FOO
    ZRANGE z 0 -1 LIMIT 0 1
    ZRANGE z 0 -1 WITHSCORES WITHSCORES
    ZRANGE z 0 -1 REV REV
    ZREVRANGE z 0 1
    ZREVRANGE z 0 1 WITHSCORES
    ZREVRANGE z 0 1 REV
    ZREVRANGE z 0 1 BYSCORE
    ZREVRANGE z 0 1 LIMIT 0 1
    ZREVRANGE z abc 1
    ZREVRANGE nosuch abc 1
  `,
  'ranges by score': `
    ZADD z 1 a 2 b 2 bb 3 c 4 d inf e -inf f
    ZRANGE z 1 3 BYSCORE
    ZRANGE z (1 3 BYSCORE
    ZRANGE z 1 (3 BYSCORE
    ZRANGE z (1 (2 BYSCORE
    ZRANGE z -inf +inf BYSCORE
    ZRANGE z (-inf (+inf BYSCORE
    ZRANGE z inf inf BYSCORE WITHSCORES
    ZRANGE z 3 1 BYSCORE
    ZRANGE z 3 1 BYSCORE REV
    ZRANGE z 1 3 BYSCORE REV
    ZRANGE z (3 (1 BYSCORE REV WITHSCORES
    ZRANGE z 1 4 BYSCORE LIMIT 1 2
    ZRANGE z 4 1 BYSCORE REV LIMIT 1 2
    ZRANGE z 1 4 BYSCORE LIMIT 0 0
    ZRANGE z 1 4 BYSCORE LIMIT -1 2
    ZRANGE z 1 4 BYSCORE LIMIT 1 -1
    ZRANGE z 1 4 BYSCORE LIMIT 100 2
    ZRANGE z 1 4 BYSCORE LIMIT 0
    ZRANGE z 1 4 BYSCORE LIMIT
    ZRANGE z 1 4 BYSCORE LIMIT a 1
    ZRANGE z 1 4 BYSCORE LIMIT 0 a
    ZRANGE z 1 4 BYSCORE LIMIT 0 1 LIMIT 1 1
    ZRANGE z abc 3 BYSCORE
    ZRANGE z 1 abc BYSCORE
    ZRANGE z ( 3 BYSCORE
    ZRANGE z "" 3 BYSCORE
    ZRANGE z nan 3 BYSCORE
    ZRANGE z [1 3 BYSCORE
    ZRANGE z ((1 3 BYSCORE
    ZRANGE z 1 3 BYSCORE BYLEX
    ZRANGEBYSCORE z 1 3
    ZRANGEBYSCORE z (1 3 WITHSCORES
    ZRANGEBYSCORE z 1 3 LIMIT 1 1
    ZRANGEBYSCORE z 1 3 LIMIT 1 -1 WITHSCORES
    ZRANGEBYSCORE z 1 3 WITHSCORES LIMIT 1
    ZRANGEBYSCORE z 1 3 REV
    ZRANGEBYSCORE z 1 3 BYSCORE
    ZRANGEBYSCORE z abc 3
    ZRANGEBYSCORE nosuch abc 3
    ZREVRANGEBYSCORE z 3 1
    ZREVRANGEBYSCORE z (3 1 WITHSCORES
    ZREVRANGEBYSCORE z 1 3
    ZREVRANGEBYSCORE z +inf -inf LIMIT 1 2
    ZREVRANGEBYSCORE z abc 1
    ZCOUNT z 1 3
    ZCOUNT z (1 3
    ZCOUNT z -inf +inf
    ZCOUNT z 3 1
    ZCOUNT z abc 3
    ZCOUNT z 1 (
  `,
  'ranges by member': `
    ZADD z 0 a 0 b 0 c 0 d 0 e 0 ""
    ZRANGE z - + BYLEX
    ZRANGE z [b [d BYLEX
    ZRANGE z (b [d BYLEX
    ZRANGE z [b (d BYLEX
    ZRANGE z - (c BYLEX
    ZRANGE z [c + BYLEX
    ZRANGE z + - BYLEX
    ZRANGE z + - BYLEX REV
    ZRANGE z [d [b BYLEX REV
    ZRANGE z [d [b BYLEX
    ZRANGE z - + BYLEX LIMIT 1 2
    ZRANGE z + - BYLEX REV LIMIT 1 2
    ZRANGE z - + BYLEX WITHSCORES
    ZRANGE z b d BYLEX
    ZRANGE z [b d BYLEX
    ZRANGE z "" + BYLEX
    ZRANGE z [ + BYLEX
    ZRANGE z ( + BYLEX
    ZRANGE z -- + BYLEX
    ZRANGE z + + BYLEX
    ZRANGE z - - BYLEX
    ZRANGEBYLEX z - +
    ZRANGEBYLEX z [b [d
    ZRANGEBYLEX z [b [d LIMIT 1 1
    ZRANGEBYLEX z [b [d LIMIT 1
    ZRANGEBYLEX z [b [d WITHSCORES
    ZRANGEBYLEX z b d
    ZRANGEBYLEX nosuch b d
    ZREVRANGEBYLEX z + -
    ZREVRANGEBYLEX z [d [b
    ZREVRANGEBYLEX z [d [b LIMIT 0 1
    ZREVRANGEBYLEX z - +
    ZREVRANGEBYLEX z d b
  `,
  'removing ranges': `
    ZADD z 1 a 2 b 3 c 4 d 5 e
    ZREMRANGEBYRANK z 0 0
    ZREMRANGEBYRANK z -1 -1
    ZREMRANGEBYRANK z 5 10
    ZREMRANGEBYRANK z 2 1
    ZREMRANGEBYRANK z abc 1
    ZREMRANGEBYSCORE z (2 3
    ZREMRANGEBYSCORE z abc 3
    ZREMRANGEBYSCORE z 10 20
    ZRANGE z 0 -1
    ZREMRANGEBYSCORE z -inf +inf
    EXISTS z
    ZADD z 0 a 0 b 0 c
    ZREMRANGEBYLEX z [b (c
    ZREMRANGEBYLEX z b c
    ZREMRANGEBYLEX z - +
    EXISTS z
    ZADD z 1 a
    ZREMRANGEBYRANK z 0 -1
    EXISTS z
  `,
  'popping the ends': `
    ZADD z 1 a 2 b 3 c 3.5 d
    ZPOPMIN z
    ZPOPMAX z
    ZPOPMIN z 0
    ZPOPMIN z 1
    ZPOPMIN z abc
    ZPOPMIN z -1
    ZPOPMIN z ""
    ZPOPMIN z 1.5
    ZPOPMAX z 10
    EXISTS z
    ZADD z 1 a 1 b 1 c
    ZPOPMAX z 2
    ZPOPMIN z 9223372036854775807
    ZADD z 1 a
    ZPOPMIN z 9223372036854775808
  `,
  ZSCAN: `
    ZADD z 1 a 2.5 b 3 aa inf c
    ZSCAN z 0
    ZSCAN z 0 MATCH a*
    ZSCAN z 0 COUNT 2
    ZSCAN z 0 COUNT 0
    ZSCAN z 0 COUNT abc
    ZSCAN z 0 FOO
    ZSCAN z abc
    ZSCAN nosuch 0
  `,
};
