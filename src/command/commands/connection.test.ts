import { describe, expect, it } from 'vitest';
import { CommandSession, fixedSequence } from '../../../test/support/command-session.ts';
import type { Authenticator } from '../server.ts';

const users: Authenticator = {
  required: true,
  authenticate: (name, secret) => (name === 'bob' && secret === 'pw' ? { name: 'bob', compat: false } : undefined),
};

const HELLO_REST = '$4|mode|$10|standalone|$4|role|$6|master|$7|modules|*0|';

function guarded() {
  const client = new CommandSession(fixedSequence(), { authenticator: users }).client();
  client.client.user = undefined;
  return client;
}

describe('HELLO', () => {
  it('tells about the server and switches the protocol', () => {
    const client = new CommandSession().client();
    const fields = '$6|server|$5|redis|$7|version|$5|7.4.0|$5|proto|';
    expect(client.do('hello')).toBe(`*14|${fields}:2|$2|id|:1|${HELLO_REST}`);
    expect(client.do('hello 3')).toBe(`%7|${fields}:3|$2|id|:1|${HELLO_REST}`);
    expect(client.do('get x')).toBe('_|');
    expect(client.do('hello 2 setname me')).toBe(`*14|${fields}:2|$2|id|:1|${HELLO_REST}`);
    expect(client.do('client getname')).toBe('$2|me|');
  });

  it.each([
    ['hello x', '-ERR Protocol version is not an integer or out of range|'],
    ['hello 9 foo', '-NOPROTO unsupported protocol version|'],
    ['hello 3 foo bar', "-ERR Syntax error in HELLO option 'foo'|"],
    ['hello 3 AUTH a', "-ERR Syntax error in HELLO option 'AUTH'|"],
    ['hello 3 auth nobody x', '-WRONGPASS invalid username-password pair or user is disabled.|'],
  ])('%s fails and leaves the protocol', (line, expected) => {
    const client = new CommandSession().client();
    expect(client.do(line)).toBe(expected);
    expect(client.do('get x')).toBe('$-1|');
  });

  it('refuses a name that would break CLIENT LIST', () => {
    const client = new CommandSession().client();
    const refusal = '-ERR Client names cannot contain spaces, newlines or special characters.|';
    expect(client.send('hello', '3', 'setname', 'a b')).toBe(refusal);
    expect(client.send('client', 'setname', 'a\nb')).toBe(refusal);
  });

  it('authenticates where that is required, and switches nothing otherwise', () => {
    const client = guarded();
    expect(client.do('hello 3')).toMatch(/^-NOAUTH HELLO must be called/);
    expect(client.do('hello 3 auth bob wrong')).toMatch(/^-WRONGPASS/);
    expect(client.client.reply.proto).toBe(2);
    expect(client.do('hello 3 auth bob pw')).toMatch(/^%7\|/);
    expect(client.do('set x 1')).toBe('+OK|');
  });
});

describe('AUTH', () => {
  it('opens the door', () => {
    const client = guarded();
    expect(client.do('get x')).toBe('-NOAUTH Authentication required.|');
    expect(client.do('auth pw')).toMatch(/^-WRONGPASS/);
    expect(client.do('auth bob pw x')).toBe('-ERR syntax error|');
    expect(client.do('auth bob pw')).toBe('+OK|');
    expect(client.do('get x')).toBe('$-1|');
    expect(client.do('reset')).toBe('+RESET|');
    expect(client.do('get x')).toBe('-NOAUTH Authentication required.|');
  });

  it('says that no password is configured', () => {
    const client = new CommandSession().client();
    expect(client.do('auth x')).toMatch(/^-ERR AUTH <password> called without any password configured/);
    expect(client.do('auth default x')).toBe('+OK|');
    expect(client.do('auth bob x')).toMatch(/^-WRONGPASS/);
  });
});

