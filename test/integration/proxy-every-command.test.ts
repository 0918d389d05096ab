import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startProxyFace } from '../support/proxy-face.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { startRedis } from '../support/redis-server.ts';

/** Commands that are not compared, and why; the name of a command with subcommands stands for all of them. */
const exceptions: Readonly<Record<string, string>> = {
  auth: 'of the connection to Sluice: its users, its words',
  hello: 'of the connection to Sluice',
  reset: 'of the connection to Sluice',
  quit: 'of the connection to Sluice; ends it',
  client: 'the clients of Sluice',
  shutdown: 'ends the server',
  debug: 'may end the server, and is off by default',
  failover: 'needs a replica',
  sync: 'turns the connection into a replica: refused',
  psync: 'turns the connection into a replica: refused',
  monitor: 'ends only with the connection; has a test of its own',
  info: 'figures of the moment',
  time: 'the moment',
  lolwut: 'made by chance',
  randomkey: 'made by chance',
  'latency histogram': 'figures of the moment',
  'slowlog get': 'figures of the moment',
  'slowlog len': 'figures of the moment',
  'memory stats': 'figures of the moment',
  'memory malloc-stats': 'figures of the moment',
  'memory doctor': 'figures of the moment',
  lastsave: 'the moment',
  bgsave: 'what another save is doing at the moment',
  bgrewriteaof: 'what another save is doing at the moment',
  save: 'what another save is doing at the moment',
  role: 'figures of the moment',
  replicaof: 'changes the server',
  slaveof: 'changes the server',
  'acl genpass': 'made by chance',
  'acl load': 'the words for users that are in no file',
  'acl save': 'the words for users that are in no file',
  'acl log': 'the address of the connection',
  subscribe: 'answers by messages; has a test of its own',
  psubscribe: 'answers by messages; has a test of its own',
  ssubscribe: 'answers by messages; has a test of its own',
  unsubscribe: 'answers by messages; has a test of its own',
  punsubscribe: 'answers by messages; has a test of its own',
  sunsubscribe: 'answers by messages; has a test of its own',
  replconf: 'for replicas, gives no reply: refused',
  exec: 'called in the test of transactions',
  discard: 'called in the test of transactions',
  watch: 'called in the test of transactions',
  multi: 'called in the test of transactions',
};

