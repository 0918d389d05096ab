import type { Reply } from '../resp/reply.ts';
import type { Command, CommandGroup } from './command.ts';

// What COMMAND INFO and DOCS say beyond the rows of the table, as Redis 7.0 says it: names by equal facts, blank between.

/** How the keys at certain places are used: flags, first place, last place counted from it (-1 = the last word), step, names. */
const keySpecs: readonly (readonly [flags: string, first: number, last: number, step: number, names: string])[] = [
  ['OW insert', 1, -1, 2, 'msetnx'],
  ['OW insert', 1, 0, 1, 'setnx'],
  ['OW update', 1, -1, 2, 'mset'],
  ['OW update', 1, 0, 1, 'setex psetex sunionstore sdiffstore'],
  ['RM delete', 1, -1, 1, 'del unlink'],
  ['RO', 1, -1, 1, 'exists touch watch'],
  ['RO', 1, 0, 1, 'type strlen hexists hlen hstrlen llen sismember scard zcard'],
  ['RO access', 1, -1, 1, 'mget sinter sunion sdiff'],
  [
    'RO access',
    1,
    0,
    1,
    'ttl pttl expiretime pexpiretime get getrange hget hmget hgetall hkeys hvals hrandfield hscan lrange lindex smembers smismember srandmember sscan zcount zscore zmscore zrank zrevrank zrange zrevrange zrangebyscore zrevrangebyscore zrangebylex zrevrangebylex zlexcount zscan',
  ],
  ['RW access delete', 1, -2, 1, 'blpop brpop'],
  ['RW access delete', 1, 0, 1, 'rename renamenx getdel lpop rpop lmove rpoplpush blmove spop smove zpopmin zpopmax'],
  ['RW access update', 1, 0, 1, 'getset getex incr decr incrby decrby incrbyfloat hincrby hincrbyfloat zincrby'],
  ['RW access update variable_flags', 1, 0, 1, 'set'],
  ['RW delete', 1, 0, 1, 'hdel lrem ltrim srem zrem zremrangebyrank zremrangebyscore zremrangebylex'],
  ['RW insert', 1, 0, 1, 'append hsetnx lpush rpush lpushx rpushx linsert sadd'],
  ['RW update', 1, 0, 1, 'expire pexpire expireat pexpireat persist setrange hset hmset lset sinterstore zadd'],
  ['OW insert', 2, 0, 1, 'renamenx'],
  ['OW update', 2, 0, 1, 'rename'],
  ['RO access', 2, -1, 1, 'sinterstore sunionstore sdiffstore'],
  ['RW insert', 2, 0, 1, 'lmove rpoplpush blmove smove'],
];

/** Commands that say how many keys follow, in this word. */
const keyCounts: ReadonlyMap<string, number> = new Map([
  ['eval', 2],
  ['evalsha', 2],
]);

const keyNotes: ReadonlyMap<string, string> = new Map([
  ['eval', 'We cannot tell how the keys will be used so we assume the worst, RW and UPDATE'],
  ['set', 'RW and ACCESS due to the optional `GET` argument'],
  ['getex', 'RW and UPDATE because it changes the TTL'],
]);

/** Hints for clients that send one command to many nodes. */
const tips: readonly (readonly [tips: string, names: string])[] = [
  ['request_policy:all_shards response_policy:all_succeeded', 'ping flushdb flushall'],
  ['nondeterministic_output', 'client|list client|info time ttl pttl hrandfield hscan spop srandmember sscan zscan'],
  [
    'nondeterministic_output_order',
    'command command|info command|docs command|list hgetall hkeys hvals smembers sinter sunion sdiff',
  ],
  ['nondeterministic_output request_policy:all_shards response_policy:special', 'info'],
  ['request_policy:all_nodes response_policy:all_succeeded', 'config|set script|load script|flush'],
  ['request_policy:all_shards response_policy:agg_logical_and', 'script|exists'],
  ['request_policy:all_shards response_policy:agg_sum', 'dbsize'],
  ['request_policy:all_shards nondeterministic_output_order', 'keys'],
  ['nondeterministic_output request_policy:special', 'scan'],
  ['request_policy:multi_shard response_policy:agg_sum', 'exists del unlink touch'],
  ['request_policy:all_shards nondeterministic_output', 'randomkey'],
  ['request_policy:multi_shard', 'mget'],
  ['request_policy:multi_shard response_policy:all_succeeded', 'mset'],
  ['request_policy:multi_shard response_policy:agg_min', 'msetnx'],
];

