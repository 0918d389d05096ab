import type { ByteString } from '../../kernel/bytes.ts';
import type { ReadonlyDenseMap } from '../../kernel/dense-map.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Command, Context } from '../command.ts';
import { counted } from '../lookup.ts';

type Members = ReadonlyDenseMap<ByteString, true>;

/** Members of the result, each once. An absent key is an empty set, `undefined` here. */
type Algebra = (sets: readonly (Members | undefined)[]) => readonly ByteString[];

/** Cost: the smallest set times their number. */
const intersect: Algebra = (sets) => {
  const present = sets.filter((set) => set !== undefined);
  if (present.length < sets.length) return [];
  const [smallest, ...others] = present.sort((a, b) => a.size - b.size);
  return (smallest as Members).keys().filter((member) => others.every((set) => set.has(member)));
};

/** Cost: all members of all sets. */
const unite: Algebra = (sets) => {
  const united = new Set<ByteString>();
  for (const set of sets) for (const member of set?.keys() ?? []) united.add(member);
  return [...united];
};

/** What the first set has and no other. Cost: the first set times their number. */
const subtract: Algebra = ([first, ...others]) =>
  first?.keys().filter((member) => !others.some((set) => set?.has(member) === true)) ?? [];

/** @throws SluiceError WRONG_TYPE when any key is of another type, also where the result is known without it. */
function readSets(context: Context, keys: readonly ByteString[]): (Members | undefined)[] {
  return keys.map((key) => counted(context, context.client.keyspace(key).sets.read(key)));
}

function answer(algebra: Algebra): Command['run'] {
  return (context: Context, argv: readonly ByteString[], reply: Reply) => {
    const members = algebra(readSets(context, argv.slice(1)));
    reply.set(members.length);
    for (const member of members) reply.bulk(member);
  };
}

function store(algebra: Algebra): Command['run'] {
  return (context: Context, argv: readonly ByteString[], reply: Reply) => {
    const destination = argv[1] as ByteString;
    const members = algebra(readSets(context, argv.slice(2)));
    const space = context.client.keyspace(destination);
    // Whatever the destination holds is replaced, its type and expiry with it.
    space.delete(destination);
    for (const member of members) space.sets.add(destination, member);
    reply.int(members.length);
  };
}

export const setAlgebraCommands: readonly Command[] = [
  {
    name: 'sinter',
    arity: -2,
    flags: ['readonly'],
    group: 'set',
    summary: 'Intersect sets',
    keys: [1, -1, 1],
    run: answer(intersect),
  },
  {
    name: 'sinterstore',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'set',
    summary: 'Intersect sets and store the result',
    keys: [1, -1, 1],
    run: store(intersect),
  },
  {
    name: 'sunion',
    arity: -2,
    flags: ['readonly'],
    group: 'set',
    summary: 'Unite sets',
    keys: [1, -1, 1],
    run: answer(unite),
  },
  {
    name: 'sunionstore',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'set',
    summary: 'Unite sets and store the result',
    keys: [1, -1, 1],
    run: store(unite),
  },
  {
    name: 'sdiff',
    arity: -2,
    flags: ['readonly'],
    group: 'set',
    summary: 'Subtract sets from the first one',
    keys: [1, -1, 1],
    run: answer(subtract),
  },
  {
    name: 'sdiffstore',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'set',
    summary: 'Subtract sets from the first one and store the result',
    keys: [1, -1, 1],
    run: store(subtract),
  },
];
