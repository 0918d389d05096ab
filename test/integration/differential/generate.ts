import { genericRows, helloRows, serverRows } from './generate/generic.ts';
import { hashRows } from './generate/hashes.ts';
import { blockingRows, listRows } from './generate/lists.ts';
import { pubSubRows } from './generate/pub-sub.ts';
import { setRows } from './generate/sets.ts';
import { sortedSetRows } from './generate/sorted-sets.ts';
import { stringRows } from './generate/strings.ts';
import { trackingRows } from './generate/tracking.ts';
import { transactionRows } from './generate/transactions.ts';
import { anything, integer, key, many, maybe, member, one, type Row, value } from './generate/words.ts';
import { type Random, random } from './random.ts';
import type { CommandStep, Sequence } from './step.ts';

/** The groups of commands that can be tested one at a time. */
export type GroupName =
  | 'strings'
  | 'hashes'
  | 'lists'
  | 'sets'
  | 'sorted sets'
  | 'generic'
  | 'server'
  | 'transactions'
  | 'pub/sub'
  | 'tracking'
  | 'mixed'
  | 'watched changes'
  | 'invalidations';

interface Group {
  readonly rows: readonly Row[];
  /** Rows whose words are never changed at random. */
  readonly asTheyAre?: readonly Row[];
  readonly clients: number;
  readonly pushes?: boolean;
  /** Without commands for values, for groups of another kind. */
  readonly alone?: boolean;
  /** Begins the sequence with values of every type, and goes round each command that the second client sends. */
  readonly around?: Around;
}

/** What the first client does: to begin with, before each command of the second client, and after it. */
interface Around {
  readonly first: readonly Row[];
  readonly before: readonly Row[];
  readonly after: readonly Row[];
}

const valueRows = [...stringRows, ...hashRows, ...listRows, ...setRows, ...sortedSetRows, ...genericRows];

export const groups: Readonly<Record<GroupName, Group>> = {
  strings: { rows: stringRows, clients: 1 },
  hashes: { rows: hashRows, clients: 1 },
  lists: { rows: listRows, asTheyAre: blockingRows, clients: 1 },
  sets: { rows: setRows, clients: 1 },
  'sorted sets': { rows: sortedSetRows, clients: 1 },
  generic: { rows: genericRows, clients: 1 },
  server: { rows: serverRows, asTheyAre: helloRows, clients: 1 },
  transactions: { rows: transactionRows, clients: 3 },
  'pub/sub': { rows: pubSubRows, clients: 3, pushes: true, alone: true },
  tracking: { rows: trackingRows, clients: 2, pushes: true, alone: true },
  mixed: { rows: valueRows, asTheyAre: blockingRows, clients: 2 },
  'watched changes': {
    rows: valueRows,
    clients: 2,
    around: {
      first: [],
      before: [[1, 'WATCH', many(1, 5, key)]],
      after: [
        [1, 'MULTI'],
        [1, 'PING'],
        [1, 'EXEC'],
      ],
    },
  },
  invalidations: {
    // What is popped at random cannot be made equal between the pushes.
    rows: valueRows.filter(([, name]) => name !== 'SPOP'),
    clients: 2,
    pushes: true,
    around: {
      first: [[1, 'CLIENT', 'TRACKING', 'ON', maybe(one('BCAST', 'NOLOOP'))]],
      before: [[1, 'EXISTS', many(3, 8, key)]],
      after: [],
    },
  },
};

/** Makes keys of every type, so that each command meets values it is not for. */
const makingRows: readonly Row[] = [
  [3, 'SET', key, value],
  [1, 'SET', key, integer],
  [2, 'RPUSH', key, value, value],
  [2, 'HSET', key, member, value],
  [2, 'SADD', key, member, '1', '2'],
  [2, 'ZADD', key, '1', member, '2', 'm2'],
  [1, 'EXPIRE', key, '1000'],
  [3, 'DEL', key],
  [1, 'TTL', key],
  [1, 'TYPE', key],
];

