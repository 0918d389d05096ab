import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value|';
const NOT_A_FLOAT = '-ERR value is not a valid float|';
const NOT_A_RANGE = '-ERR min or max is not a float|';
const NOT_A_LEX_RANGE = '-ERR min or max not valid string range item|';
const NOT_POSITIVE = '-ERR value is out of range, must be positive|';

/** Keys: sorted set `z` = a 1, b 2.5, c inf; sorted set `x` = a b c d, all 0; list `l`. */
function session(proto: 2 | 3 = 2) {
  const commands = new CommandSession();
  const { sortedSets, lists } = commands.engine.user;
  sortedSets.add('z', 'c', Number.POSITIVE_INFINITY);
  sortedSets.add('z', 'a', 1);
  sortedSets.add('z', 'b', 2.5);
  for (const member of 'dbca') sortedSets.add('x', member, 0);
  lists.pushRight('l', 'a');
  return commands.client(proto);
}

describe('sorted set commands', () => {
  // Replies as seen from redis-server 7.0.15.
  it.each([
    ['zadd z 1 a 2 b 3 d', ':1|'],
    ['zadd z ch 1 a 2 b 3 d', ':2|'],
    ['zadd none 1 a 2 a', ':1|'],
    ['zadd z nx 9 a 9 d', ':1|'],
    ['zadd z XX ch 9 a 9 d', ':1|'],
    ['zadd z gt ch 0 a 3 b', ':1|'],
    ['zadd z lt ch 0 a 3 b', ':1|'],
    ['zadd z gt xx 9 d', ':0|'],
    ['zadd z incr 1.5 b', '$1|4|'],
    ['zadd z incr nx 1 a', '$-1|'],
    ['zadd z incr gt -1 a', '$-1|'],
    ['zadd none xx 1 a', ':0|'],
    ['zadd none xx incr 1 a', '$-1|'],
    ['zadd z 1', "-ERR wrong number of arguments for 'zadd' command|"],
    ['zadd z nx 1', '-ERR syntax error|'],
    ['zadd z nx xx 1 a 2', '-ERR syntax error|'],
    ['zadd z nx xx x a', '-ERR XX and NX options at the same time are not compatible|'],
    ['zadd z nx gt 1 a', '-ERR GT, LT, and/or NX options at the same time are not compatible|'],
    ['zadd z gt lt 1 a', '-ERR GT, LT, and/or NX options at the same time are not compatible|'],
    ['zadd z incr 1 a 2 b', '-ERR INCR option supports a single increment-element pair|'],
    ['zadd l x a', NOT_A_FLOAT],
    ['zadd z nan a', NOT_A_FLOAT],
    ['zadd z 1e400 a', NOT_A_FLOAT],
    ['zadd z 1e-400 a', NOT_A_FLOAT],
    ['zadd z 1e-310 d', ':1|'],
    ['zadd l 1 a', WRONG_TYPE],
    ['zadd l xx 1 a', WRONG_TYPE],
    ['zincrby z 0.1 a', '$18|1.1000000000000001|'],
    ['zincrby none 1 a', '$1|1|'],
    ['zincrby z -inf c', '-ERR resulting score is not a number (NaN)|'],
    ['zincrby z nx a', '-ERR syntax error|'],
    ['zincrby z x a', NOT_A_FLOAT],
    ['zrem z a b x', ':2|'],
    ['zrem z a b c', ':3|'],
    ['zrem none a', ':0|'],
    ['zcard z', ':3|'],
    ['zcard none', ':0|'],
    ['zcard l', WRONG_TYPE],
    ['zscore z a', '$1|1|'],
    ['zscore z c', '$3|inf|'],
    ['zscore z none', '$-1|'],
    ['zscore none a', '$-1|'],
    ['zmscore z a none b', '*3|$1|1|$-1|$3|2.5|'],
    ['zmscore none a', '*1|$-1|'],
    ['zrank z b', ':1|'],
    ['zrevrank z a', ':2|'],
    ['zrank z none', '$-1|'],
    ['zrank none a', '$-1|'],
    ['zcount z -inf +inf', ':3|'],
    ['zcount z (1 2.5', ':1|'],
    ['zcount z 1 (2.5', ':1|'],
    ['zcount z 5 1', ':0|'],
    ['zcount z 1e999 inf', ':1|'],
    ['zcount none a b', NOT_A_RANGE],
    ['zcount l 1 2', WRONG_TYPE],
    ['zlexcount x - +', ':4|'],
    ['zlexcount x [b (d', ':2|'],
    ['zlexcount x + -', ':0|'],
    ['zlexcount x - -', ':0|'],
    ['zlexcount none a b', NOT_A_LEX_RANGE],
    ['zrange z 0 -1', '*3|$1|a|$1|b|$1|c|'],
    ['zrange z 0 -1 withscores', '*6|$1|a|$1|1|$1|b|$3|2.5|$1|c|$3|inf|'],
    ['zrange z -2 9', '*2|$1|b|$1|c|'],
    ['zrange z 0 1 rev', '*2|$1|c|$1|b|'],
    ['zrange z 2 1', '*0|'],
    ['zrange z 9 10', '*0|'],
    ['zrange z 1 2.5 byscore', '*2|$1|a|$1|b|'],
    ['zrange z +inf (1 byscore rev', '*2|$1|c|$1|b|'],
    ['zrange z 1 2.5 byscore rev', '*0|'],
    ['zrange z -inf +inf byscore limit 1 1', '*1|$1|b|'],
    ['zrange z +inf -inf byscore rev limit 1 5', '*2|$1|b|$1|a|'],
    ['zrange z -inf +inf byscore limit -1 1', '*0|'],
    ['zrange z -inf +inf byscore limit 1 -1', '*2|$1|b|$1|c|'],
    ['zrange z -inf +inf byscore limit 0 0', '*0|'],
    ['zrange x [b + bylex', '*3|$1|b|$1|c|$1|d|'],
    ['zrange x (d [b bylex rev', '*2|$1|c|$1|b|'],
    ['zrange x - + bylex limit 1 2', '*2|$1|b|$1|c|'],
    [
      'zrange z 1 2 limit 0 1',
      '-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX|',
    ],
    ['zrange z 0 -1 limit 2 -1', '*3|$1|a|$1|b|$1|c|'],
    ['zrange z 0 -1 limit 0', '-ERR syntax error|'],
    ['zrange z 0 -1 limit a b', '-ERR value is not an integer or out of range|'],
    ['zrange z - + bylex withscores', '-ERR syntax error, WITHSCORES not supported in combination with BYLEX|'],
    ['zrange z 0 1 bylex byscore', '-ERR syntax error|'],
    ['zrange none a b', '-ERR value is not an integer or out of range|'],
    ['zrange none a b byscore', NOT_A_RANGE],
    ['zrange none a b bylex', NOT_A_LEX_RANGE],
    ['zrange none 0 1', '*0|'],
    ['zrange l 0 1', WRONG_TYPE],
    ['zrevrange z 0 0 withscores', '*2|$1|c|$3|inf|'],
    ['zrevrange z 0 1 rev', '-ERR syntax error|'],
    ['zrangebyscore z (1 inf withscores limit 0 1', '*2|$1|b|$3|2.5|'],
    ['zrangebyscore z 1 2 byscore', '-ERR syntax error|'],
    ['zrevrangebyscore z inf 2.5', '*2|$1|c|$1|b|'],
    ['zrangebylex x [b [c', '*2|$1|b|$1|c|'],
    ['zrevrangebylex x + (b', '*2|$1|d|$1|c|'],
    ['zremrangebyrank z 0 1', ':2|'],
    ['zremrangebyrank z 0 -1', ':3|'],
    ['zremrangebyrank none a b', '-ERR value is not an integer or out of range|'],
    ['zremrangebyrank l 0 0', WRONG_TYPE],
    ['zremrangebyscore z (1 inf', ':2|'],
    ['zremrangebyscore none a b', NOT_A_RANGE],
    ['zremrangebylex x (a +', ':3|'],
    ['zremrangebylex none a b', NOT_A_LEX_RANGE],
    ['zpopmin z', '*2|$1|a|$1|1|'],
    ['zpopmax z', '*2|$1|c|$3|inf|'],
    ['zpopmin z 2', '*4|$1|a|$1|1|$1|b|$3|2.5|'],
    ['zpopmax z 9', '*6|$1|c|$3|inf|$1|b|$3|2.5|$1|a|$1|1|'],
    ['zpopmin none', '*0|'],
    ['zpopmin z 0', '*0|'],
    ['zpopmin l 0', WRONG_TYPE],
    ['zpopmin l x', NOT_POSITIVE],
    ['zpopmin z 1 2', '-ERR syntax error|'],
    ['zscan z 0 match [a]', '*2|$1|0|*2|$1|a|$1|1|'],
    ['zscan none 0', '*2|$1|0|*0|'],
    ['zscan l 0', WRONG_TYPE],
  ])('%s answers %s', (line, expected) => {
    expect(session().do(line)).toBe(expected);
  });

  it.each([
    ['zscore z b', ',2.5|'],
    ['zscore z c', ',inf|'],
    ['zscore none a', '_|'],
    ['zmscore z a none', '*2|,1|_|'],
    ['zadd z incr 1 a', ',2|'],
    ['zadd z incr nx 1 a', '_|'],
    ['zincrby z 1 a', ',2|'],
    ['zrank z none', '_|'],
    ['zrange z 0 1 withscores', '*2|*2|$1|a|,1|*2|$1|b|,2.5|'],
    ['zpopmin z', '*2|$1|a|,1|'],
    ['zpopmin z 1', '*1|*2|$1|a|,1|'],
    ['zpopmax z 2', '*2|*2|$1|c|,inf|*2|$1|b|,2.5|'],
  ])('in RESP3 %s answers %s', (line, expected) => {
    expect(session(3).do(line)).toBe(expected);
  });

  it('reads score bounds as C does: leading spaces, nothing, up to a NUL', () => {
    const client = session();
    expect(client.send('zcount', 'z', ' 1', '\t2.5')).toBe(':2|');
    expect(client.send('zcount', 'x', '', '')).toBe(':4|');
    expect(client.send('zcount', 'z', '1\0x', '( 2.5\0')).toBe(':1|');
    expect(client.send('zcount', 'z', ' ', '1')).toBe(NOT_A_RANGE);
    expect(client.send('zcount', 'z', '1 ', '2')).toBe(NOT_A_RANGE);
  });

  it('orders equal scores by the bytes of the members', () => {
    const client = session();
    client.send('zadd', 'o', '0', '\xff', '0', 'Z', '0', 'a', '0', '\0');
    expect(client.do('zrange o 0 -1')).toBe('*4|$1|\0|$1|Z|$1|a|$1|\xff|');
  });

  it('tells scores in ZSCAN as Redis does: whole ones without an exponent while the set is small', () => {
    const client = session();
    client.do('zadd w 123456789012345678 a');
    expect(client.do('zscan w 0')).toBe('*2|$1|0|*2|$1|a|$18|123456789012345680|');
    expect(client.do('zscore w a')).toBe('$22|1.2345678901234568e+17|');
    client.send('zadd', 'w', ...Array.from({ length: 200 }, (_, i) => [`${i}`, `m${i}`]).flat());
    expect(client.do('zscan w 0 count 1000')).toContain('$1|a|$22|1.2345678901234568e+17|');
  });

  it('finds the same members in small sets and in large ones', () => {
    const client = session();
    const names = Array.from({ length: 300 }, (_, i) => `m${String(i).padStart(3, '0')}`);
    for (const [key, size] of [
      ['small', 100],
      ['large', 300],
    ] as const) {
      client.send('zadd', key, ...names.slice(0, size).flatMap((name) => ['0', name]));
      expect(client.send('zlexcount', key, '[m010', '(m020')).toBe(':10|');
      expect(client.send('zrange', key, '(m099', '[m097', 'bylex', 'rev')).toBe('*2|$4|m098|$4|m097|');
      expect(client.send('zrange', key, '[m097', '(m099', 'bylex')).toBe('*2|$4|m097|$4|m098|');
    }
  });

  it('walks members of different scores as Redis does', () => {
    const client = session();
    client.do('zadd y 1 1 2 m2 -1 g 0.1 m3 0.01 f');
    expect(client.do('zrange y [m1 (m3 bylex')).toBe('*0|');
    client.do('zadd y 0 g');
    expect(client.do('zrange y [f (m3 bylex')).toBe('*2|$1|g|$1|f|');
    expect(client.do('zrange y (m3 [f bylex rev')).toBe('*1|$2|m2|');
  });

  it('keeps -0 as 0 where Redis does', () => {
    const client = session();
    client.send('zadd', 'long', '-0', 'm'.repeat(65), '-0', 'm');
    expect(client.do('zscore long m')).toBe('$2|-0|');
    expect(client.do('zadd n incr -0 a')).toBe('$2|-0|');
    expect(client.do('zscore n a')).toBe('$1|0|');
  });

  it('drops the key with its last member', () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('zadd z 1 a 2 b');
    client.do('zremrangebyscore z -inf +inf');
    client.do('zadd y 1 a');
    client.do('zpopmax y');
    expect(commands.engine.user.size).toBe(0);
  });
});
