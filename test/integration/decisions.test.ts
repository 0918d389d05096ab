import { hash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../src/command/client.ts';
import { execute } from '../../src/command/execute.ts';
import type { Server } from '../../src/command/server.ts';
import { ReplyDecoder, type ReplyValue } from '../../src/resp/reply-decoder.ts';
import { acknowledgeDirty } from '../../src/store/decisions/acknowledge-dirty.ts';
import { acknowledgeRecords } from '../../src/store/decisions/acknowledge-records.ts';
import { acquireLease } from '../../src/store/decisions/acquire-lease.ts';
import { addToCounter } from '../../src/store/decisions/add-to-counter.ts';
import { allDecisions } from '../../src/store/decisions/all-decisions.ts';
import { appendRecords } from '../../src/store/decisions/append-records.ts';
import { claimDirty } from '../../src/store/decisions/claim-dirty.ts';
import { claimFetch } from '../../src/store/decisions/claim-fetch.ts';
import { claimRecords } from '../../src/store/decisions/claim-records.ts';
import { countDirty } from '../../src/store/decisions/count-dirty.ts';
import { countRecords } from '../../src/store/decisions/count-records.ts';
import type { Decision } from '../../src/store/decisions/decision.ts';
import { failDirty } from '../../src/store/decisions/fail-dirty.ts';
import { fixedWindow } from '../../src/store/decisions/fixed-window.ts';
import { forgetPassed } from '../../src/store/decisions/forget-passed.ts';
import { freezeCounts } from '../../src/store/decisions/freeze-counts.ts';
import { incrementField } from '../../src/store/decisions/increment-field.ts';
import { incrementValue } from '../../src/store/decisions/increment-value.ts';
import { listDirty } from '../../src/store/decisions/list-dirty.ts';
import { loadDirty } from '../../src/store/decisions/load-dirty.ts';
import { passDirty } from '../../src/store/decisions/pass-dirty.ts';
import { putDirty } from '../../src/store/decisions/put-dirty.ts';
import { putValue } from '../../src/store/decisions/put-value.ts';
import { readDirty } from '../../src/store/decisions/read-dirty.ts';
import { readRecords } from '../../src/store/decisions/read-records.ts';
import { readValue } from '../../src/store/decisions/read-value.ts';
import { releaseLease } from '../../src/store/decisions/release-lease.ts';
import { removeRecords } from '../../src/store/decisions/remove-records.ts';
import { removeValue } from '../../src/store/decisions/remove-value.ts';
import { rollingWindow } from '../../src/store/decisions/rolling-window.ts';
import { setFields } from '../../src/store/decisions/set-fields.ts';
import { settleFetch } from '../../src/store/decisions/settle-fetch.ts';
import { CommandSession } from '../support/command-session.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

/** One step of a sequence: a command of both sides. `after` ms pass before it, also negative ones. */
interface Step {
  readonly after: number;
  /** `NOW` stands for the instant. */
  readonly argv: readonly string[];
}

/** In the year 2100: no server's own clock comes into it. */
const START = 4_102_444_800_000;

const script = ({ sha1 }: Decision, keys: readonly string[], args: readonly string[]): string[] => [
  'EVALSHA',
  sha1,
  String(keys.length),
  ...keys,
  ...args,
];

const values = ['', '0', '7', '-12', '007', 'ten', 'v\0\xff\r\n', '9007199254740991', '9223372036854775807', '1e3'];
const tags = values.map((value) => hash('sha1', Buffer.from(value, 'latin1')));
const value = fc.oneof(
  fc.constantFrom(...values),
  fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b).latin1Slice()),
);
/** Half of them on a grid, so that ends are met to the millisecond. */
const duration = fc.oneof(fc.constantFrom('50', '100', '150'), fc.integer({ min: 1, max: 300 }).map(String));
const ttl = fc.oneof(fc.constant(''), duration);
const whole = (min: number, max: number): fc.Arbitrary<string> => fc.integer({ min, max }).map(String);
const step53 = fc.oneof(whole(-5, 5), fc.constantFrom('9007199254740991', '-9007199254740991'));
const step64 = fc.oneof(
  whole(-5, 5),
  fc.constantFrom('9223372036854775807', '-9223372036854775808', '9007199254740993'),
);
const condition = fc.oneof(
  fc.constantFrom([''], ['absent'], ['present'], ['tags']),
  fc.subarray(tags, { minLength: 1, maxLength: 3 }).map((some) => ['tags', ...some]),
);
const valueKeys = fc.constantFrom(['k1', 'b1'], ['k2', 'b2'], ['k3']);
const holder = fc.constantFrom('a', 'b', 'c\xfe');
const fetchKeys = ['k1', 'b1', 'q'];
const fetched = fc.constantFrom('7', 'v\0\xff\r\n');
const besideOf = (bytes: string): string => `${hash('sha1', Buffer.from(bytes, 'latin1'))}type`;
const mark = `${'0'.repeat(40)}mark`;
/** Mostly what may really be there. */
const seen = fc.oneof(fc.constantFrom('', '!', mark, 'other'), fetched.map(besideOf));
const limit = fc.tuple(whole(0, 5), duration, whole(0, 4));
const ids = fc.array(whole(1, 12), { maxLength: 5 });
const log = { next: 'l:n', records: 'l:r', waiting: 'l:w', claimed: 'l:c' };
const rows = ['n:a', 'n:b'];
const dirtySet = ['n:dirty', 'n:inflight', 'n:since'];
const rowName = fc.constantFrom('a', 'b');
const rowChange = fc.oneof(
  fc.tuple(fc.constantFrom('s', 's', 'x'), fc.constantFrom('p', 'q', ''), value),
  fc.tuple(fc.constantFrom('i', 'c', 'r'), fc.constantFrom('p', 'q'), step53),
);
const allKeys = [
  ...rows,
  ...dirtySet,
  'n:version',
  'n:passed',
  'k1',
  'k2',
  'k3',
  'b1',
  'b2',
  'q',
  'r',
  'c',
  'w',
  'f',
  'e',
  'e:t',
  ...Object.values(log),
];
const key = fc.constantFrom(...allKeys);