/** The `index`th sequence of a group; the same for the same seed. */
export function generate(group: GroupName, seed: number, index: number): Sequence {
  const { rows, asTheyAre, clients, pushes = false, alone = false, around } = groups[group];
  const r = random(seed, Object.keys(groups).indexOf(group), index);
  if (around !== undefined) return { protocol: r.chance(0.5) ? 3 : 2, steps: stepsAround(around, rows, r), pushes };
  const used = 1 + r.below(clients);
  const steps = Array.from({ length: 4 + r.below(28) }, (): CommandStep => {
    const client = r.below(used);
    if (!alone && r.chance(0.15)) return { client, argv: words(weighted(makingRows, r), r) };
    if (asTheyAre !== undefined && r.chance(0.03)) return { client, argv: words(weighted(asTheyAre, r), r) };
    return { client, argv: changed(words(weighted(rows, r), r), r) };
  });
  return { protocol: r.chance(0.5) ? 3 : 2, steps: steps.filter(isFirstTracking()), pushes };
}

function stepsAround({ first, before, after }: Around, rows: readonly Row[], r: Random): CommandStep[] {
  const by =
    (client: number) =>
    (row: Row): CommandStep => ({ client, argv: words(row, r) });
  const making = Array.from({ length: 8 }, () => by(1)(weighted(makingRows, r)));
  const rounds = Array.from({ length: 2 + r.below(8) }, () => [
    ...before.map(by(0)),
    { client: 1, argv: changed(words(weighted(rows, r), r), r) },
    ...after.map(by(0)),
  ]);
  return [...making, ...first.map(by(0)), ...rounds.flat()];
}

/**
 * Lets tracking be turned on again only where it has not been off: Redis forgets what a client tracked not when it turns tracking off
 * but when the key changes, and would then tell of keys that were read under the tracking before.
 */
function isFirstTracking(): (step: CommandStep) => boolean {
  const off = new Set<number>();
  return ({ client, argv }) => {
    const [name, subcommand, mode] = argv.map((word) => word.toLowerCase());
    if (name !== 'client' || subcommand !== 'tracking') return true;
    if (mode === 'off') off.add(client);
    return mode !== 'on' || !off.has(client);
  };
}

function weighted(rows: readonly Row[], r: Random): Row {
  const total = rows.reduce((sum, [weight]) => sum + weight, 0);
  let left = r.below(total);
  for (const row of rows) {
    left -= row[0];
    if (left < 0) return row;
  }
  throw new Error('weights are positive');
}

function words([, ...parts]: Row, r: Random): string[] {
  return parts.flatMap((part) => (typeof part === 'string' ? [part] : part(r)));
}

/** Commands that would wait if a word of theirs were replaced or added. */
const blocking = new Set(['blpop', 'brpop', 'blmove']);

/** Commands that would reply with gigabytes, or end another connection, if a word of theirs were replaced. */
const fragile = new Set(['setrange', 'srandmember', 'hrandfield', 'client']);

/** Now and then a command as a careless client writes it: in another case, a word too many, too few, or a wrong one. */
function changed(argv: readonly string[], r: Random): string[] {
  const [name = '', ...rest] = argv;
  const cased = r.chance(0.8) ? name : one(name.toLowerCase(), `${name[0] ?? ''}${name.slice(1).toLowerCase()}`)(r)[0];
  const result = [cased ?? name, ...rest];
  if (r.chance(0.9)) return result;
  const wrong = withWrongWord(result, r);
  return endsSoon(wrong) ? result : wrong;
}

/** Whether a key would expire while the test looks at it. */
function endsSoon(argv: readonly string[]): boolean {
  const name = (argv[0] ?? '').toLowerCase();
  return argv.some((word, i) => {
    const milliseconds = argv[i - 1]?.toLowerCase() === 'px' || (i === 2 && /^p(setex|expire)$/.test(name));
    return milliseconds && /^\d{1,4}$/.test(word);
  });
}

function withWrongWord(argv: readonly string[], r: Random): string[] {
  const [name = '', ...rest] = argv;
  const result = [...argv];
  const kind = blocking.has(name.toLowerCase()) ? 0 : r.below(4);
  if (kind === 0) result.splice(1 + r.below(rest.length + 1), 1);
  else if (fragile.has(name.toLowerCase())) result.push(...anything(r), ...anything(r), ...anything(r));
  else if (kind === 1) result.push(...anything(r));
  else if (rest.length > 0) result[1 + r.below(rest.length)] = anything(r)[0] ?? '';
  return result;
}