/** The version of Redis that brought it. */
const since: readonly (readonly [version: string, names: string])[] = [
  [
    '1.0.0',
    'auth quit ping echo select info dbsize flushdb flushall keys type exists del rename renamenx randomkey expire ttl get set getset mget setnx incr decr incrby decrby lpush rpush lpop rpop llen lrange lindex lset lrem ltrim sadd srem smembers sismember scard spop srandmember smove sinter sunion sdiff sinterstore sunionstore sdiffstore',
  ],
  ['1.0.1', 'mset msetnx'],
  ['1.0.5', 'zrangebyscore'],
  ['1.2.0', 'expireat multi exec rpoplpush zadd zrem zcard zscore zincrby zrange zrevrange zremrangebyscore'],
  [
    '2.0.0',
    'config config|resetstat config|get config|set setex append discard subscribe unsubscribe psubscribe punsubscribe publish hset hget hdel hmset hmget hsetnx hgetall hexists hincrby hkeys hvals hlen blpop brpop zcount zrank zrevrank zremrangebyrank',
  ],
  ['2.2.0', 'persist strlen setrange watch unwatch lpushx rpushx linsert zrevrangebyscore'],
  ['2.4.0', 'client client|list client|kill getrange'],
  [
    '2.6.0',
    'time pexpire pexpireat pttl psetex incrbyfloat hincrbyfloat eval evalsha script script|load script|exists script|flush',
  ],
  ['2.6.9', 'client|getname client|setname'],
  ['2.8.0', 'scan pubsub pubsub|numsub pubsub|numpat pubsub|channels hscan sscan zscan'],
  ['2.8.9', 'zrangebylex zrevrangebylex zremrangebylex zlexcount'],
  ['2.8.13', 'command command|getkeys command|info command|count'],
  ['3.2.0', 'client|reply hstrlen'],
  ['3.2.1', 'touch'],
  ['4.0.0', 'unlink'],
  ['5.0.0', 'client|id client|help command|help config|help script|help zpopmin zpopmax'],
  ['6.0.0', 'hello client|getredir client|tracking client|caching'],
  [
    '6.2.0',
    'reset client|trackinginfo client|info getdel getex pubsub|help hrandfield lmove blmove smismember zmscore',
  ],
  ['7.0.0', 'client|no-evict command|docs command|list expiretime pexpiretime'],
  ['7.2.0', 'client|setinfo client|no-touch'],
];

const tipsOf = byName(tips);
const sinceOf = byName(since);
const keySpecsOf = specsByName();

const groupCategories: Readonly<Record<CommandGroup, string | undefined>> = {
  generic: '@keyspace',
  string: '@string',
  hash: '@hash',
  list: '@list',
  set: '@set',
  'sorted-set': '@sortedset',
  transactions: '@transaction',
  scripting: '@scripting',
  pubsub: undefined,
  connection: '@connection',
  server: undefined,
};

/** Categories that neither group nor flags imply. */
const moreCategories: ReadonlyMap<string, readonly string[]> = new Map([
  ['keys', ['@dangerous']],
  ['info', ['@dangerous']],
  ['dbsize', ['@keyspace']],
  ['flushdb', ['@keyspace', '@dangerous']],
  ['flushall', ['@keyspace', '@dangerous']],
]);

/** The ACL categories of a command, as Redis derives them from its flags and group. */
export function aclCategories({ name, group, flags, subcommands }: Command): string[] {
  const has = (flag: Command['flags'][number]): boolean => flags.includes(flag);
  const categories = new Set<string>();
  if (has('write')) categories.add('@write');
  if (has('readonly')) categories.add('@read');
  if (has('admin')) categories.add('@admin').add('@dangerous');
  if (has('pubsub')) categories.add('@pubsub');
  categories.add(has('fast') ? '@fast' : '@slow');
  if (has('blocking')) categories.add('@blocking');
  const ofGroup = groupCategories[group];
  // A container has none of its own, COMMAND apart, which is a command too.
  if (ofGroup !== undefined && subcommands === undefined) categories.add(ofGroup);
  if (name.startsWith('command')) categories.add('@connection');
  for (const category of moreCategories.get(name) ?? []) categories.add(category);
  return [...categories];
}

