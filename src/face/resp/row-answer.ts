import type { rowCommands } from '../../command/row-commands.ts';
import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { jsonRow, parseJsonRow } from '../../kernel/json-row.ts';
import type { FieldChange, RowChange, RowChanged, StoredRow } from '../../store/ports.ts';
import { errorFrame, Slot, type SlotOwner } from './slot.ts';

/** A key that is a row. */
export interface RowTarget {
  readonly space: {
    readonly name: string;
    /** Of counters of one column: its field. */
    readonly onlyField: ByteString | undefined;
    readonly mapping: { readonly shape: 'row' | 'record' | 'counter' };
  };
}

/** What the face needs of rows that are written later. @throws SluiceError, also as rejections */
export interface Rows<Target extends RowTarget = RowTarget> {
  /** Undefined for a key of no keyspace. */
  find(key: ByteString): Target | undefined;
  put(target: Target, change: RowChange): RowChanged | Promise<RowChanged>;
  /** @param wanted fields that are asked for; all, where it is not given */
  read(target: Target, wanted?: readonly ByteString[]): StoredRow | undefined | Promise<StoredRow | undefined>;
  /** Records, each a JSON object. @returns how many wait */
  append(target: Target, records: readonly ByteString[]): Promise<number>;
}

/** What the answers need of the client. */
export interface RowClient extends SlotOwner {
  readonly rows: Rows;
  readonly proto: 2 | 3;
  answer(text: ByteString): void;
  /** Takes the place of a reply that is still to come. */
  await(slot: Slot): void;
}

/** The words of a command, and what it does to one row. */
interface RowCommand {
  /** Words at least, and at most. */
  readonly words: readonly [least: number, most: number];
  run(client: RowClient, target: RowTarget, argv: readonly ByteString[]): ByteString | Promise<ByteString>;
}

const MANY = Number.POSITIVE_INFINITY;
const WHOLE = /^[+-]?\d{1,16}$/;

