import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value|';
const NOT_POSITIVE = '-ERR value is out of range, must be positive|';
const NOT_AN_INTEGER = '-ERR value is not an integer or out of range|';

/** Keys: list `l` = [a, b, c], set `s`. */
function session(proto: 2 | 3 = 2) {
  const commands = new CommandSession();
  const { sets, lists } = commands.engine.user;
  for (const element of 'abc') lists.pushRight('l', element);
  sets.add('s', 'a');
  return commands.client(proto);
}

describe('list commands', () => {
  // Replies as seen from redis-server 7.0.15.
  it.each([
    ['lpush l x y', ':5|'],
    ['rpush none x', ':1|'],
    ['lpush s x', WRONG_TYPE],
    ['lpushx l x', ':4|'],
    ['rpushx none x', ':0|'],
    ['lpushx s x', WRONG_TYPE],
    ['lpop l', '$1|a|'],
    ['rpop l', '$1|c|'],
    ['lpop l 2', '*2|$1|a|$1|b|'],
    ['rpop l 9', '*3|$1|c|$1|b|$1|a|'],
    ['lpop l 0', '*0|'],
    ['lpop none', '$-1|'],
    ['lpop none 0', '*-1|'],
    ['lpop none -1', NOT_POSITIVE],
    ['lpop s x', NOT_POSITIVE],
    ['lpop s 1', WRONG_TYPE],
    ['lpop l 1 2', "-ERR wrong number of arguments for 'lpop' command|"],
    ['llen l', ':3|'],
    ['llen none', ':0|'],
    ['llen s', WRONG_TYPE],
    ['lrange l 0 -1', '*3|$1|a|$1|b|$1|c|'],
    ['lrange l -2 9', '*2|$1|b|$1|c|'],
    ['lrange l -9 0', '*1|$1|a|'],
    ['lrange l 2 1', '*0|'],
    ['lrange l 5 9', '*0|'],
    ['lrange l 0 -9', '*0|'],
    ['lrange none 0 x', NOT_AN_INTEGER],
    ['lrange s 0 x', NOT_AN_INTEGER],
    ['lrange s 0 0', WRONG_TYPE],
    ['lindex l 0', '$1|a|'],
    ['lindex l -1', '$1|c|'],
    ['lindex l 3', '$-1|'],
    ['lindex l -4', '$-1|'],
    ['lindex none x', '$-1|'],
    ['lindex l x', NOT_AN_INTEGER],
    ['lset l -3 x', '+OK|'],
    ['lset none x y', '-ERR no such key|'],
    ['lset l x y', NOT_AN_INTEGER],
    ['lset l 3 y', '-ERR index out of range|'],
    ['lset l -4 y', '-ERR index out of range|'],
    ['lrem l 0 b', ':1|'],
    ['lrem l 1 x', ':0|'],
    ['lrem none x b', NOT_AN_INTEGER],
    ['lrem s 1 a', WRONG_TYPE],
    ['ltrim none 0 1', '+OK|'],
    ['ltrim none 0 x', NOT_AN_INTEGER],
    ['ltrim s 0 1', WRONG_TYPE],
    ['linsert l before a x', ':4|'],
    ['linsert l AFTER c x', ':4|'],
    ['linsert l before x y', ':-1|'],
    ['linsert none before x y', ':0|'],
    ['linsert none at x y', '-ERR syntax error|'],
    ['linsert s after a b', WRONG_TYPE],
    ['lmove l d left right', '$1|a|'],
    ['lmove l l right left', '$1|c|'],
    ['lmove none d left up', '-ERR syntax error|'],
    ['lmove none s left right', '$-1|'],
    ['lmove l s left right', WRONG_TYPE],
    ['lmove s l left right', WRONG_TYPE],
    ['rpoplpush l d', '$1|c|'],
    ['rpoplpush none d', '$-1|'],
    ['blpop l 0', '*2|$1|l|$1|a|'],
    ['brpop none l 0', '*2|$1|l|$1|c|'],
    ['blpop none s l 0', WRONG_TYPE],
    ['blpop none l s 0', '*2|$1|l|$1|a|'],
    ['blpop s x', '-ERR timeout is not a float or out of range|'],
    ['blpop s nan', '-ERR timeout is not a float or out of range|'],
    ['blpop s -1', '-ERR timeout is negative|'],
    ['blpop s -0.0015', '-ERR timeout is negative|'],
    ['blpop s inf', '-ERR timeout is negative|'],
    ['blpop s 1e17', '-ERR timeout is negative|'],
    ['blmove l d left right 0', '$1|a|'],
    ['blmove none d left up -1', '-ERR syntax error|'],
    ['blmove none d left right -1', '-ERR timeout is negative|'],
    ['blmove l s left right 0', WRONG_TYPE],
  ])('%s answers %s', (line, expected) => {
    expect(session().do(line)).toBe(expected);
  });

  it.each([
    ['lpop none', '_|'],
    ['lpop none 2', '_|'],
    ['lindex none 0', '_|'],
    ['lmove none d left right', '_|'],
  ])('in RESP3 %s answers %s', (line, expected) => {
    expect(session(3).do(line)).toBe(expected);
  });

  it.each([
    ['lpush l x y', ['y', 'x', 'a', 'b', 'c']],
    ['rpush l x y', ['a', 'b', 'c', 'x', 'y']],
    ['lset l 1 x', ['a', 'x', 'c']],
    ['ltrim l 1 -1', ['b', 'c']],
    ['ltrim l -100 0', ['a']],
    ['ltrim l 2 1', []],
    ['ltrim l 5 9', []],
    ['linsert l before b x', ['a', 'x', 'b', 'c']],
    ['linsert l after b x', ['a', 'b', 'x', 'c']],
    ['lmove l l left right', ['b', 'c', 'a']],
    ['lmove l l left left', ['a', 'b', 'c']],
    ['lmove l l right right', ['a', 'b', 'c']],
    ['rpoplpush l l', ['c', 'a', 'b']],
  ])('%s leaves %j', (line, expected) => {
    const client = session();
    client.do(line);
    expect(elements(client.do('lrange l 0 -1'))).toEqual(expected);
  });

  it.each([
    ['0', 3, ['b', 'c']],
    ['1', 1, ['b', 'a', 'c', 'a']],
    ['2', 2, ['b', 'c', 'a']],
    ['-1', 1, ['a', 'b', 'a', 'c']],
    ['-2', 2, ['a', 'b', 'c']],
    ['-9223372036854775808', 3, ['b', 'c']],
  ])('LREM with count %s removes %i of three', (count, removed, left) => {
    const client = session();
    client.do('rpush m a b a c a');
    expect(client.send('lrem', 'm', count, 'a')).toBe(`:${removed}|`);
    expect(elements(client.do('lrange m 0 -1'))).toEqual(left);
  });

  it('keeps the expiry of a list of one element that is moved onto itself', () => {
    const commands = new CommandSession();
    const client = commands.client();
    client.do('rpush one x');
    commands.engine.user.expire('one', commands.clock.now() + 5000);
    expect(client.do('lmove one one left right')).toBe('$1|x|');
    expect(commands.engine.user.expiresAt('one')).toBe(commands.clock.now() + 5000);
  });

  it('refuses a destination whose name is too long without losing the element', () => {
    const client = session();
    expect(client.send('lmove', 'l', 'k'.repeat(70_000), 'left', 'right')).toMatch(/^-ERR the key has/);
    expect(client.do('llen l')).toBe(':3|');
  });
});

