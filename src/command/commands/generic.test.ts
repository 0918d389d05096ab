import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

const NOT_AN_INTEGER = '-ERR value is not an integer or out of range|';
const SYNTAX = '-ERR syntax error|';

/** `s` is a string, `e` one that expires in 100 s, `l` a list, `z` a sorted set. */
function session() {
  const commands = new CommandSession();
  const client = commands.client();
  client.do('mset s abc t def');
  client.do('set e abc ex 100');
  client.do('rpush l x');
  client.do('zadd z 1 x');
  return { commands, client };
}

// Every reply was seen from redis-server 7.0.15.
describe('key commands', () => {
  it.each([
    ['type s', '+string|'],
    ['type l', '+list|'],
    ['type z', '+zset|'],
    ['type none', '+none|'],
    ['exists s s none l', ':3|'],
    ['touch s none', ':1|'],
    ['del s none l', ':2|'],
    ['unlink s s', ':1|'],
    ['rename none x', '-ERR no such key|'],
    ['rename s s', '+OK|'],
    ['renamenx s s', ':0|'],
    ['renamenx s t', ':0|'],
    ['renamenx s u', ':1|'],
    ['renamenx none u', '-ERR no such key|'],
    ['ttl s', ':-1|'],
    ['ttl none', ':-2|'],
    ['ttl e', ':100|'],
    ['pttl e', ':100000|'],
    ['persist s', ':0|'],
    ['persist e', ':1|'],
    ['persist none', ':0|'],
    ['expire none 10', ':0|'],
    ['expire s 10', ':1|'],
    ['expire s x', NOT_AN_INTEGER],
    ['expire s 10 foo', '-ERR Unsupported option foo|'],
    ['expire s 10 nx xx', '-ERR NX and XX, GT or LT options at the same time are not compatible|'],
    ['expire s 10 gt lt', '-ERR GT and LT options at the same time are not compatible|'],
    ['expire s 9223372036854775807', "-ERR invalid expire time in 'expire' command|"],
    ['pexpire s 9223372036854775807', "-ERR invalid expire time in 'pexpire' command|"],
    ['expire s 10 xx', ':0|'],
    ['expire s 10 gt', ':0|'],
    ['expire s 10 lt', ':1|'],
    ['expire e 10 nx', ':0|'],
    ['expire e 10 gt', ':0|'],
    ['expire e 1000 gt', ':1|'],
    ['expire e 1000 lt', ':0|'],
    ['expire e 10 xx lt', ':1|'],
    ['scan x', '-ERR invalid cursor|'],
    ['scan 0 count 0', SYNTAX],
    ['scan 0 count', SYNTAX],
    ['scan 0 count x', NOT_AN_INTEGER],
    ['scan 0 foo x', SYNTAX],
    ['scan 0 match none* type hash', '*2|$1|0|*0|'],
    ['keys none*', '*0|'],
    ['dbsize', ':5|'],
  ])('%s answers %s', (line, expected) => {
    expect(session().client.do(line)).toBe(expected);
  });

  it('moves value and expiry on RENAME, over whatever was there', () => {
    const { client } = session();
    client.do('rename e l');
    expect(client.do('get l')).toBe('$3|abc|');
    expect(client.do('ttl l')).toBe(':100|');
    expect(client.do('exists e')).toBe(':0|');
  });

  it.each(['expire s 0', 'expire s -10', 'expireat s 0', 'pexpireat s -1'])('deletes on %s', (line) => {
    const { client } = session();
    expect(client.do(line)).toBe(':1|');
    expect(client.do('exists s')).toBe(':0|');
  });

  it('rounds seconds to the nearest', () => {
    const { client, commands } = session();
    const { time } = commands.clock;
    client.do(`pexpireat s ${time + 1499}`);
    client.do(`pexpireat t ${time + 1500}`);
    expect([client.do('ttl s'), client.do('ttl t')]).toEqual([':1|', ':2|']);
    expect(client.do('pexpiretime t')).toBe(`:${time + 1500}|`);
    expect(client.do('expiretime t')).toBe(`:${Math.round((time + 1500) / 1000)}|`);
  });

  it('visits every key by SCAN, filtered by glob and type', () => {
    const { client, commands } = session();
    for (let i = 0; i < 3000; i++) client.send('set', `key:${i}`, 'x');
    const seen = new Set<string>();
    let cursor = '0';
    let steps = 0;
    do {
      const words = client.send('scan', cursor, 'match', 'key:*', 'type', 'STRING', 'count', '100').split('|');
      cursor = words[2] as string;
      for (const word of words) if (word.startsWith('key:')) seen.add(word);
      steps++;
    } while (cursor !== '0');
    expect(seen.size).toBe(3000);
    expect(steps).toBeGreaterThan(10);
    expect(commands.engine.user.size).toBe(3005);
    expect(client.do('scan 18446744073709551615')).toBe('*2|$1|0|*0|');
  });

  it('gives a random key, or none', () => {
    const { client } = session();
    expect(client.do('randomkey')).toMatch(/^\$1\|[stelz]\|$/);
    client.do('flushall');
    expect(client.do('randomkey')).toBe('$-1|');
  });

  it('keeps the compatibility names apart from the keys of the same name', () => {
    const { client, commands } = session();
    const trusted = commands.client(2, { name: 'gateway', compat: true });
    trusted.do('set apikey-1 real');
    client.do('set apikey-1 forged');
    expect(trusted.do('get apikey-1')).toBe('$4|real|');
    client.do('flushall');
    expect(trusted.do('get apikey-1')).toBe('$4|real|');
    expect(trusted.do('keys *')).toBe('*0|');
    expect(trusted.do('rename apikey-1 x')).toMatch(/^-ERR a key cannot be renamed between/);
  });
});
