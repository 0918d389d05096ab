import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

const NOT_AN_INTEGER = '-ERR value is not an integer or out of range|';
const SYNTAX = '-ERR syntax error|';
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value|';

/** `s` is a string, `e` one that expires, `l` a list. */
function session(proto: 2 | 3 = 2) {
  const commands = new CommandSession();
  const client = commands.client(proto);
  client.do('set s abc');
  client.do('set e abc ex 100');
  client.do('rpush l x');
  return { commands, client };
}

// Every reply was seen from redis-server 7.0.15.
describe('string commands', () => {
  it.each([
    ['get s', '$3|abc|'],
    ['get none', '$-1|'],
    ['get l', WRONG_TYPE],
    ['get', "-ERR wrong number of arguments for 'get' command|"],
    ['set l x', '+OK|'],
    ['set n x nx', '+OK|'],
    ['set s x nx', '$-1|'],
    ['set n x xx', '$-1|'],
    ['set s x xx', '+OK|'],
    ['set s x get', '$3|abc|'],
    ['set n x get', '$-1|'],
    ['set s x nx get', '$3|abc|'],
    ['set l x get', WRONG_TYPE],
    ['set s x nx xx', SYNTAX],
    ['set s x ex 10 px 10', SYNTAX],
    ['set s x ex 10 keepttl', SYNTAX],
    ['set s x keepttl exat 10', SYNTAX],
    ['set s x persist', SYNTAX],
    ['set s x ex', SYNTAX],
    ['set s x ex a', NOT_AN_INTEGER],
    ['set s x ex 0', "-ERR invalid expire time in 'set' command|"],
    ['set s x px -1', "-ERR invalid expire time in 'set' command|"],
    ['set s x ex 9223372036854775807', "-ERR invalid expire time in 'set' command|"],
    ['set s x ex 10 ex 20', '+OK|'],
    ['setex s 0 x', "-ERR invalid expire time in 'setex' command|"],
    ['psetex s 1 x', '+OK|'],
    ['setnx s x', ':0|'],
    ['setnx n x', ':1|'],
    ['getset s x', '$3|abc|'],
    ['getset l x', WRONG_TYPE],
    ['getdel s', '$3|abc|'],
    ['getdel l', WRONG_TYPE],
    ['getex s', '$3|abc|'],
    ['getex none ex x', '$-1|'],
    ['getex s ex 0', "-ERR invalid expire time in 'getex' command|"],
    ['getex s keepttl', SYNTAX],
    ['getex s ex 10 persist', SYNTAX],
    ['mget s none l', '*3|$3|abc|$-1|$-1|'],
    ['mset a 1 b', "-ERR wrong number of arguments for 'mset' command|"],
    ['mset a 1 b 2', '+OK|'],
    ['msetnx n 1 s 2', ':0|'],
    ['msetnx n 1 m 2', ':1|'],
    ['append s def', ':6|'],
    ['append n def', ':3|'],
    ['append l def', WRONG_TYPE],
    ['strlen s', ':3|'],
    ['strlen none', ':0|'],
    ['strlen l', WRONG_TYPE],
    ['getrange s 0 1', '$2|ab|'],
    ['getrange s -2 -1', '$2|bc|'],
    ['getrange s -100 0', '$1|a|'],
    ['getrange s -1 -2', '$0||'],
    ['getrange s 2 100', '$1|c|'],
    ['getrange none 0 -1', '$0||'],
    ['getrange s a 1', NOT_AN_INTEGER],
    ['getrange l 0 1', WRONG_TYPE],
    ['setrange s 1 X', ':3|'],
    ['setrange s -1 X', '-ERR offset is out of range|'],
    ['setrange s 536870911 XX', '-ERR string exceeds maximum allowed size (proto-max-bulk-len)|'],
  ])('%s answers %s', (line, expected) => {
    expect(session().client.do(line)).toBe(expected);
  });

  it.each([
    ['get none', '_|'],
    ['set n x xx', '_|'],
    ['set n x get', '_|'],
    ['mget s none', '*2|$3|abc|_|'],
  ])('RESP3: %s answers %s', (line, expected) => {
    expect(session(3).client.do(line)).toBe(expected);
  });

  it('drops the expiry with the value, unless told to keep it', () => {
    const { client } = session();
    client.do('set e new keepttl');
    expect(client.do('ttl e')).toBe(':100|');
    client.do('append e x');
    client.do('setrange e 0 y');
    expect(client.do('ttl e')).toBe(':100|');
    client.do('set e new');
    expect(client.do('ttl e')).toBe(':-1|');
  });

  it('takes an instant of expiry, and one that has passed leaves nothing', () => {
    const { client, commands } = session();
    client.do(`set s x pxat ${commands.clock.time + 1500}`);
    expect(client.do('pttl s')).toBe(':1500|');
    expect(client.do('set s x exat 1')).toBe('+OK|');
    expect(client.do('get s')).toBe('$-1|');
  });

  it('changes the expiry on GETEX', () => {
    const { client } = session();
    expect(client.do('getex e px 5000')).toBe('$3|abc|');
    expect(client.do('pttl e')).toBe(':5000|');
    client.do('getex e persist');
    expect(client.do('ttl e')).toBe(':-1|');
    client.do('getex e exat 1');
    expect(client.do('get e')).toBe('$-1|');
  });

  it('writes nothing of an MSET that has a key it cannot store', () => {
    const { client } = session();
    const tooLong = 'k'.repeat(65536);
    expect(client.send('mset', 'a', '1', tooLong, '2')).toMatch(/^-ERR the key has 65536 bytes/);
    expect(client.do('get a')).toBe('$-1|');
  });

  it('fills a gap with zero bytes', () => {
    const { client } = session();
    client.do('setrange n 2 x');
    expect(client.do('get n')).toBe('$3|\0\0x|');
    expect(client.send('setrange', 'n2', '5', '')).toBe(':0|');
    expect(client.do('get n2')).toBe('$-1|');
  });

  it('counts hits and misses of reads', () => {
    const { client, commands } = session();
    const { counters } = commands.server;
    for (const line of ['get s', 'get none', 'mget s none', 'strlen s', 'strlen none', 'exists s none'])
      client.do(line);
    expect([counters.hits, counters.misses]).toEqual([4, 4]);
  });
});

