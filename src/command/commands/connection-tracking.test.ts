import { describe, expect, it } from 'vitest';
import { CommandSession } from '../../../test/support/command-session.ts';

const invalidate = (...keys: string[]): string =>
  `>2|$10|invalidate|*${keys.length}|${keys.map((key) => `$${key.length}|${key}|`).join('')}`;

function session() {
  const commands = new CommandSession();
  return { commands, client: commands.client(3), other: commands.client() };
}

// Every reply was seen from redis-server 7.0.15.
describe('CLIENT TRACKING', () => {
  it('tells once that a key changed which the client read, also one that was absent', () => {
    const { client, other } = session();
    client.do('client tracking on');
    client.do('get x');
    other.do('set x 1');
    expect(client.received()).toBe(invalidate('x'));
    other.do('set x 2');
    expect(client.received()).toBe('');
  });

  it('tells own changes after the reply, each key by itself', () => {
    const { client } = session();
    client.do('client tracking on');
    client.do('mget x y');
    expect(client.do('mset x 1 y 2 z 3')).toBe(`+OK|${invalidate('x')}${invalidate('y')}`);
    client.do('get x');
    for (const line of ['multi', 'set x 1', 'set x 2']) client.do(line);
    expect(client.do('exec')).toBe(`*2|+OK|+OK|${invalidate('x')}`);
  });

  it('does not tell own changes with NOLOOP', () => {
    const { client, other } = session();
    client.do('client tracking on noloop');
    client.do('get x');
    expect(client.do('set x 1')).toBe('+OK|');
    client.do('get x');
    other.do('set x 1');
    expect(client.received()).toBe(invalidate('x'));
  });

  it('tells by prefix in broadcast mode, in one message for each', () => {
    const { client, other } = session();
    client.do('client tracking on bcast prefix b prefix a');
    other.do('mset b1 1 a2 1 a1 1 z 1');
    expect(client.received()).toBe(invalidate('a1', 'a2') + invalidate('b1'));
  });

  it('adds the empty prefix when none is named, and tells by each that fits', () => {
    const { client, other } = session();
    client.do('client tracking on bcast prefix b');
    client.do('client tracking on bcast');
    other.do('mset b 1 a 1');
    expect(client.received()).toBe(invalidate('a', 'b') + invalidate('b'));
  });

  it('tracks what it is asked to in OPTIN and OPTOUT', () => {
    const { client, other } = session();
    client.do('client tracking on optin');
    client.do('get x');
    client.do('client caching yes');
    client.do('get y');
    client.do('get z');
    other.do('mset x 1 y 1 z 1');
    expect(client.received()).toBe(invalidate('y'));
    client.do('client caching yes');
    for (const line of ['multi', 'get x', 'get y', 'exec']) client.do(line);
    other.do('mset x 1 y 1');
    expect(client.received()).toBe(invalidate('x') + invalidate('y'));
    client.do('client tracking off');
    client.do('client tracking on optout');
    client.do('client caching no');
    client.do('get x');
    client.do('get y');
    other.do('mset x 1 y 1');
    expect(client.received()).toBe(invalidate('y'));
  });

  it('tells a flush and an expiry that nobody asked for', async () => {
    const { client, other, commands } = session();
    client.do('client tracking on');
    client.do('get x');
    other.do('flushall');
    expect(client.received()).toBe('>2|$10|invalidate|_|');
    other.do('set x 1 px 50');
    client.do('get x');
    commands.clock.advance(1000);
    while (!commands.engine.sweep()) commands.clock.advance(1000);
    await Promise.resolve();
    expect(client.received()).toBe(invalidate('x'));
  });

  it('redirects to a subscribed RESP2 client, and says when that is gone', () => {
    const { client, other, commands } = session();
    const receiver = commands.client();
    receiver.do('subscribe __redis__:invalidate');
    expect(client.do(`client tracking on redirect ${receiver.client.id}`)).toBe('+OK|');
    client.do('get x');
    other.do('set x 1');
    expect(receiver.received()).toBe('*3|$7|message|$20|__redis__:invalidate|*1|$1|x|');
    expect(client.do('client getredir')).toBe(`:${receiver.client.id}|`);
    other.do('flushall');
    expect(receiver.received()).toBe('*3|$7|message|$20|__redis__:invalidate|$-1|');
    client.do('get x');
    commands.server.remove(receiver.client);
    other.do('set x 2');
    expect(client.received()).toBe(`>2|$21|tracking-redir-broken|:${receiver.client.id}|`);
    expect(client.do('client trackinginfo')).toBe(
      `%3|$5|flags|~2|$2|on|$15|broken_redirect|$8|redirect|:${receiver.client.id}|$8|prefixes|*0|`,
    );
  });

  it('never names compatibility keys to those who have none', () => {
    const { client, commands } = session();
    const trusted = commands.client(3, { name: 'gateway', compat: true });
    client.do('client tracking on bcast');
    trusted.do('client tracking on bcast noloop');
    trusted.do('set apikey-secret 1');
    expect(client.received()).toBe('');
    client.do('set apikey-secret 1');
    expect(trusted.received()).toBe('');
  });

  it('costs nothing once nobody tracks', () => {
    const { client, commands } = session();
    client.do('client tracking on');
    client.do('get x');
    expect([commands.server.tracking.keys, commands.server.tracking.items]).toEqual([1, 1]);
    client.do('client tracking off');
    expect([commands.server.tracking.keys, commands.server.tracking.items]).toEqual([0, 0]);
    expect(commands.server.tracking.active).toBe(false);
  });

  const overlap = 'Prefixes for a single client must not overlap.|';
  const switching = 'before disabling tracking for this client, and then re-enabling it with a different mode.|';
  it.each([
    [[], 'client tracking foo', '-ERR syntax error|'],
    [[], 'client tracking on foo', '-ERR syntax error|'],
    [[], 'client tracking on prefix a', '-ERR PREFIX option requires BCAST mode to be enabled|'],
    [[], 'client tracking on redirect 99', '-ERR The client ID you want redirect to does not exist|'],
    [[], 'client tracking on bcast optin', '-ERR OPTIN and OPTOUT are not compatible with BCAST|'],
    [[], 'client tracking on optin optout', "-ERR You can't specify both OPTIN mode and OPTOUT mode|"],
    [
      [],
      'client tracking on bcast prefix a prefix ab',
      `-ERR Prefix 'a' overlaps with another provided prefix 'ab'. ${overlap}`,
    ],
    [
      ['client tracking on bcast prefix a'],
      'client tracking on bcast prefix ab',
      `-ERR Prefix 'ab' overlaps with an existing prefix 'a'. ${overlap}`,
    ],
    [['client tracking on'], 'client tracking on bcast', `-ERR You can't switch BCAST mode on/off ${switching}`],
    [['client tracking on optin'], 'client tracking on optout', `-ERR You can't switch OPTIN/OPTOUT mode ${switching}`],
    [
      [],
      'client caching yes',
      '-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled|',
    ],
    [
      ['client tracking on optin'],
      'client caching no',
      '-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.|',
    ],
    [[], 'client getredir', ':-1|'],
    [[], 'client trackinginfo', '%3|$5|flags|~1|$3|off|$8|redirect|:-1|$8|prefixes|*0|'],
    [
      ['client tracking on bcast noloop prefix a'],
      'client trackinginfo',
      '%3|$5|flags|~3|$2|on|$5|bcast|$6|noloop|$8|redirect|:0|$8|prefixes|*1|$1|a|',
    ],
    [
      ['client tracking on optin', 'client caching yes'],
      'client trackinginfo',
      '%3|$5|flags|~3|$2|on|$5|optin|$11|caching-yes|$8|redirect|:0|$8|prefixes|*0|',
    ],
  ])('after %j, %s answers %s', (before, line, expected) => {
    const { client } = session();
    for (const first of before) expect(client.do(first)).toBe('+OK|');
    expect(client.do(line)).toBe(expected);
  });
});