/** Arguments with which a command does something; the others are called bare and with one word. */
const calls: readonly string[] = [
  'set s text',
  'get s',
  'getdel gd',
  'getex s',
  'getrange s 0 1',
  'getset s other',
  'append s x',
  'incr n',
  'incrby n 2',
  'incrbyfloat n 1.5',
  'decr m',
  'decrby m 2',
  'mset a 1 b 2',
  'msetnx a 1 z 2',
  'mget a b none',
  'psetex p 100000 v',
  'setex p 100 v',
  'setnx s v',
  'setrange s 1 zz',
  'strlen s',
  'substr s 0 1',
  'lcs a b',
  'setbit bits 7 1',
  'getbit bits 7',
  'bitcount bits',
  'bitpos bits 1',
  'bitop and dest bits bits',
  'bitfield bits incrby u4 0 1',
  'bitfield_ro bits get u4 0',
  'pfadd hll a b',
  'pfcount hll',
  'pfmerge hll2 hll',
  'hset h f v g 1',
  'hsetnx h f w',
  'hget h f',
  'hmget h f none',
  'hmset h x y',
  'hgetall h',
  'hkeys h',
  'hvals h',
  'hlen h',
  'hexists h f',
  'hincrby h g 2',
  'hincrbyfloat h g 1.5',
  'hstrlen h f',
  'hscan h 0',
  'hdel h x',
  'lpush l a b',
  'rpush l c',
  'lpushx l z',
  'rpushx none z',
  'lrange l 0 -1',
  'llen l',
  'lindex l 0',
  'linsert l before a q',
  'lset l 0 w',
  'lrem l 1 q',
  'ltrim l 0 3',
  'lpos l a',
  'lmove l l2 left right',
  'rpoplpush l l2',
  'blmove l l2 left right 0.01',
  'brpoplpush l l2 0.01',
  'lmpop 1 l2 left',
  'blmpop 0.01 1 l2 left',
  'blpop l 0.01',
  'brpop l 0.01',
  'lpop l',
  'rpop l',
  'sadd set a b c',
  'sadd set2 b',
  'smembers set2',
  'sismember set a',
  'smismember set a none',
  'scard set',
  'sdiff set2 set',
  'sdiffstore d set set2',
  'sinter set set2',
  'sintercard 2 set set2',
  'sinterstore d set set2',
  'sunion set2 set2',
  'sunionstore d set2',
  'smove set set3 c',
  'srem set a',
  'sscan set2 0',
  'zadd z 1 a 2 b 3.5 c',
  'zcard z',
  'zcount z 1 2',
  'zincrby z 1 a',
  'zrange z 0 -1 withscores',
  'zrangebyscore z 0 10 withscores',
  'zrangebylex z - +',
  'zrangestore z2 z 0 1',
  'zrevrange z 0 -1 withscores',
  'zrevrangebyscore z 10 0',
  'zrevrangebylex z + -',
  'zrank z a',
  'zrevrank z a',
  'zscore z a',
  'zmscore z a none',
  'zlexcount z - +',
  'zdiff 2 z z2 withscores',
  'zdiffstore zd 2 z z2',
  'zinter 2 z z2 withscores',
  'zintercard 2 z z2',
  'zinterstore zi 2 z z2',
  'zunion 2 z z2 withscores',
  'zunionstore zu 2 z z2',
  'zscan z 0',
  'zpopmin z2',
  'zpopmax zu',
  'bzpopmin z 0.01',
  'bzpopmax z 0.01',
  'zmpop 1 zd min',
  'bzmpop 0.01 1 zi min',
  'zrem z a',
  'zremrangebyrank z 0 0',
  'zremrangebyscore z 0 1',
  'zremrangebylex z [x [y',
  'geoadd geo 13.361389 38.115556 P 15.087269 37.502669 C',
  'geodist geo P C',
  'geohash geo P',
  'geopos geo P none',
  'georadius geo 15 37 200 km',
  'georadius_ro geo 15 37 200 km asc',
  'georadiusbymember geo P 200 km',
  'georadiusbymember_ro geo P 200 km',
  'geosearch geo fromlonlat 15 37 byradius 200 km asc',
  'geosearchstore gs geo fromlonlat 15 37 byradius 200 km',
  'xadd st 1-1 a b',
  'xadd st 1-2 c d',
  'xlen st',
  'xrange st - +',
  'xrevrange st + -',
  'xread count 1 streams st 0',
  'xgroup create st g 0',
  'xreadgroup group g me count 1 streams st >',
  'xack st g 1-1',
  'xsetid st 5-1',
  'xtrim st maxlen 1',
  'xdel st 1-1',
  'xautoclaim st g me 100000 0',
  'xclaim st g me 100000 1-2',
  'eval return{KEYS[1],ARGV[1]} 1 a x',
  'eval_ro return{1,2} 0',
  'evalsha 1234 0',
  'evalsha_ro 1234 0',
  'script load return(1)',
  'script exists abc',
  'fcall none 0',
  'fcall_ro none 0',
  'function list',
  'type z',
  'exists a b none',
  'expire a 100',
  'expireat a 9999999999',
  'expiretime a',
  'pexpiretime a',
  'pexpire a 100000',
  'pexpireat a 9999999999000',
  'persist a',
  'ttl b',
  'rename b b2',
  'renamenx b2 b',
  'copy a a3',
  'touch a b',
  'object encoding a',
  'dump a3',
  'sort l2',
  'sort_ro l2',
  'keys zz*',
  'scan 0 match zz* count 1000',
  'move a 1',
  'unlink a3',
  'del gd s',
  'dbsize',
  'echo hi',
  'ping hi',
  'publish ch hi',
  'spublish ch hi',
  'pubsub numsub ch',
  'config get maxmemory-policy',
  'config set maxmemory-samples 6',
  'command count',
  'cluster info',
  'wait 0 1',
  'swapdb 0 0',
  'select 0',
  'unwatch',
  'readonly',
  'readwrite',
  'asking',
  'flushdb',
  'flushall',
];

/** Unordered replies in one order, and what depends on the moment taken out. */
function comparable(call: string, reply: string): string {
  if (/^(smembers|sdiff|sinter|sunion|hkeys|hvals|keys|scan|sscan|pubsub|config|command|acl|xautoclaim)\b/.test(call))
    return reply.split('\r\n').sort().join('\r\n');
  // Milliseconds since the last delivery.
  if (/^xclaim|^ttl/.test(call)) return reply.slice(0, 1);
  return reply;
}

async function callBoth(direct: RawResp, through: RawResp, call: string, proto: number): Promise<void> {
  const words = call === '' ? [] : call.split(' ');
  const [want, have] = [await direct.command(...words), await through.command(...words)];
  expect(comparable(call, have), `RESP${proto}: ${call}`).toBe(comparable(call, want));
}

