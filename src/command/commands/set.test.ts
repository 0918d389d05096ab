import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value|';

/** Keys: set `s` = {a}, set `t` = {a, b, c}, list `l`. */
function session(proto: 2 | 3 = 2) {
  const commands = new CommandSession();
  const { sets, lists } = commands.engine.user;
  sets.add('s', 'a');
  for (const member of 'abc') sets.add('t', member);
  lists.pushRight('l', 'a');
  return commands.client(proto);
}

/** The members of an array or set reply of bulk strings, sorted. */
function members(reply: string): string[] {
  return reply
    .split('|')
    .slice(1, -1)
    .filter((_, i) => i % 2 === 1)
    .sort();
}

describe('set commands', () => {
  // Replies as seen from redis-server 7.0.15.
  it.each([
    ['sadd s a b b', ':1|'],
    ['sadd none a b', ':2|'],
    ['sadd l a', WRONG_TYPE],
    ['srem t a b x', ':2|'],
    ['srem s a a', ':1|'],
    ['srem none a', ':0|'],
    ['srem l a', WRONG_TYPE],
    ['scard t', ':3|'],
    ['scard none', ':0|'],
    ['smembers s', '*1|$1|a|'],
    ['smembers none', '*0|'],
    ['sismember s a', ':1|'],
    ['sismember none a', ':0|'],
    ['smismember s a b', '*2|:1|:0|'],
    ['smismember none a b', '*2|:0|:0|'],
    ['smismember l a', WRONG_TYPE],
    ['smove none l a', ':0|'],
    ['smove s l none', WRONG_TYPE],
    ['smove l s a', WRONG_TYPE],
    ['smove s s a', ':1|'],
    ['smove s s x', ':0|'],
    ['smove s d a', ':1|'],
    ['smove s t a', ':1|'],
    ['spop s x', '-ERR value is out of range, must be positive|'],
    ['spop l -1', '-ERR value is out of range, must be positive|'],
    ['spop s 1 2', '-ERR syntax error|'],
    ['spop s 0', '*0|'],
    ['spop none', '$-1|'],
    ['spop none 2', '*0|'],
    ['spop s', '$1|a|'],
    ['spop s 5', '*1|$1|a|'],
    ['spop l', WRONG_TYPE],
    ['srandmember s', '$1|a|'],
    ['srandmember s 5', '*1|$1|a|'],
    ['srandmember s -2', '*2|$1|a|$1|a|'],
    ['srandmember s 0', '*0|'],
    ['srandmember none', '$-1|'],
    ['srandmember none -5', '*0|'],
    ['srandmember s 1 2', '-ERR syntax error|'],
    ['srandmember l abc', '-ERR value is not an integer or out of range|'],
    ['sinter s t', '*1|$1|a|'],
    ['sinter s none', '*0|'],
    ['sinter none l', WRONG_TYPE],
    ['sunion none', '*0|'],
    ['sunion none l', WRONG_TYPE],
    ['sdiff none s', '*0|'],
    ['sdiff s t', '*0|'],
    ['sdiff l none', WRONG_TYPE],
    ['sinterstore l s t', ':1|'],
    ['sinterstore l s none', ':0|'],
    ['sinterstore s none l', WRONG_TYPE],
    ['sunionstore s s t', ':3|'],
    ['sdiffstore t t s', ':2|'],
    ['sdiffstore s s s', ':0|'],
    ['sscan s 0', '*2|$1|0|*1|$1|a|'],
    ['sscan s 0 match b*', '*2|$1|0|*0|'],
    ['sscan none 0', '*2|$1|0|*0|'],
    ['sscan l 0', WRONG_TYPE],
  ])('%s answers %s', (line, expected) => {
    expect(session().do(line)).toBe(expected);
  });

  it.each([
    ['smembers s', '~1|$1|a|'],
    ['sinter s t', '~1|$1|a|'],
    ['sunion none', '~0|'],
    ['spop s 0', '~0|'],
    ['spop s 1', '~1|$1|a|'],
    ['srandmember s 1', '*1|$1|a|'],
    ['sismember s a', ':1|'],
    ['spop none', '_|'],
  ])('in RESP3 %s answers %s', (line, expected) => {
    expect(session(3).do(line)).toBe(expected);
  });

  it('computes union, intersection and difference', () => {
    const client = session();
    client.do('sadd u c d');
    expect(members(client.do('sunion s t u'))).toEqual(['a', 'b', 'c', 'd']);
    expect(members(client.do('sinter t u'))).toEqual(['c']);
    expect(members(client.do('sdiff t s u'))).toEqual(['b']);
  });

  it('replaces a destination of another type, and leaves it alone when a source is of a wrong one', () => {
    const client = session();
    expect(client.do('sunionstore d s l')).toBe(WRONG_TYPE);
    expect(client.do('sunionstore l s t')).toBe(':3|');
    expect(members(client.do('smembers l'))).toEqual(['a', 'b', 'c']);
    expect(client.do('sdiffstore l s t')).toBe(':0|');
    expect(client.do('scard l')).toBe(':0|');
  });

  it('pops every member once, whatever the counts', () => {
    const client = session();
    const all = Array.from({ length: 500 }, (_, i) => `m${i}`);
    client.send('sadd', 'big', ...all);
    const popped: string[] = [];
    for (const count of [1, 17, 300, 100, 1000]) popped.push(...members(client.send('spop', 'big', String(count))));
    expect(popped.sort()).toEqual(all.sort());
    expect(client.do('scard big')).toBe(':0|');
  });

  it('picks different members with a positive count, any with a negative one', () => {
    const client = session();
    client.send('sadd', 'big', ...Array.from({ length: 100 }, (_, i) => `m${i}`));
    const different = members(client.do('srandmember big 60'));
    expect(different).toHaveLength(60);
    expect(new Set(different).size).toBe(60);
    const repeated = members(client.do('srandmember big -300'));
    expect(repeated).toHaveLength(300);
    expect(new Set(repeated).size).toBeLessThanOrEqual(100);
    expect(new Set(repeated).size).toBeGreaterThan(50);
    expect(client.do('srandmember big -9999999999')).toBe('-ERR value is out of range|');
  });
});
