import type { Scenarios } from './scenarios.ts';

export const serverCases: Scenarios = {
  'unknown commands': `
    NOSUCH
    nosuch a b
    GETT
    "GET a"
    ""
    "NO\\x00SUCH" x
    NOSUCH "" "a b" "\\xff\\x00" 'q'
    NOSUCH "line\\r\\nbreak" "it's"
    "NO\\r\\nSUCH"
    NOSUCH ${'x'.repeat(200)} y
    ${'N'.repeat(200)} x
    NOSUCH ${Array.from({ length: 40 }, (_, i) => `arg${i}`).join(' ')}
    NOSUCH ${'y'.repeat(127)} z w
  `,
  'PING and ECHO': `
    PING
    ping
    PING hello
    PING ""
    PING "\\x00\\xff"
    PING a b
    ECHO
    ECHO hello
    ECHO ""
    ECHO a b
  `,
  SELECT: `
    SELECT
    SELECT 0
    SELECT -1
    SELECT 99999
    SELECT abc
    SELECT ""
    SELECT 1.5
    SELECT 9223372036854775808
    SELECT 0 0
  `,
  HELLO: `
    HELLO
    HELLO 2
    PING
    GET nosuch
    HELLO 3
    GET nosuch
    HGETALL nosuch
    HELLO
    HELLO 1
    HELLO 4
    HELLO abc
    HELLO 2.0
    HELLO 9223372036854775808
    HELLO ""
    HELLO 3 FOO
    HELLO 3 SETNAME
    HELLO 3 SETNAME me
    CLIENT GETNAME
    HELLO 2 setname you
    CLIENT GETNAME
    HELLO 3 SETNAME "with space"
    CLIENT GETNAME
    GET nosuch
    HELLO 3 AUTH
    HELLO 3 AUTH default
    HELLO 3 AUTH default anything
    HELLO 3 AUTH nosuch anything
    HELLO 3 AUTH default x SETNAME "bad name"
    HELLO 2 AUTH default x SETNAME third
    CLIENT GETNAME
    HELLO 4 AUTH nosuch x
    HELLO SETNAME me
  `,
  AUTH: `
    AUTH
    AUTH secret
    AUTH ""
    AUTH default secret
    AUTH default ""
    AUTH nosuch secret
    AUTH a b c
    PING
  `,
  RESET: `
    RESET
    RESET x
    CLIENT SETNAME me
    MULTI
    SET a 1
    RESET
    CLIENT GETNAME
    EXEC
    WATCH a
    RESET
    GET a
    HELLO 3
    RESET
    GET a
    HGETALL a
  `,
  'CLIENT and the name': `
    CLIENT GETNAME
    CLIENT SETNAME me
    CLIENT GETNAME
    client getname
    CLIENT SETNAME ""
    CLIENT GETNAME
    CLIENT SETNAME "a b"
    CLIENT SETNAME "a\\n"
    CLIENT SETNAME "\\xff"
    CLIENT SETNAME "a!~"
    CLIENT GETNAME
    CLIENT SETNAME
    CLIENT SETNAME a b
    CLIENT GETNAME x
    CLIENT ID
    CLIENT ID x
  `,
  'CLIENT with words that are wrong': `
    CLIENT
    CLIENT NOSUCH
    CLIENT NOSUCH a b
    CLIENT ""
    CLIENT REPLY
    CLIENT REPLY maybe
    CLIENT REPLY ON
    CLIENT REPLY ON x
    CLIENT NO-EVICT
    CLIENT NO-EVICT ON
    CLIENT NO-EVICT off
    CLIENT NO-EVICT maybe
    CLIENT KILL
    CLIENT KILL nosuch
    CLIENT KILL 1.2.3.4:5
    CLIENT KILL ID
    CLIENT KILL ID abc
    CLIENT KILL ID 0
    CLIENT KILL ID -1
    CLIENT KILL ID 123456789
    CLIENT KILL ID 123456789 SKIPME
    CLIENT KILL ID 123456789 SKIPME maybe
    CLIENT KILL ID 123456789 SKIPME no
    CLIENT KILL TYPE nosuch
    CLIENT KILL TYPE pubsub
    CLIENT KILL ADDR 1.2.3.4:5
    CLIENT KILL LADDR 1.2.3.4:5
    CLIENT KILL USER nosuch
    CLIENT KILL FOO bar
    CLIENT LIST TYPE nosuch
    CLIENT LIST TYPE
    CLIENT LIST ID
    CLIENT LIST ID abc
    CLIENT LIST FOO
    CLIENT LIST TYPE pubsub
    CLIENT INFO x
    CLIENT GETREDIR
    CLIENT GETREDIR x
    CLIENT TRACKING
    CLIENT TRACKING maybe
    CLIENT CACHING
    CLIENT CACHING YES
    CLIENT CACHING maybe
    CLIENT TRACKINGINFO
    CLIENT TRACKINGINFO x
  `,
  'CLIENT KILL ends a connection': `
    1> SET a 1
    CLIENT KILL ID $id1
    CLIENT KILL ID $id1
    1> GET a
    2> PING
    CLIENT KILL ID $id2 TYPE pubsub
    CLIENT KILL ID $id2 SKIPME yes
    2> PING
    CLIENT KILL ID $id0
    PING
    CLIENT KILL ID $id0 SKIPME no
    PING
  `,
  'CLIENT LIST by id': `
    1> CLIENT SETNAME one
    2> CLIENT SETNAME two
    CLIENT LIST ID $id1
    CLIENT LIST ID $id2 $id1
    CLIENT LIST ID $id1 $id1 99999999
    CLIENT LIST ID 99999999
    CLIENT LIST ID $id1 TYPE normal
  `,
  'CLIENT INFO and LIST': `
    CLIENT SETNAME me
    CLIENT INFO
    CLIENT LIST
    1> MULTI
    1> SET a 1
    1> CLIENT INFO
    CLIENT LIST TYPE normal
    CLIENT LIST TYPE pubsub
  `,
  'CLIENT REPLY OFF and SKIP': `
    CLIENT REPLY ON
    0! CLIENT REPLY SKIP
    0! SET a 1
    GET a
    0! CLIENT REPLY OFF
    0! SET a 2
    0! GET a
    0! NOSUCH
    0! CLIENT REPLY SKIP
    0! PING
    CLIENT REPLY ON
    GET a
    0! CLIENT REPLY SKIP
    0! NOSUCH
    PING
  `,
  'COMMAND with words that are wrong': `
    COMMAND NOSUCH
    COMMAND COUNT x
    COMMAND COUNT
    COMMAND GETKEYS
    COMMAND GETKEYS GET
    COMMAND GETKEYS NOSUCH
    COMMAND GETKEYS NOSUCH a
    COMMAND GETKEYS PING
    COMMAND GETKEYS GET a b
    COMMAND LIST FOO
    COMMAND LIST FILTERBY
    COMMAND LIST FILTERBY FOO bar
    COMMAND LIST FILTERBY PATTERN get
    COMMAND DOCS nosuch
    COMMAND INFO
    COMMAND INFO nosuch
  `,
  'COMMAND GETKEYS finds the keys': `
    COMMAND GETKEYS GET a
    COMMAND GETKEYS get a
    COMMAND GETKEYS SET a 1 EX 10
    COMMAND GETKEYS MGET a b c
    COMMAND GETKEYS MSET a 1 b 2
    COMMAND GETKEYS DEL a b
    COMMAND GETKEYS RENAME a b
    COMMAND GETKEYS LMOVE a b LEFT LEFT
    COMMAND GETKEYS BLPOP a b 0
    COMMAND GETKEYS BLMOVE a b LEFT LEFT 0
    COMMAND GETKEYS SINTERSTORE d a b
    COMMAND GETKEYS SINTER a b
    COMMAND GETKEYS SMOVE a b m
    COMMAND GETKEYS ZADD z 1 a
    COMMAND GETKEYS HSET h f v
    COMMAND GETKEYS WATCH a b
    COMMAND GETKEYS PUBLISH c m
    COMMAND GETKEYS EXEC
    COMMAND GETKEYS CLIENT ID
  `,
  'COMMAND INFO of strings and keys': `
    COMMAND INFO get set getset getdel getex mget mset msetnx setnx setex psetex append strlen
    COMMAND INFO getrange setrange incr decr incrby decrby incrbyfloat
    COMMAND INFO del unlink exists type touch rename renamenx randomkey keys scan dbsize
    COMMAND INFO expire pexpire expireat pexpireat ttl pttl expiretime pexpiretime persist
    COMMAND INFO GET Set nosuch
  `,
  'COMMAND INFO of collections': `
    COMMAND INFO hset hsetnx hget hmset hmget hgetall hdel hlen hstrlen hexists hkeys hvals hincrby hincrbyfloat hrandfield hscan
    COMMAND INFO lpush rpush lpushx rpushx lpop rpop llen lrange lindex lset lrem ltrim linsert lmove rpoplpush blpop brpop blmove
    COMMAND INFO sadd srem smembers sismember smismember scard spop srandmember smove sinter sunion sdiff sscan
    COMMAND INFO sinterstore sunionstore sdiffstore
    COMMAND INFO zadd zrem zcard zcount zscore zmscore zincrby zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore
    COMMAND INFO zrangebylex zrevrangebylex zremrangebyrank zremrangebyscore zremrangebylex zpopmin zpopmax zscan
  `,
  'COMMAND INFO of the rest': `
    COMMAND INFO multi exec discard watch unwatch subscribe unsubscribe psubscribe punsubscribe publish
    COMMAND INFO hello auth reset quit ping echo select time flushdb flushall info
    COMMAND INFO client command config pubsub
  `,
  CONFIG: `
    CONFIG
    CONFIG NOSUCH
    CONFIG GET
    CONFIG GET nosuch
    CONFIG GET maxmemory
    CONFIG GET save
    CONFIG GET save appendonly
    CONFIG GET MAXMEMORY
    CONFIG SET
    CONFIG SET maxmemory
    CONFIG SET nosuch 1
    CONFIG SET maxmemory abc
    CONFIG SET maxmemory 1 nosuch
  `,
  'INFO and TIME': `
    INFO
    INFO server
    INFO nosuch
    INFO keyspace
    SET a 1
    SET b 1 EX 100
    INFO keyspace
    INFO KEYSPACE
    INFO everything
    INFO all
    INFO default
    TIME
    TIME x
  `,
  'a command after QUIT is not run': `
    1> QUIT
    0> SET a 1
    0> GET a
    1> PING
    2> quit now
    2> PING
  `,
};