/** How the keys of a command are used, as its key specifications say; none where it has no keys, or their number stands among its words. */
export function keyFlagsOf(name: string): readonly KeyFlags[] {
  return keySpecsOf.get(name) ?? [];
}

/** One element of COMMAND INFO: name, arity, flags, first key, last key, step, categories, tips, key specifications, subcommands. */
export function replyCommandInfo(row: Command, reply: Reply): void {
  const [first, last, step] = row.keys ?? [0, 0, 0];
  reply.array(10);
  reply.bulk(row.name);
  reply.int(row.arity);
  replySimpleSet(row.flags, reply);
  reply.int(first);
  reply.int(last);
  reply.int(step);
  replySimpleSet(aclCategories(row), reply);
  const hints = tipsOf.get(row.name)?.split(' ') ?? [];
  reply.set(hints.length);
  for (const hint of hints) reply.bulk(hint);
  replyKeySpecs(row, reply);
  reply.set(row.subcommands?.length ?? 0);
  for (const subcommand of row.subcommands ?? []) replyCommandInfo(subcommand, reply);
}

/** One pair of COMMAND DOCS. */
export function replyCommandDocs(row: Command, reply: Reply): void {
  const version = sinceOf.get(row.name);
  reply.bulk(row.name);
  reply.map(2 + (version === undefined ? 0 : 1) + (row.subcommands === undefined ? 0 : 1));
  reply.bulk('summary');
  reply.bulk(row.summary);
  if (version !== undefined) {
    reply.bulk('since');
    reply.bulk(version);
  }
  reply.bulk('group');
  reply.bulk(row.group);
  if (row.subcommands !== undefined) {
    reply.bulk('subcommands');
    reply.map(row.subcommands.length);
    for (const subcommand of row.subcommands) replyCommandDocs(subcommand, reply);
  }
}

function replyKeySpecs({ name }: Command, reply: Reply): void {
  const counted = keyCounts.get(name);
  if (counted !== undefined) {
    replyKeyCount(name, counted, reply);
    return;
  }
  const specs = keySpecsOf.get(name) ?? [];
  reply.set(specs.length);
  for (const [flags, first, last, step] of specs) {
    replySpecHead(name, flags, first, reply);
    replySearch(
      'range',
      [
        ['lastkey', last],
        ['keystep', step],
        ['limit', 0],
      ],
      reply,
    );
  }
}

function replyKeyCount(name: string, countAt: number, reply: Reply): void {
  reply.set(1);
  replySpecHead(name, 'RW access update', countAt, reply);
  replySearch(
    'keynum',
    [
      ['keynumidx', 0],
      ['firstkey', 1],
      ['keystep', 1],
    ],
    reply,
  );
}

/** What all specifications begin with, up to how the keys are found. */
function replySpecHead(name: string, flags: string, first: number, reply: Reply): void {
  const notes = keyNotes.get(name);
  reply.map(notes === undefined ? 3 : 4);
  if (notes !== undefined) {
    reply.bulk('notes');
    reply.bulk(notes);
  }
  reply.bulk('flags');
  replySimpleSet(flags.split(' '), reply);
  reply.bulk('begin_search');
  replySearch('index', [['index', first]], reply);
  reply.bulk('find_keys');
}

function replySearch(type: string, spec: readonly (readonly [string, number])[], reply: Reply): void {
  reply.map(2);
  reply.bulk('type');
  reply.bulk(type);
  reply.bulk('spec');
  reply.map(spec.length);
  for (const [name, value] of spec) {
    reply.bulk(name);
    reply.int(value);
  }
}

function replySimpleSet(names: readonly string[], reply: Reply): void {
  reply.set(names.length);
  for (const name of names) reply.simple(name);
}

/** Flags, first place, last place counted from it (-1 = the last word), step. */
type KeyFlags = readonly [flags: string, first: number, last: number, step: number];

function specsByName(): ReadonlyMap<string, readonly KeyFlags[]> {
  const specs = new Map<string, KeyFlags[]>();
  for (const [flags, first, last, step, names] of keySpecs) {
    for (const name of names.split(' ')) specs.set(name, [...(specs.get(name) ?? []), [flags, first, last, step]]);
  }
  return specs;
}

function byName(table: readonly (readonly [fact: string, names: string])[]): ReadonlyMap<string, string> {
  return new Map(table.flatMap(([fact, names]) => names.split(' ').map((name) => [name, fact] as const)));
}
