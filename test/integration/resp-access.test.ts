import { describe, expect, it } from 'vitest';
import { startNode } from '../support/node.ts';
import { connectRaw, encodeCommand, type RawResp } from '../support/raw-resp.ts';
import { startRespFace } from '../support/resp-face.ts';

const portOf = (address: string): number => Number(address.split(':').at(-1));

const VERBS = ['POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE'];

describe('a connection that speaks HTTP', () => {
  const request = (first: string): string => `${first}\r\nX: y\r\n\r\nSET k stolen\r\n`;

  it.each([
    ...VERBS.map((verb) => `${verb} / HTTP/1.1`),
    'GET / HTTP/1.1',
    'get /k HTTP/1.0',
    'post / HTTP/1.1',
    'Host: localhost:6380',
    'host: localhost',
    'HOST: x',
    'pOsT / x',
  ])('is dropped without an answer at %s, however it is cut', async (first) => {
    await using node = await startRespFace();
    const whole = await connectRaw({ port: node.port });
    whole.write(request(first));
    expect(await whole.ended).toBe('');
    const cut = await connectRaw({ port: node.port });
    cut.socket.setNoDelay(true);
    for (const char of request(first)) {
      cut.write(char);
      await new Promise(setImmediate);
    }
    expect(await cut.ended).toBe('');
    expect(node.face.closed.http).toBe(2);
    node.engine.begin();
    expect(node.engine.user.strings.get('k')).toBeUndefined();
  });

  it('is dropped as well when empty lines or the form of an array are put before it', async () => {
    await using node = await startRespFace();
    for (const input of ['\r\n\r\nPOST / HTTP/1.1\r\nSET k x\r\n', `${encodeCommand(['POST', '/'])}SET k x\r\n`]) {
      await using client = await connectRaw({ port: node.port });
      client.write(input);
      expect(await client.ended).toBe('');
    }
  });

  it('is dropped where the request is hidden behind other words', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    client.write('USER anonymous\r\nPOST / HTTP/1.1\r\nHost: x\r\nSET k x\r\n');
    expect(await client.ended).toBe('');
    expect(node.server.counters.commands).toBeLessThan(4);
    expect(node.face.closed.http).toBe(1);
  });

  it('is not mistaken for one that gets a key', async () => {
    await using node = await startRespFace();
    await using client = await connectRaw({ port: node.port });
    client.write('GET /\r\nGET HTTP/1.1\r\n');
    expect(await client.next()).toBe('$-1\r\n');
    expect(await client.next()).toBe('$-1\r\n');
    expect(await client.command('PUT', 'k', 'v')).toMatch(/^-ERR unknown command 'PUT'/);
  });
});

describe('where users are configured', () => {
  const users = { default: { secret: 'secret' }, gateway: { secret: 'other', compat: true } };

  it('a stranger gets NOAUTH, or WRONGPASS, and little else', async () => {
    await using node = await startRespFace({ users });
    await using client = await connectRaw({ port: node.port });
    const noAuth = '-NOAUTH Authentication required.\r\n';
    for (const command of [['GET', 'k'], ['PING'], ['SUBSCRIBE', 'x'], ['MULTI'], ['CLIENT', 'LIST'], ['INFO']])
      expect(await client.command(...command), command.join(' ')).toBe(noAuth);
    expect(await client.command('HELLO', '3')).toMatch(/^-NOAUTH HELLO must be called/);
    const wrong = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';
    expect(await client.command('AUTH', 'wrong')).toBe(wrong);
    expect(await client.command('AUTH', 'nobody', 'secret')).toBe(wrong);
    expect(await client.command('HELLO', '3', 'AUTH', 'gateway', 'secret')).toBe(wrong);
    expect(await client.command('AUTH', 'secret')).toBe('+OK\r\n');
    expect(await client.command('PING')).toBe('+PONG\r\n');
  });

  it.each([
    ['arguments', '*11\r\n', 'unauthenticated multibulk length'],
    ['bytes of an argument', '*2\r\n$4\r\nAUTH\r\n$16385\r\n', 'unauthenticated bulk length'],
  ])('a stranger may not send many %s', async (_, input, error) => {
    await using node = await startRespFace({ users });
    await using client = await connectRaw({ port: node.port });
    client.write(input);
    expect(await client.next()).toBe(`-ERR Protocol error: ${error}\r\n`);
    await client.ended;
  });

  it.each([[['AUTH', 'secret']], [['HELLO', '2', 'AUTH', 'default', 'secret']]])(
    'after %j the limits are those of everyone, also for what follows in the same write, until RESET',
    async (login) => {
      await using node = await startRespFace({ users });
      await using client = await connectRaw({ port: node.port });
      const words = Array.from({ length: 50 }, (_, i) => `k${i}`);
      const [, reply] = await client.pipeline([login, ['MSET', ...words.flatMap((key) => [key, 'x'.repeat(20_000)])]]);
      expect(reply).toBe('+OK\r\n');
      expect(await client.command('RESET')).toBe('+RESET\r\n');
      client.send('MGET', ...words);
      expect(await client.next()).toBe('-ERR Protocol error: unauthenticated multibulk length\r\n');
    },
  );
});