/** `del`, `unlink` and `exists` are of many keys. */
const commands: Readonly<Record<Exclude<keyof typeof rowCommands, 'del' | 'unlink' | 'exists'>, RowCommand>> = {
  hset: { words: [4, MANY], run: (client, target, argv) => set(client, target, argv, ({ count }) => `:${count}\r\n`) },
  hmset: { words: [4, MANY], run: (client, target, argv) => set(client, target, argv, () => '+OK\r\n') },
  hdel: {
    words: [3, MANY],
    run: (client, target, argv) => {
      const fields = [...new Set(argv.slice(2))].map((field): FieldChange => ({ do: 'drop', field }));
      return put(client, target, { kind: 'merge', fields }, ({ count }) => `:${count}\r\n`);
    },
  },
  hincrby: {
    words: [4, 4],
    run: (client, target, argv) => {
      return add(client, target, argv[2] as ByteString, wholeIn(argv[3]));
    },
  },
  incr: { words: [2, 2], run: (client, target) => add(client, target, onlyField(target), 1) },
  decr: { words: [2, 2], run: (client, target) => add(client, target, onlyField(target), -1) },
  incrby: { words: [3, 3], run: (client, target, argv) => add(client, target, onlyField(target), wholeIn(argv[2])) },
  decrby: { words: [3, 3], run: (client, target, argv) => add(client, target, onlyField(target), -wholeIn(argv[2])) },
  set: {
    words: [3, MANY],
    run: (client, target, argv) => {
      requireRow(target, 'set');
      if (argv.length > 3)
        throw new SluiceError('MANAGED_KEY', `options of SET are not for keys of ${JSON.stringify(target.space.name)}`);
      const row = parseJsonRow(argv[2] as ByteString);
      if (row === undefined) throw new SluiceError('INVALID_ARGUMENT', 'a row is a JSON object of plain values');
      const fields = [...row].flatMap(([field, value]): FieldChange[] =>
        value === null ? [] : [{ do: 'set', field, value }],
      );
      return put(client, target, { kind: 'replace', fields }, () => '+OK\r\n');
    },
  },
  get: {
    words: [2, 2],
    run: (client, target, argv) => {
      const field = target.space.onlyField;
      const text = (row: StoredRow): ByteString | undefined =>
        field === undefined ? jsonRow(row.fields) : row.fields.get(field);
      return read((row, _, proto) => bulk(row === undefined ? undefined : text(row), proto))(client, target, argv);
    },
  },
  rpush: {
    words: [3, MANY],
    run: async (client, target, argv) => `:${await client.rows.append(target, argv.slice(2))}\r\n`,
  },
  hget: { words: [3, 3], run: readFields((row, argv, proto) => bulk(row?.fields.get(argv[2] as ByteString), proto)) },
  hmget: {
    words: [3, MANY],
    run: readFields((row, argv, proto) => array(argv.slice(2).map((field) => bulk(row?.fields.get(field), proto)))),
  },
  hgetall: {
    words: [2, 2],
    run: read((row, _, proto) => {
      const pairs = [...(row?.fields ?? [])].flat().map((word) => bulk(word, proto));
      return proto === 3 ? `%${pairs.length / 2}\r\n${pairs.join('')}` : array(pairs);
    }),
  },
  hkeys: { words: [2, 2], run: read((row, _, proto) => array(wordsOf(row?.fields.keys(), proto))) },
  hvals: { words: [2, 2], run: read((row, _, proto) => array(wordsOf(row?.fields.values(), proto))) },
  hlen: { words: [2, 2], run: read((row) => `:${row?.fields.size ?? 0}\r\n`) },
  hexists: {
    words: [3, 3],
    run: readFields((row, argv) => (row?.fields.has(argv[2] as ByteString) === true ? ':1\r\n' : ':0\r\n')),
  },
  hstrlen: {
    words: [3, 3],
    run: readFields((row, argv) => `:${row?.fields.get(argv[2] as ByteString)?.length ?? 0}\r\n`),
  },
  type: { words: [2, 2], run: read((row) => (row === undefined ? '+none\r\n' : '+hash\r\n')) },
  ttl: { words: [2, 2], run: read((row) => (row === undefined ? ':-2\r\n' : ':-1\r\n')) },
  pttl: { words: [2, 2], run: read((row) => (row === undefined ? ':-2\r\n' : ':-1\r\n')) },
};

/**
 * Answers a command some of whose keys are rows that are written later.
 * @param positions of its keys
 * @returns false: none of them is
 * @throws SluiceError MANAGED_KEY for a command that is not for such keys
 */
export function answerRow(
  client: RowClient,
  argv: readonly ByteString[],
  name: string,
  positions: readonly number[],
  inTransaction: boolean,
): boolean {
  const targets = positions.map((position) => client.rows.find(argv[position] as ByteString));
  const first = targets.find((target) => target !== undefined);
  if (first === undefined) return false;
  const where = `keys of ${JSON.stringify(first.space.name)}, which are written behind`;
  if (inTransaction) throw new SluiceError('MANAGED_KEY', `a transaction cannot have ${where}`);
  const command = Object.hasOwn(commands, name) ? commands[name as keyof typeof commands] : undefined;
  if (command !== undefined) {
    const [least, most] = command.words;
    // Too few or too many words: the error is the ordinary one.
    if (argv.length < least || argv.length > most || isOdd(name, argv)) return false;
    give(client, command.run(client, first, argv));
    return true;
  }
  if (name !== 'del' && name !== 'unlink' && name !== 'exists')
    throw new SluiceError('MANAGED_KEY', `'${name}' is not for ${where}`);
  const all = targets.filter((target) => target !== undefined);
  if (all.length !== targets.length)
    throw new SluiceError('MANAGED_KEY', `'${name}' cannot have ${where}, and others beside them`);
  give(client, name === 'exists' ? exists(client, all) : remove(client, all));
  return true;
}

/** Fields and values come in pairs. */
function isOdd(name: string, argv: readonly ByteString[]): boolean {
  return (name === 'hset' || name === 'hmset') && argv.length % 2 !== 0;
}

