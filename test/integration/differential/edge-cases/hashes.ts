import type { Scenarios } from './scenarios.ts';

export const hashCases: Scenarios = {
  'words too few or too many': `
    HSET h
    HSET h f
    HSET h f v g
    HMSET h
    HMSET h f
    HMSET h f v g
    HSETNX h f
    HSETNX h f v w
    HGET h
    HGET h f g
    HMGET h
    HGETALL
    HGETALL h x
    HDEL h
    HLEN
    HLEN h x
    HSTRLEN h
    HSTRLEN h f g
    HEXISTS h
    HKEYS
    HVALS
    HINCRBY h f
    HINCRBY h f 1 2
    HINCRBYFLOAT h f
    HRANDFIELD
    HRANDFIELD h 1 WITHVALUES x
    HSCAN
    HSCAN h
    EXISTS h
  `,
  'a key of another type': `
    SET s x
    HSET s f v
    HMSET s f v
    HSETNX s f v
    HGET s f
    HMGET s f
    HGETALL s
    HDEL s f
    HLEN s
    HSTRLEN s f
    HEXISTS s f
    HKEYS s
    HVALS s
    HINCRBY s f 1
    HINCRBY s f abc
    HINCRBYFLOAT s f 1
    HINCRBYFLOAT s f abc
    HRANDFIELD s
    HRANDFIELD s 1
    HRANDFIELD s abc
    HSCAN s 0
    HSCAN s abc
    GET s
  `,
  'no key': `
    HGET h f
    HMGET h f g
    HGETALL h
    HDEL h f
    HLEN h
    HSTRLEN h f
    HEXISTS h f
    HKEYS h
    HVALS h
    HRANDFIELD h
    HRANDFIELD h 3
    HRANDFIELD h -3
    HRANDFIELD h 0
    HRANDFIELD h 3 WITHVALUES
    HSCAN h 0
    HSCAN h 17
    EXISTS h
  `,
  'setting and reading': `
    HSET h f 1 g 2 f 3
    HSET h f 4 i 5
    HMSET h j 6 k 7
    HSETNX h f 8
    HSETNX h m 8
    HGET h f
    HMGET h f nosuch g f
    HGETALL h
    HLEN h
    HSTRLEN h f
    HSTRLEN h nosuch
    HEXISTS h f
    HEXISTS h nosuch
    HDEL h f f nosuch g
    HKEYS h
    HVALS h
    HSET h "" empty
    HGET h ""
    HSET h "\\x00\\xff" "\\r\\n"
    HGET h "\\x00\\xff"
    HSTRLEN h "\\x00\\xff"
  `,
  'an empty hash is gone': `
    HSET h f v
    EXPIRE h 100
    HDEL h f
    EXISTS h
    HSET h f v
    TTL h
    HDEL h f nosuch
    TYPE h
  `,
  'integers in fields': `
    HINCRBY h f 5
    HINCRBY h f -7
    HINCRBY h f 9223372036854775807
    HINCRBY h f 9223372036854775807
    HSET h f 9223372036854775807
    HINCRBY h f 1
    HSET h f -9223372036854775808
    HINCRBY h f -1
    HINCRBY h f abc
    HINCRBY h f 1.5
    HINCRBY h f 9223372036854775808
    HINCRBY h f ""
    HINCRBY h f " 1"
    HSET h f abc
    HINCRBY h f 1
    HSET h f 1.5
    HINCRBY h f 1
    HSET h f ""
    HINCRBY h f 1
    HSET h f " 1"
    HINCRBY h f 1
    HSET h f 01
    HINCRBY h f 1
    HINCRBY nosuch f abc
    EXISTS nosuch
  `,
  'floats in fields': `
    HINCRBYFLOAT h f 0.1
    HINCRBYFLOAT h f 0.2
    HINCRBYFLOAT h f 5.0e3
    HINCRBYFLOAT h f -0.3
    HSET h f 10.50
    HINCRBYFLOAT h f 0.1
    HSET h f 3.0
    HINCRBYFLOAT h f 1
    HGET h f
    HINCRBYFLOAT h f abc
    HINCRBYFLOAT h f ""
    HINCRBYFLOAT h f nan
    HINCRBYFLOAT h f inf
    HINCRBYFLOAT h f -inf
    HINCRBYFLOAT h f 1e400
    HINCRBYFLOAT h f 1e5000
    HINCRBYFLOAT h f " 1"
    HSET h f abc
    HINCRBYFLOAT h f 1
    HSET h f ""
    HINCRBYFLOAT h f 1
    HSET h f inf
    HINCRBYFLOAT h f 1
    HSET h f nan
    HINCRBYFLOAT h f 1
    HINCRBYFLOAT nosuch f inf
    EXISTS nosuch
  `,
  HRANDFIELD: `
    HSET h f 1
    HRANDFIELD h
    HRANDFIELD h 1
    HRANDFIELD h 5
    HRANDFIELD h -3
    HRANDFIELD h 0
    HRANDFIELD h 1 WITHVALUES
    HRANDFIELD h -2 withvalues
    HRANDFIELD h abc
    HRANDFIELD h ""
    HRANDFIELD h 1 WITH
    HRANDFIELD h 1 1
    HRANDFIELD h -9223372036854775808
    HRANDFIELD h -9223372036854775808 WITHVALUES
    HRANDFIELD h 9223372036854775807 WITHVALUES
    HRANDFIELD h 9223372036854775808
    HSET h g 2 i 3
    HRANDFIELD h 2
    HRANDFIELD h 10
    HRANDFIELD h -10
    HRANDFIELD h 2 WITHVALUES
    HRANDFIELD h -7 WITHVALUES
  `,
  HSCAN: `
    HSET h a 1 b 2 c 3 aa 4
    HSCAN h 0
    HSCAN h 0 MATCH a*
    HSCAN h 0 COUNT 1
    HSCAN h 0 COUNT 0
    HSCAN h 0 COUNT -1
    HSCAN h 0 COUNT abc
    HSCAN h 0 COUNT
    HSCAN h 0 MATCH
    HSCAN h 0 FOO
    HSCAN h 0 TYPE hash
    HSCAN h 0 NOVALUES
    HSCAN h 0 MATCH nosuch COUNT 100
    HSCAN h abc
    HSCAN h -1
    HSCAN h ""
    HSCAN h 1.5
    HSCAN h 18446744073709551616
  `,
};
