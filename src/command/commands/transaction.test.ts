import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

function session(proto: 2 | 3 = 2) {
  const commands = new CommandSession();
  return { commands, client: commands.client(proto), other: commands.client(proto) };
}

function all(client: { do(line: string): string }, ...lines: string[]): string[] {
  return lines.map((line) => client.do(line));
}

// Every reply was seen from redis-server 7.0.15.
describe('transactions', () => {
  it('run what was queued, errors included', () => {
    const { client } = session();
    expect(all(client, 'set x a', 'multi', 'incr x', 'rpush x 1', 'get x', 'exec')).toEqual([
      '+OK|',
      '+OK|',
      '+QUEUED|',
      '+QUEUED|',
      '+QUEUED|',
      '*3|-ERR value is not an integer or out of range|-WRONGTYPE Operation against a key holding the wrong kind of value|$1|a|',
    ]);
  });

  it.each([['nosuch a'], ['get'], ['client nosuch'], ['config get']])('abort after a refused `%s`', (line) => {
    const { client } = session();
    client.do('multi');
    expect(client.do(line)).toMatch(/^-ERR /);
    expect(all(client, 'set x 1', 'exec', 'get x', 'exec')).toEqual([
      '+QUEUED|',
      '-EXECABORT Transaction discarded because of previous errors.|',
      '$-1|',
      '-ERR EXEC without MULTI|',
    ]);
  });

  it('end when EXEC itself is refused', () => {
    const { client } = session();
    expect(all(client, 'multi', 'exec x', 'exec')).toEqual([
      '+OK|',
      "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command|",
      '-ERR EXEC without MULTI|',
    ]);
  });

  it('refuse nesting and WATCH without aborting', () => {
    const { client } = session();
    expect(all(client, 'multi', 'multi', 'watch x', 'exec')).toEqual([
      '+OK|',
      '-ERR MULTI calls can not be nested|',
      '-ERR WATCH inside MULTI is not allowed|',
      '*0|',
    ]);
    expect(client.do('discard')).toBe('-ERR DISCARD without MULTI|');
  });

  it('answer nil when a watched key changed', () => {
    for (const [proto, nil] of [
      [2, '*-1|'],
      [3, '_|'],
    ] as const) {
      const { client, other } = session(proto);
      all(client, 'watch x', 'multi', 'set x mine');
      other.do('set x theirs');
      expect(client.do('exec')).toBe(nil);
      expect(client.do('get x')).toBe('$6|theirs|');
      // The watch ended with it.
      expect(all(client, 'multi', 'ping', 'exec').at(-1)).toBe('*1|+PONG|');
    }
  });

  it.each([
    ['expire x 10', true],
    ['expire x 0', true],
    ['set y 1', false],
    ['setnx x 1', false],
    ['get x', false],
    ['flushall', true],
  ])('see `%s` as a change: %s', (line, broken) => {
    const { client, other } = session();
    all(client, 'set x 1', 'watch x');
    other.do(line);
    expect(all(client, 'multi', 'ping', 'exec').at(-1)).toBe(broken ? '*-1|' : '*1|+PONG|');
  });

  it('see a command that writes without a difference as a change', () => {
    for (const lines of [
      ['set x a', 'append x '],
      ['rpush x a', 'ltrim x 0 -1'],
    ]) {
      const { client, other } = session();
      all(client, lines[0] as string, 'watch x');
      other.send(...(lines[1] as string).split(' '));
      expect(all(client, 'multi', 'ping', 'exec').at(-1)).toBe('*-1|');
    }
  });

  it('do not see a flush of a key that was not there', () => {
    const { client, other } = session();
    client.do('watch x');
    other.do('flushall');
    expect(all(client, 'multi', 'ping', 'exec').at(-1)).toBe('*1|+PONG|');
  });

  it('see the expiry of a watched key, but not of one that had expired before', () => {
    const { client, commands } = session();
    all(client, 'set x 1 px 100', 'watch x');
    commands.clock.advance(200);
    expect(all(client, 'multi', 'ping', 'exec').at(-1)).toBe('*-1|');
    all(client, 'set y 1 px 100');
    commands.clock.advance(200);
    expect(all(client, 'watch y', 'multi', 'ping', 'exec').at(-1)).toBe('*1|+PONG|');
  });

  it('do not block in them', () => {
    const { client } = session();
    expect(all(client, 'multi', 'blpop l 0', 'exec').at(-1)).toBe('*1|*-1|');
    expect(client.client.blocked).toBeUndefined();
  });

  it('serve who waits only when all of it is done', () => {
    const { client, other } = session();
    other.do('blpop l 0');
    all(client, 'multi', 'rpush l a', 'lpush l b', 'exec');
    expect(other.received()).toBe('*2|$1|l|$1|b|');
  });

  it('ask for memory once for all of it, at queueing and at EXEC', () => {
    const { client, commands } = session();
    const oom = "-OOM command not allowed when used memory > 'maxmemory'.|";
    client.do('set x 1');
    const { maxBytes } = commands.engine;
    commands.engine.maxBytes = 1;
    expect(all(client, 'multi', 'get x', 'exec')).toEqual([
      '+OK|',
      oom,
      '-EXECABORT Transaction discarded because of previous errors.|',
    ]);
    commands.engine.maxBytes = maxBytes;
    all(client, 'multi', 'set x 2');
    commands.engine.maxBytes = 1;
    expect(client.do('exec')).toBe(
      "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.|",
    );
    expect(all(client, 'multi', 'discard')).toEqual(['+OK|', '+OK|']);
    expect(client.do('get x')).toBe('$1|1|');
  });
});