function give(client: RowClient, reply: ByteString | Promise<ByteString>): void {
  if (!(reply instanceof Promise)) {
    client.answer(reply);
    return;
  }
  const slot = new Slot(client, 'none');
  client.await(slot);
  reply.then(
    (frame) => slot.settle(frame),
    (error: unknown) => slot.settle(errorFrame(error)),
  );
}

function set(
  client: RowClient,
  target: RowTarget,
  argv: readonly ByteString[],
  reply: (changed: RowChanged) => ByteString,
): ByteString | Promise<ByteString> {
  const fields: FieldChange[] = [];
  for (let at = 2; at + 1 < argv.length; at += 2)
    fields.push({ do: 'set', field: argv[at] as ByteString, value: argv[at + 1] as ByteString });
  return put(client, target, { kind: 'merge', fields }, reply);
}

function put(
  client: RowClient,
  target: RowTarget,
  change: RowChange,
  reply: (changed: RowChanged) => ByteString,
): ByteString | Promise<ByteString> {
  const changed = client.rows.put(target, change);
  return changed instanceof Promise ? changed.then(reply) : reply(changed);
}

function add(client: RowClient, target: RowTarget, field: ByteString, by: number): ByteString | Promise<ByteString> {
  const fields: FieldChange[] = [{ do: 'add', field, by }];
  return put(client, target, { kind: 'merge', fields }, ({ sum }) => `:${sum ?? 0}\r\n`);
}

/** @throws SluiceError NOT_AN_INTEGER */
function wholeIn(word: ByteString | undefined): number {
  const by = Number(word);
  if (!WHOLE.test(word ?? '') || !Number.isSafeInteger(by))
    throw new SluiceError('NOT_AN_INTEGER', 'value is not an integer or out of range');
  return by;
}

/** @throws SluiceError MANAGED_KEY */
function onlyField({ space }: RowTarget): ByteString {
  if (space.onlyField !== undefined) return space.onlyField;
  throw new SluiceError(
    'MANAGED_KEY',
    `${JSON.stringify(space.name)} are no counters of one column; say which field: HINCRBY`,
  );
}

type RowAnswer = (row: StoredRow | undefined, argv: readonly ByteString[], proto: 2 | 3) => ByteString;

function read(answer: RowAnswer, isOfFields = false): RowCommand['run'] {
  return (client, target, argv) => {
    const { proto } = client;
    const row = client.rows.read(target, isOfFields ? argv.slice(2) : undefined);
    return row instanceof Promise ? row.then((found) => answer(found, argv, proto)) : answer(row, argv, proto);
  };
}

/** The same of the fields that are named alone. */
function readFields(answer: RowAnswer): RowCommand['run'] {
  return read(answer, true);
}

/** @throws SluiceError MANAGED_KEY */
function requireRow({ space }: RowTarget, what: string): void {
  const { shape } = space.mapping;
  if (shape === 'row') return;
  throw new SluiceError('MANAGED_KEY', `${JSON.stringify(space.name)} are ${shape}s, which are never ${what}`);
}

async function remove(client: RowClient, targets: readonly RowTarget[]): Promise<ByteString> {
  for (const target of targets) requireRow(target, 'removed');
  const removed = await Promise.all(targets.map(async (target) => client.rows.put(target, { kind: 'delete' })));
  return `:${removed.reduce((sum, { count }) => sum + count, 0)}\r\n`;
}

async function exists(client: RowClient, targets: readonly RowTarget[]): Promise<ByteString> {
  const rows = await Promise.all(targets.map(async (target) => client.rows.read(target)));
  return `:${rows.filter((row) => row !== undefined).length}\r\n`;
}

function bulk(value: ByteString | undefined, proto: 2 | 3): ByteString {
  if (value === undefined) return proto === 3 ? '_\r\n' : '$-1\r\n';
  return `$${value.length}\r\n${value}\r\n`;
}

function array(frames: readonly ByteString[]): ByteString {
  return `*${frames.length}\r\n${frames.join('')}`;
}

function wordsOf(words: Iterable<ByteString> | undefined, proto: 2 | 3): ByteString[] {
  return [...(words ?? [])].map((word) => bulk(word, proto));
}