describe('strings as numbers', () => {
  it.each([
    [undefined, 'incr n', ':1|'],
    [undefined, 'decrby n 5', ':-5|'],
    ['10', 'incrby n -11', ':-1|'],
    ['999999999999999', 'incr n', ':1000000000000000|'],
    ['9007199254740993', 'incr n', ':9007199254740994|'],
    ['9223372036854775806', 'incr n', ':9223372036854775807|'],
    ['9223372036854775807', 'incr n', '-ERR increment or decrement would overflow|'],
    ['-9223372036854775808', 'decr n', '-ERR increment or decrement would overflow|'],
    ['0', 'decrby n -9223372036854775808', '-ERR decrement would overflow|'],
    ['-0', 'incr n', NOT_AN_INTEGER],
    ['01', 'incr n', NOT_AN_INTEGER],
    [' 1', 'incr n', NOT_AN_INTEGER],
    ['-', 'incr n', NOT_AN_INTEGER],
    ['1.0', 'incr n', NOT_AN_INTEGER],
    ['', 'incr n', NOT_AN_INTEGER],
    ['9223372036854775808', 'incr n', NOT_AN_INTEGER],
    ['1', 'incrby n x', NOT_AN_INTEGER],
    ['10.5', 'incrbyfloat n 0.1', '$4|10.6|'],
    ['3.0', 'incrbyfloat n 1.1', '$3|4.1|'],
    ['5.0e3', 'incrbyfloat n 200', '$4|5200|'],
    ['x', 'incrbyfloat n 1', '-ERR value is not a valid float|'],
    ['1', 'incrbyfloat n x', '-ERR value is not a valid float|'],
    ['1', 'incrbyfloat n inf', '-ERR increment would produce NaN or Infinity|'],
  ])('%s, %s answers %s', (value, line, expected) => {
    const client = new CommandSession().client();
    if (value !== undefined) client.send('set', 'n', value);
    expect(client.do(line)).toBe(expected);
  });

  it('keeps the expiry and refuses other types', () => {
    const client = new CommandSession().client();
    client.do('set n 1 ex 100');
    client.do('incr n');
    client.do('incrbyfloat n 0.5');
    expect(client.do('get n')).toBe('$3|2.5|');
    expect(client.do('ttl n')).toBe(':100|');
    client.do('rpush l x');
    expect(client.do('incr l')).toBe(WRONG_TYPE);
    expect(client.do('incrbyfloat l 1')).toBe(WRONG_TYPE);
  });
});