describe('blocking list commands', () => {
  it('serves a waiting client what is pushed, first come first served', () => {
    const commands = new CommandSession();
    const [first, second, pusher] = [commands.client(), commands.client(), commands.client()];
    expect(first.do('blpop a b 0')).toBe('');
    expect(second.do('brpop b 0')).toBe('');
    expect(pusher.do('rpush b x y z')).toBe(':3|');
    expect(first.received()).toBe('*2|$1|b|$1|x|');
    expect(second.received()).toBe('*2|$1|b|$1|z|');
    expect(pusher.do('lrange b 0 -1')).toBe('*1|$1|y|');
    expect(commands.server.blocked.size).toBe(0);
  });

  it('goes on waiting when the key has another type or the element is gone', () => {
    const commands = new CommandSession();
    const [waiting, other] = [commands.client(), commands.client()];
    waiting.do('blpop a 0');
    other.do('sadd a x');
    expect(waiting.received()).toBe('');
    expect(waiting.client.blocked).toBeDefined();
  });

  it.each([
    [2, '*-1|'],
    [3, '_|'],
  ] as const)('answers nil in RESP%i when the time is up', (proto, nil) => {
    const commands = new CommandSession();
    const popping = commands.client(proto);
    const moving = commands.client(proto);
    popping.do('blpop a 0.05');
    moving.do('blmove a b left right 0.0495');
    commands.clock.advance(49);
    expect(popping.received() + moving.received()).toBe('');
    commands.clock.advance(1);
    expect(popping.received()).toBe(nil);
    expect(moving.received()).toBe(nil);
    expect(commands.server.blocked.size).toBe(0);
  });

  it('moves to where the next client waits', () => {
    const commands = new CommandSession();
    const [mover, popper, pusher] = [commands.client(), commands.client(), commands.client()];
    popper.do('blpop b 0');
    mover.do('blmove a b right left 0');
    pusher.do('rpush a x');
    expect(mover.received()).toBe('$1|x|');
    expect(popper.received()).toBe('*2|$1|b|$1|x|');
    expect(commands.engine.user.size).toBe(0);
  });

  it('ends the wait with an error when the destination is of another type, and keeps the element', () => {
    const commands = new CommandSession();
    const [mover, other] = [commands.client(), commands.client()];
    mover.do('blmove a s right left 0');
    other.do('sadd s x');
    other.do('rpush a x');
    expect(mover.received()).toBe(WRONG_TYPE);
    expect(other.do('lrange a 0 -1')).toBe('*1|$1|x|');
    expect(mover.client.blocked).toBeUndefined();
  });
});

function elements(reply: string): string[] {
  return reply
    .split('|')
    .slice(1, -1)
    .filter((_, i) => i % 2 === 1);
}