const decisionSteps: Readonly<Record<string, fc.Arbitrary<string[]>>> = {
  'put-value': fc
    .tuple(valueKeys, value, fc.constantFrom('', 'type'), ttl, condition)
    .map(([keys, bytes, type, time, onlyIf]) => {
      const beside = type === '' ? '' : hash('sha1', Buffer.from(bytes, 'latin1')) + type;
      return script(putValue, keys, ['NOW', bytes, keys.length === 1 ? '' : beside, time, ...onlyIf]);
    }),
  'read-value': valueKeys.map((keys) => script(readValue, keys, ['NOW'])),
  'remove-value': fc.tuple(valueKeys, condition).map(([keys, onlyIf]) => script(removeValue, keys, ['NOW', ...onlyIf])),
  'increment-value': fc.tuple(valueKeys, step64).map(([keys, by]) => script(incrementValue, keys, ['NOW', by])),
  'set-fields': fc
    .tuple(ttl, fc.array(fc.tuple(fc.constantFrom('a', 'b', ''), value), { maxLength: 3 }))
    .map(([time, fields]) => script(setFields, ['r'], ['NOW', time, ...fields.flat()])),
  'increment-field': fc
    .tuple(fc.constantFrom('a', 'b'), step53)
    .map(([field, by]) => script(incrementField, ['r'], [field, by])),
  'add-to-counter': fc.tuple(step53, ttl).map(([by, time]) => script(addToCounter, ['c'], ['NOW', by, time])),
  'rolling-window': limit.map((args) => script(rollingWindow, ['w'], ['NOW', ...args])),
  'fixed-window': limit.map((args) => script(fixedWindow, ['f'], ['NOW', ...args])),
  'append-records': fc
    .array(value, { maxLength: 4 })
    .map((records) => script(appendRecords, [log.next, log.records, log.waiting], records)),
  'claim-records': fc
    .tuple(duration, whole(0, 3), fc.constantFrom('', '1'))
    .map((args) => script(claimRecords, [log.waiting, log.claimed, log.records], ['NOW', ...args])),
  'acknowledge-records': ids.map((some) => script(acknowledgeRecords, [log.claimed, log.records], some)),
  'count-records': fc.constant(script(countRecords, [log.waiting, log.claimed], [])),
  'read-records': fc
    .tuple(whole(-1, 8), whole(0, 4))
    .map((args) => script(readRecords, [log.waiting, log.records], args)),
  'remove-records': ids.map((some) => script(removeRecords, [log.waiting, log.records], some)),
  'acquire-lease': fc
    .tuple(holder, duration)
    .map(([who, time]) => script(acquireLease, ['e', 'e:t'], ['NOW', who, time])),
  'release-lease': holder.map((who) => script(releaseLease, ['e'], ['NOW', who])),
  'put-dirty': fc
    .tuple(
      rowName,
      fc.constantFrom('merge', 'merge', 'replace', 'delete'),
      fc.array(rowChange, { maxLength: 3 }),
      whole(1, 4),
    )
    .map(([name, mode, changes, most]) =>
      script(
        putDirty,
        [`n:${name}`, 'n:dirty', 'n:version'],
        ['NOW', mode, name, most, ...(mode === 'delete' ? [] : changes.flat())],
      ),
    ),
  'pass-dirty': fc
    .tuple(
      rowName,
      fc.constantFrom('merge', 'merge', 'replace', 'delete'),
      fc.array(rowChange, { maxLength: 3 }),
      whole(1, 4),
      whole(1, 5),
    )
    .map(([name, mode, changes, most, number]) =>
      script(
        passDirty,
        [`n:${name}`, 'n:dirty', 'n:version', 'n:passed'],
        ['NOW', mode, name, most, ...(mode === 'delete' ? [] : changes.flat()), `m:${name}`, number],
      ),
    ),
  'forget-passed': fc.array(fc.tuple(rowName, whole(1, 5)), { maxLength: 2 }).map((some) =>
    script(
      forgetPassed,
      ['n:passed'],
      some.flatMap(([name, number]) => [`m:${name}`, number]),
    ),
  ),
  'read-dirty': rowName.map((name) => script(readDirty, [`n:${name}`], ['NOW'])),
  'freeze-counts': rowName.map((name) => script(freezeCounts, [`n:${name}`], ['NOW'])),
  'load-dirty': fc
    .tuple(
      rowName,
      fc.option(fc.integer({ min: 0, max: 300 })),
      duration,
      fc.array(fc.tuple(fc.constantFrom('p', 'q', ''), value)),
    )
    .map(([name, after, time, fields]) =>
      script(
        loadDirty,
        [`n:${name}`],
        ['NOW', after === null ? '0' : `${String(START + after)}000`, time, ...fields.flat()],
      ),
    ),
  'claim-dirty': fc
    .tuple(
      duration,
      whole(0, 2),
      whole(-50, 300),
      whole(-50, 300),
      fc.constantFrom('', '', '1'),
      fc.constantFrom([], [], ['a']),
    )
    .map(([lease, count, minAge, maxAge, takeOver, only]) =>
      script(claimDirty, dirtySet, ['NOW', lease, count, minAge, maxAge, takeOver, ...only]),
    ),
  'acknowledge-dirty': fc
    .tuple(ttl, fc.array(fc.tuple(rowName, fc.integer({ min: 0, max: 300 })), { minLength: 1, maxLength: 2 }))
    .map(([kept, items]) =>
      script(
        acknowledgeDirty,
        [...dirtySet, 'n:version', ...items.map(([name]) => `n:${name}`)],
        ['NOW', kept, ...items.flatMap(([name, after]) => [name, `${String(START + after)}000`])],
      ),
    ),
  'fail-dirty': fc.array(rowName, { maxLength: 2 }).map((some) => script(failDirty, dirtySet, ['NOW', ...some])),
  'list-dirty': whole(0, 3).map((count) => script(listDirty, dirtySet, [count])),
  'count-dirty': fc.constant(script(countDirty, dirtySet, ['NOW'])),
  'claim-fetch': fc
    .tuple(holder, duration, seen)
    .map(([who, time, state]) => script(claimFetch, fetchKeys, ['NOW', who, time, state])),
  'settle-fetch': fc
    .tuple(holder, fc.constantFrom('value', 'value', 'mark', 'drop', 'nothing'), fetched, duration)
    .map(([who, what, bytes, time]) =>
      script(settleFetch, fetchKeys, ['NOW', who, what, bytes, what === 'mark' ? mark : besideOf(bytes), time]),
    ),
};

