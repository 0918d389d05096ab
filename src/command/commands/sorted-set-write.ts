import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { requireDouble } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, syntaxError } from '../command-error.ts';
import { keptScore } from './sorted-set-compact.ts';

const addOptions = ['nx', 'xx', 'gt', 'lt', 'ch', 'incr'] as const;
type AddOption = (typeof addOptions)[number];
type AddOptions = ReadonlySet<AddOption>;

/** What ZADD is to do, read from its words. */
interface Addition {
  readonly options: AddOptions;
  readonly entries: readonly { readonly member: ByteString; readonly score: number }[];
}

/** @param given options that the command itself stands for. @throws CommandError */
function parseAddition(argv: readonly ByteString[], given: readonly AddOption[]): Addition {
  const options = new Set<AddOption>(given);
  let from = 2;
  for (; from < argv.length; from++) {
    const word = (argv[from] as ByteString).toLowerCase();
    const option = addOptions.find((name) => name === word);
    if (option === undefined) break;
    options.add(option);
  }
  const words = argv.length - from;
  if (words === 0 || words % 2 !== 0) throw syntaxError();
  requireCompatible(options, words / 2);
  const entries: { member: ByteString; score: number }[] = [];
  for (let i = from; i < argv.length; i += 2)
    entries.push({ score: requireDouble(argv[i] as ByteString), member: argv[i + 1] as ByteString });
  return { options, entries };
}

function requireCompatible(options: AddOptions, entries: number): void {
  const has = (option: AddOption): boolean => options.has(option);
  if (has('nx') && has('xx')) {
    throw new CommandError('ERR XX and NX options at the same time are not compatible');
  }
  if ((has('gt') && has('nx')) || (has('lt') && has('nx')) || (has('gt') && has('lt'))) {
    throw new CommandError('ERR GT, LT, and/or NX options at the same time are not compatible');
  }
  if (has('incr') && entries > 1) {
    throw new CommandError('ERR INCR option supports a single increment-element pair');
  }
}

/** The score an element gets, or undefined when the options keep it as it is. @throws CommandError when it is not a number */
function scoreFor(options: AddOptions, old: number | undefined, score: number): number | undefined {
  if (old === undefined) return options.has('xx') ? undefined : score;
  if (options.has('nx')) return undefined;
  const wanted = options.has('incr') ? old + score : score;
  if (Number.isNaN(wanted)) throw new CommandError('ERR resulting score is not a number (NaN)');
  if ((options.has('gt') && wanted <= old) || (options.has('lt') && wanted >= old)) return undefined;
  return wanted;
}

function add({ client }: Context, argv: readonly ByteString[], reply: Reply, given: readonly AddOption[] = []): void {
  const { options, entries } = parseAddition(argv, given);
  const key = argv[1] as ByteString;
  const { sortedSets } = client.keyspace(key);
  let added = 0;
  let changed = 0;
  let last: number | undefined;
  const set = sortedSets.read(key);
  for (const { member, score } of entries) {
    const present = set ?? sortedSets.read(key);
    const old = present?.score(member);
    last = scoreFor(options, old, score);
    if (last === undefined) continue;
    sortedSets.add(key, member, keptScore(present, member, last));
    if (old === undefined) added++;
    else if (old !== last) changed++;
  }
  if (!options.has('incr')) reply.int(options.has('ch') ? added + changed : added);
  else if (last === undefined) reply.nil();
  else reply.double(last);
}

export const sortedSetWriteCommands: readonly Command[] = [
  {
    name: 'zadd',
    arity: -4,
    flags: ['write', 'denyoom', 'fast'],
    group: 'sorted-set',
    summary: 'Add members to a sorted set, or change their scores',
    keys: [1, 1, 1],
    run: add,
  },
  {
    name: 'zincrby',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    group: 'sorted-set',
    summary: 'Increment the score of a member of a sorted set',
    keys: [1, 1, 1],
    run: (context, argv, reply) => add(context, argv, reply, ['incr']),
  },
];