describe('the names that other programs agree on', () => {
  const config = {
    resp: '127.0.0.1:0',
    users: [
      { name: 'default', secret: 'app-secret' },
      { name: 'gateway', secret: 'gw-secret', namespaces: ['compat' as const] },
    ],
  };

  async function signedIn(port: number, name: string, secret: string): Promise<RawResp> {
    const client = await connectRaw({ port });
    expect(await client.command('AUTH', name, secret)).toBe('+OK\r\n');
    return client;
  }

  it('mean their own keys to an ordinary client, which reaches no other by any command', async () => {
    await using node = await startNode(config);
    await using gateway = await signedIn(portOf(node.resp), 'gateway', 'gw-secret');
    await using app = await signedIn(portOf(node.resp), 'default', 'app-secret');
    const real = '$4\r\nreal\r\n';
    await gateway.command('SET', 'apikey-x', 'real');
    expect(await app.command('GET', 'apikey-x')).toBe('$-1\r\n');
    expect(await app.command('SET', 'apikey-x', 'forged')).toBe('+OK\r\n');
    expect(await app.command('GET', 'apikey-x')).toBe('$6\r\nforged\r\n');
    await app.command('SET', 'plain', 'forged');
    for (const attack of [
      ['RENAME', 'plain', 'apikey-x'],
      ['APPEND', 'apikey-x', '!'],
      ['MSET', 'apikey-x', 'a', 'orgkey.x', 'b'],
      ['SETRANGE', 'apikey-x', '0', 'zzz'],
      ['GETSET', 'apikey-x', 'y'],
      ['EXPIRE', 'apikey-x', '0'],
      ['DEL', 'apikey-x'],
      ['FLUSHDB'],
      ['FLUSHALL'],
    ]) {
      await app.command(...attack);
      expect(await gateway.command('GET', 'apikey-x'), attack.join(' ')).toBe(real);
    }
    await app.pipeline([['MULTI'], ['SET', 'apikey-x', 'in a transaction'], ['EXEC']]);
    expect(await gateway.command('GET', 'apikey-x')).toBe(real);
    expect(await gateway.command('EXISTS', 'orgkey.x')).toBe(':0\r\n');
  });

  it('are the same keys to every client that was granted them, and wake and invalidate only these', async () => {
    await using node = await startNode(config);
    const port = portOf(node.resp);
    await using gateway = await signedIn(port, 'gateway', 'gw-secret');
    await using second = await signedIn(port, 'gateway', 'gw-secret');
    await using app = await signedIn(port, 'default', 'app-secret');
    await gateway.command('SET', 'apikey-x', 'real');
    expect(await second.command('GET', 'apikey-x')).toBe('$4\r\nreal\r\n');
    second.send('BLPOP', 'analytics-list', '0');
    await app.command('RPUSH', 'analytics-list', 'forged');
    await gateway.command('RPUSH', 'analytics-list', 'real');
    expect(await second.next()).toBe('*2\r\n$14\r\nanalytics-list\r\n$4\r\nreal\r\n');
    expect(await app.command('LRANGE', 'analytics-list', '0', '-1')).toBe('*1\r\n$6\r\nforged\r\n');
    await gateway.command('WATCH', 'apikey-x');
    await app.command('SET', 'apikey-x', 'forged');
    const [, , executed] = await gateway.pipeline([['MULTI'], ['GET', 'apikey-x'], ['EXEC']]);
    expect(executed).toBe('*1\r\n$4\r\nreal\r\n');
  });

  it('are left out of what is said and done about all keys', async () => {
    await using node = await startNode(config);
    await using gateway = await signedIn(portOf(node.resp), 'gateway', 'gw-secret');
    for (const key of ['apikey-x', 'orgkey.y', 'report_keys']) await gateway.command('SET', key, 'real');
    expect(await gateway.command('DBSIZE')).toBe(':0\r\n');
    expect(await gateway.command('KEYS', '*')).toBe('*0\r\n');
    expect(await gateway.command('SCAN', '0')).toBe('*2\r\n$1\r\n0\r\n*0\r\n');
    expect(await gateway.command('RANDOMKEY')).toBe('$-1\r\n');
    await gateway.command('SET', 'user', 'x');
    expect(await gateway.command('DBSIZE')).toBe(':1\r\n');
    expect(await gateway.command('KEYS', '*')).toBe('*1\r\n$4\r\nuser\r\n');
    expect(await gateway.command('SCAN', '0', 'COUNT', '100')).toBe('*2\r\n$1\r\n0\r\n*1\r\n$4\r\nuser\r\n');
    for (let i = 0; i < 20; i++) expect(await gateway.command('RANDOMKEY')).toBe('$4\r\nuser\r\n');
    expect(await gateway.command('FLUSHALL')).toBe('+OK\r\n');
    expect(await gateway.command('GET', 'user')).toBe('$-1\r\n');
    expect(await gateway.command('MGET', 'apikey-x', 'orgkey.y', 'report_keys')).toBe(
      `*3\r\n${'$4\r\nreal\r\n'.repeat(3)}`,
    );
  });
});