describe('connection commands', () => {
  it.each([
    ['ping', '+PONG|'],
    ['ping x', '$1|x|'],
    ['ping a b', "-ERR wrong number of arguments for 'ping' command|"],
    ['echo x', '$1|x|'],
    ['select 0', '+OK|'],
    ['select 1', '-ERR DB index is out of range|'],
    ['select x', '-ERR value is not an integer or out of range|'],
    ['select 2147483648', '-ERR value is out of range, value must between -2147483648 and 2147483647|'],
    ['client', "-ERR wrong number of arguments for 'client' command|"],
    ['client foo', "-ERR unknown subcommand 'foo'. Try CLIENT HELP.|"],
    ['client id x', "-ERR wrong number of arguments for 'client|id' command|"],
    ['client getname', '$-1|'],
    ['client setinfo lib-name x', '+OK|'],
    ['client setinfo foo x', "-ERR Unrecognized option 'foo'|"],
    ['client no-evict on', '+OK|'],
    ['client no-touch maybe', '-ERR syntax error|'],
    ['client list id x', '-ERR Invalid client ID|'],
    ['client list type foo', "-ERR Unknown client type 'foo'|"],
    ['client list foo', '-ERR syntax error|'],
    ['client kill foo', '-ERR No such client|'],
    ['client kill id 0', '-ERR client-id should be greater than 0|'],
    ['client kill id 99', ':0|'],
    ['client kill user bob', "-ERR No such user 'bob'|"],
    ['client kill skipme maybe', '-ERR syntax error|'],
    ['foo a b', "-ERR unknown command 'foo', with args beginning with: 'a' 'b' |"],
  ])('%s answers %s', (line, expected) => {
    expect(new CommandSession().client().do(line)).toBe(expected);
  });

  it('QUIT answers, then the connection ends', () => {
    const client = new CommandSession().client();
    expect(client.do('quit')).toBe('+OK|');
    expect(client.client.closing).toBe(true);
  });

  it('RESET leaves everything the connection has become', () => {
    const commands = new CommandSession();
    const client = commands.client(3);
    for (const line of ['client setname me', 'client tracking on', 'watch x', 'subscribe a', 'multi']) client.do(line);
    expect(client.do('reset')).toBe('+RESET|');
    expect(client.do('get x')).toBe('$-1|');
    expect(client.do('client getname')).toBe('$-1|');
    expect(client.do('exec')).toBe('-ERR EXEC without MULTI|');
    expect(client.client.tracking).toBeUndefined();
    expect(client.client.subscribed).toBe(false);
    expect(client.client.watched.size).toBe(0);
  });

  it('lists clients in the form of Redis 7.0', () => {
    const commands = new CommandSession();
    const [client, other] = [commands.client(), commands.client(3)];
    other.do('subscribe a');
    commands.clock.advance(2500);
    client.do('client setname me');
    const [line, second] = client.do('client list').split('|').slice(1, 2).join('').split('\n');
    expect(line).toBe(
      'id=1 addr=127.0.0.1:1 laddr=127.0.0.1:2 fd=0 name=me age=2 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client',
    );
    expect(second).toBeUndefined();
    expect(client.do('client list type pubsub')).toMatch(/id=2 .* age=2 idle=2 flags=P db=0 sub=1 /);
    expect(client.do('client list id 2 7')).toMatch(/^\$\d+\|id=2 /);
    expect(client.do('client info')).toMatch(/^\$\d+\|id=1 /);
  });

  it('kills others at once, itself after the reply', () => {
    const commands = new CommandSession();
    const [client, other] = [commands.client(), commands.client()];
    other.do('blpop l 0');
    expect(client.do('client kill type normal')).toBe(':1|');
    expect(commands.server.clients.size).toBe(1);
    client.do('rpush l a');
    expect(client.do('llen l')).toBe(':1|');
    expect(client.do('client kill addr 127.0.0.1:1 laddr 127.0.0.1:2 skipme no')).toBe(':1|');
    expect(client.client.closing).toBe(true);
  });

  it('CLIENT REPLY silences replies, but not confirmations of subscriptions', () => {
    const client = new CommandSession().client(3);
    expect(client.do('client reply skip')).toBe('');
    expect(client.do('ping')).toBe('');
    expect(client.do('ping')).toBe('+PONG|');
    expect(client.do('client reply off')).toBe('');
    expect(client.do('ping')).toBe('');
    expect(client.do('nosuch')).toBe('');
    expect(client.do('subscribe a')).toBe('>3|$9|subscribe|$1|a|:1|');
    expect(client.do('client reply skip')).toBe('');
    expect(client.do('client reply on')).toBe('+OK|');
    expect(client.do('client reply foo')).toBe('-ERR syntax error|');
  });
});