/** What other clients may do to the same keys. */
const disturbance = fc.oneof(
  fc.tuple(key, value).map(([name, bytes]) => ['SET', name, bytes]),
  fc.tuple(fc.constantFrom('k1', 'k2', 'c', 'f', 'e', 'w', 'r'), value).map(([name, bytes]) => ['RPUSH', name, bytes]),
  key.map((name) => ['DEL', name]),
  key.map((name) => ['PERSIST', name]),
);

const after = fc.oneof(fc.constantFrom(0, 0, 50, 100, 150), fc.integer({ min: -20, max: 150 }));

/** Decisions on the same keys. */
const families = [
  ['put-value', 'read-value', 'remove-value', 'increment-value'],
  ['set-fields', 'increment-field'],
  ['add-to-counter'],
  ['rolling-window'],
  ['fixed-window'],
  ['append-records', 'claim-records', 'acknowledge-records', 'count-records', 'read-records', 'remove-records'],
  ['acquire-lease', 'release-lease'],
  ['claim-fetch', 'settle-fetch'],
  [
    'put-dirty',
    'read-dirty',
    'freeze-counts',
    'load-dirty',
    'claim-dirty',
    'acknowledge-dirty',
    'fail-dirty',
    'list-dirty',
    'count-dirty',
    'pass-dirty',
    'forget-passed',
  ],
] as const;

