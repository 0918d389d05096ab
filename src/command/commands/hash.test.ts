import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value|';

/** A session whose key `h` is a hash with one field `f` = `1` and whose key `l` is a list. */
function session(proto: 2 | 3 = 2) {
  const commands = new CommandSession();
  commands.engine.user.hashes.set('h', 'f', '1');
  commands.engine.user.lists.pushRight('l', 'a');
  return commands.client(proto);
}

describe('hash commands', () => {
  // Replies as seen from redis-server 7.0.15.
  it.each([
    ['hset h f 2 g 3', ':1|'],
    ['hset h f', "-ERR wrong number of arguments for 'hset' command|"],
    ['hset l f 1 g', "-ERR wrong number of arguments for 'hset' command|"],
    ['hset l f 1', WRONG_TYPE],
    ['hmset h g 1', '+OK|'],
    ['hmset h g', "-ERR wrong number of arguments for 'hmset' command|"],
    ['hsetnx h f 9', ':0|'],
    ['hsetnx h g 9', ':1|'],
    ['hsetnx l g 9', WRONG_TYPE],
    ['hget h f', '$1|1|'],
    ['hget h none', '$-1|'],
    ['hget none f', '$-1|'],
    ['hmget h f none', '*2|$1|1|$-1|'],
    ['hmget none f', '*1|$-1|'],
    ['hmget l f', WRONG_TYPE],
    ['hgetall h', '*2|$1|f|$1|1|'],
    ['hgetall none', '*0|'],
    ['hkeys h', '*1|$1|f|'],
    ['hvals h', '*1|$1|1|'],
    ['hkeys none', '*0|'],
    ['hlen h', ':1|'],
    ['hlen none', ':0|'],
    ['hstrlen h f', ':1|'],
    ['hstrlen h none', ':0|'],
    ['hexists h f', ':1|'],
    ['hexists h none', ':0|'],
    ['hdel h f none f', ':1|'],
    ['hdel none f', ':0|'],
    ['hdel l f', WRONG_TYPE],
    ['hincrby h f 41', ':42|'],
    ['hincrby h g -1', ':-1|'],
    ['hincrby h f 9223372036854775807', '-ERR increment or decrement would overflow|'],
    ['hincrby l f x', '-ERR value is not an integer or out of range|'],
    ['hincrby l f 1', WRONG_TYPE],
    ['hincrbyfloat h f 0.5', '$3|1.5|'],
    ['hincrbyfloat h g 0.1', '$3|0.1|'],
    ['hincrbyfloat h f inf', '-ERR value is NaN or Infinity|'],
    ['hincrbyfloat h f nan', '-ERR value is not a valid float|'],
    ['hincrbyfloat l f x', '-ERR value is not a valid float|'],
    ['hrandfield h', '$1|f|'],
    ['hrandfield none', '$-1|'],
    ['hrandfield none 3 withvalues', '*0|'],
    ['hrandfield h 0', '*0|'],
    ['hrandfield h 5', '*1|$1|f|'],
    ['hrandfield h -3', '*3|$1|f|$1|f|$1|f|'],
    ['hrandfield h 1 withvalues', '*2|$1|f|$1|1|'],
    ['hrandfield h 1 values', '-ERR syntax error|'],
    ['hrandfield h 9223372036854775807 withvalues', '-ERR value is out of range|'],
    [
      'hrandfield h -9223372036854775808',
      '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807|',
    ],
    ['hrandfield l abc', '-ERR value is not an integer or out of range|'],
    ['hscan h 0', '*2|$1|0|*2|$1|f|$1|1|'],
    ['hscan h 0 match g*', '*2|$1|0|*0|'],
    ['hscan none 0 nonsense', '*2|$1|0|*0|'],
    ['hscan none x', '-ERR invalid cursor|'],
    ['hscan h 18446744073709551616', '-ERR invalid cursor|'],
    ['hscan h 0 count 0', '-ERR syntax error|'],
    ['hscan h 0 count x', '-ERR value is not an integer or out of range|'],
    ['hscan h 0 count', '-ERR syntax error|'],
    ['hscan h 0 type hash', '-ERR syntax error|'],
    ['hscan l 0', WRONG_TYPE],
  ])('%s answers %s', (line, expected) => {
    expect(session().do(line)).toBe(expected);
  });

  it.each([
    ['hgetall h', '%1|$1|f|$1|1|'],
    ['hgetall none', '%0|'],
    ['hget none f', '_|'],
    ['hrandfield h 1 withvalues', '*1|*2|$1|f|$1|1|'],
    ['hrandfield h -2 withvalues', '*2|*2|$1|f|$1|1|*2|$1|f|$1|1|'],
  ])('in RESP3 %s answers %s', (line, expected) => {
    expect(session(3).do(line)).toBe(expected);
  });

  it('refuses to add to what is no number, and leaves it', () => {
    const client = session();
    client.do('hset h t abc i inf');
    expect(client.do('hincrby h t 1')).toBe('-ERR hash value is not an integer|');
    expect(client.do('hincrbyfloat h t 1')).toBe('-ERR hash value is not a float|');
    expect(client.do('hincrbyfloat h i 1')).toBe('-ERR increment would produce NaN or Infinity|');
    expect(client.do('hmget h t i')).toBe('*2|$3|abc|$3|inf|');
  });

  it('drops the key with its last field', () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('hset h a 1 b 2');
    expect(client.do('hdel h a b')).toBe(':2|');
    expect(commands.engine.user.size).toBe(0);
  });

  it('counts hits and misses of reads only', () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('hset h f 1');
    client.do('hget h f');
    client.do('hget h none');
    client.do('hget none f');
    expect(commands.server.counters).toMatchObject({ hits: 2, misses: 1 });
  });

  it('scans a large hash in steps, every field once while nothing changes', () => {
    const client = session();
    for (let i = 0; i < 1000; i++) client.send('hset', 'big', `f${i}`, `${i}`);
    const seen: string[] = [];
    let cursor = '0';
    let steps = 0;
    do {
      const [, , next = '', , ...rest] = client.send('hscan', 'big', cursor, 'count', '100').split('|');
      for (let i = 1; i < rest.length; i += 4) seen.push(`${rest[i]}=${rest[i + 2]}`);
      cursor = next;
      steps++;
    } while (cursor !== '0');
    expect(steps).toBe(10);
    expect(seen.sort()).toEqual(Array.from({ length: 1000 }, (_, i) => `f${i}=${i}`).sort());
  });
});