describe.each([false, true])('every command through the proxy, cache %s', (cached) => {
  it.each([2, 3])('answers as the server does, in RESP%i', { timeout: 60_000 }, async (proto) => {
    await using one = await startRedis();
    await using two = await startRedis();
    await using proxy = await startProxyFace({ port: two.port, ...(cached ? { cache: {} } : {}) });
    await using direct = await connectRaw({ port: one.port });
    await using through = await connectRaw({ port: proxy.port });
    await direct.command('HELLO', `${proto}`);
    await through.command('HELLO', `${proto}`);
    const names = await commandsOf(direct);
    expect(names.length).toBeGreaterThan(350);
    const called = new Set(calls.map((call) => call.split(' ')[0]));
    for (const name of Object.keys(exceptions)) expect(called.has(name), `${name} is called and excepted`).toBe(false);
    for (const call of calls) await callBoth(direct, through, call, proto);
    for (const name of names) {
      const [command = ''] = name.split(' ');
      if (exceptions[command] !== undefined || exceptions[name] !== undefined) continue;
      // Bare, and with too much: every refusal is the server's own.
      await callBoth(direct, through, name, proto);
      await callBoth(direct, through, `${name} ${'x '.repeat(30).trim()}`, proto);
    }
  });
});

/** Names of all commands of a server, subcommands as two words. */
async function commandsOf(server: RawResp): Promise<string[]> {
  const names = (await server.command('COMMAND', 'LIST')).split('\r\n');
  const described = (await server.command('COMMAND', 'DOCS')).split('\r\n');
  const all = new Set([...names, ...described.filter((line) => /^[a-z]+\|[a-z-]+$/.test(line))]);
  return [...all].filter((line) => /^[a-z][a-z0-9_.|-]*$/.test(line)).map((name) => name.replace('|', ' '));
}

/** Words that matter in the arguments of commands, and some that may be keys. */
const vocabulary = [
  ...['a', 'b', 'c', 'd', 'e', '', '0', '1', '2', '3', '-1', 'STREAMS', 'streams', 'STORE', 'store', 'STOREDIST'],
  ...['KEYS', 'keys', 'COUNT', 'BLOCK', 'GROUP', 'g', 'BY', 'GET', 'LIMIT', 'LEFT', 'MIN', 'WEIGHTS', 'AGGREGATE'],
  ...['ASC', 'COPY', 'REPLACE', 'AUTH', 'AUTH2', 'usage', 'NOMKSTREAM', '>', '$'],
];

it('finds the keys of every command where the server finds them', { timeout: 60_000 }, async () => {
  await using redis = await startRedis();
  await using proxy = await startProxyFace({ port: redis.port, cache: {} });
  await using direct = await connectRaw({ port: redis.port });
  const { rules } = proxy;
  await eventually(() => expect(rules.find(['XGROUP', 'CREATE']).name).toBe('xgroup|create'));
  let found = 0;
  const compare = async (words: readonly string[]): Promise<void> => {
    const [name = ''] = words;
    const reply = await direct.command('COMMAND', 'GETKEYS', ...words);
    // Channels of a shard are found as keys are, since they go to the same places.
    if (/^(spublish|ssubscribe|sunsubscribe)$/.test(name)) return;
    const keys = [
      ...new Set(
        rules
          .find(words)
          .keyPositions(words)
          .map((position) => words[position]),
      ),
    ].sort();
    if (!reply.startsWith('*') && !/no key arguments/.test(reply)) return;
    const lines = reply.split('\r\n');
    const count = reply.startsWith('*') ? Number(lines[0]?.slice(1)) : 0;
    // Fewer words than the number of keys says: the server finds none, and then runs nothing. Nor without GROUP in its place.
    if (count === 0 && /^(eval|fcall)/.test(name)) return;
    // The server takes a destination of that name for the word STORE when it looks for keys, and not when it runs.
    if (name === 'sort' && /store store/i.test(words.join(' '))) return;
    if (name === 'xreadgroup' && words[1]?.toLowerCase() !== 'group') return;
    if (count > 0) found++;
    const want = [...new Set(lines.filter((_, i) => i > 0 && i % 2 === 0).slice(0, count))].sort();
    // KEYS in another place than that of the keys: more than there are, for whom caution is meant.
    if (name === 'migrate') expect(keys, words.join(' ')).toEqual(expect.arrayContaining(want));
    else expect(keys, words.join(' ')).toEqual(want);
  };
  for (const call of calls) await compare(call.split(' '));
  const names = await commandsOf(direct);
  expect(names.length).toBeGreaterThan(350);
  const word = fc.constantFrom(...vocabulary);
  const runs = Number(process.env['SLUICE_PROXY_KEYS_RUNS'] ?? 20);
  for (const name of names) {
    const start = [...name.split(' '), ...(name === 'xreadgroup' ? ['GROUP'] : [])];
    for (const list of fc.sample(fc.array(word, { maxLength: 9 }), runs)) await compare([...start, ...list]);
  }
  expect(found).toBeGreaterThan(names.length);
});