/** Each of one family: what one leaves behind must meet the next. */
const sequences: fc.Arbitrary<Step[]> = fc.constantFrom(...families).chain((names) => {
  const argv = fc.oneof(
    ...names.map((name) => ({ arbitrary: decisionSteps[name] as fc.Arbitrary<string[]>, weight: 8 })),
    { arbitrary: disturbance, weight: 1 },
  );
  return fc.array(fc.record({ after, argv }), { minLength: 1, maxLength: 60, size: 'max' });
});

/** The commands that tell all there is in a key. */
function questions(name: string): string[][] {
  return [
    ['TYPE', name],
    ['PEXPIRETIME', name],
    ['GET', name],
    ['HGETALL', name],
    ['LRANGE', name, '0', '-1'],
    ['ZRANGE', name, '0', '-1', 'WITHSCORES'],
  ];
}

function commandsOf(steps: readonly Step[]): string[][] {
  let now = START;
  const commands = steps.map(({ after, argv: words }) => {
    now += after;
    return words.map((word, index) => (word === 'NOW' && index > 0 ? String(now) : word));
  });
  return [...commands, ...allKeys.flatMap(questions), ['DBSIZE']];
}

/** Redis 7 tells where in a script an error came up; fields of a hash come in no order. */
function comparable(frame: string, command: readonly string[]): string {
  if (frame.startsWith('-')) return frame.replace(/ script: .*/, '');
  if (command[0] !== 'HGETALL') return frame;
  const decoder = new ReplyDecoder();
  decoder.push(Buffer.from(frame, 'latin1'));
  const words = decoder.next() as readonly ReplyValue[];
  const pairs = words.flatMap((word, index) => (index % 2 === 0 ? [`${word}=${words[index + 1]}`] : []));
  return pairs.sort().join('\n');
}

function nativeSession(): { readonly server: Server; readonly client: Client } {
  const session = new CommandSession();
  return { server: session.server, client: session.client().client };
}

describe.skipIf(findProgram('redis-server') === undefined)('decisions, on the engine and as scripts of Redis', () => {
  let redis: RedisServer;
  let client: RawResp;
  beforeAll(async () => {
    redis = await startRedis();
    client = await connectRaw({ port: redis.port });
    for (const { lua, sha1 } of allDecisions) expect(await client.command('SCRIPT', 'LOAD', lua)).toContain(sha1);
  });
  afterAll(async () => {
    await client?.close();
    await redis?.stop();
  });

  it('has steps for every decision', () => {
    const names = allDecisions.map(({ name }) => name).sort();
    expect(Object.keys(decisionSteps).sort()).toEqual(names);
    expect(families.flat().sort()).toEqual(names);
  });

  it('give the same replies and leave the same keys, whatever came before', async () => {
    await fc.assert(
      fc.asyncProperty(sequences, async (steps) => {
        const commands = commandsOf(steps);
        const [, ...theirs] = await client.pipeline([['FLUSHALL'], ...commands]);
        const { server, client: own } = nativeSession();
        commands.forEach((command, index) => {
          execute(server, own, command);
          const ours = comparable(own.reply.take(), command);
          expect(ours, `${index}: ${JSON.stringify(command)}`).toBe(comparable(theirs[index] as string, command));
        });
      }),
      { numRuns: 600 },
    );
  }, 60_000);
});
