import { versionOf } from '../mapping-problems.ts';
import { byKey, type GroupedRow, groupRows, type RowGroup } from '../row-groups.ts';
import { SinkFailure, type SinkRow, type TableMapping, type WriteRight } from '../sink.ts';
import { textOf } from '../value-text.ts';
import { readTable } from './mysql-facts.ts';
import { failureOf } from './mysql-failure.ts';
import { quoteMysqlTable, quoteMysqlText } from './mysql-names.ts';
import type { MysqlAnswer, MysqlSession } from './mysql-session.ts';
import {
  columnOf,
  existsOf,
  isComplete,
  keyIndexOf,
  literalsOf,
  lockingOf,
  type Place,
  type RowLiterals,
  removalOf,
  tupleOf,
  updateOf,
  upsertOf,
} from './mysql-statements.ts';
import { kindOf } from './mysql-values.ts';

/** Of one statement that names rows one by one: MariaDB makes a table of a longer list, and MySQL gives up on the index. */
const MAX_LISTED = 500;
/** Of one statement that inserts. */
const MAX_ROWS = 2000;
/** Of one statement, bytes; one row may be longer. */
const MAX_BYTES = 8 * 1024 * 1024;
/** What of the longest statement the server takes is not for rows, bytes. */
const OVERHEAD = 16 * 1024;

/**
 * Writes rows within the transaction of `session`. The table is looked at within it too, so its columns are what they are told to be.
 * @throws SinkFailure, and what `mysql2` throws for a connection that is lost
 */
export async function writeRows(session: MysqlSession, mapping: TableMapping, rows: readonly SinkRow[]): Promise<void> {
  const place = await placeOf(session, mapping);
  const groups = groupRows(mapping, rows);
  const compare = comparing(place);
  const literals = new Map(
    groups.map((group) => {
      const sorted = mapping.shape === 'record' ? group.rows : [...group.rows].sort(compare);
      return [group, sorted.map((row) => literalsOf(place, group.columns, row))] as const;
    }),
  );
  // One statement that inserts goes through rows in their order by itself; several would lock them in another one.
  if (mapping.shape !== 'record' && groups.length > 1) {
    const sorted = [...rows].sort(compare).map((row) => literalsOf(place, [], { ...row, values: [] }));
    for (const part of partsOf(session, sorted, MAX_LISTED)) await run(session, lockingOf(place, part));
  }
  for (const [group, given] of literals) await writeGroup(session, place, group, given);
}

/**
 * Begins what is written by one who has a right. Whoever comes with a later one waits until the transaction of `session` ends.
 * @throws SinkFailure fenced, and what `mysql2` throws for a connection that is lost
 */
export async function takeFence(session: MysqlSession, fence: string, { name, epoch }: WriteRight): Promise<void> {
  const table = quoteMysqlTable(fence);
  const quoted = quoteMysqlText(textOf(name, 'name'));
  const epochThere = async (lock: string): Promise<number> =>
    Number((await run(session, `SELECT epoch FROM ${table} WHERE name = ${quoted}${lock}`)).rows[0]?.[0] ?? -1);
  // Looked at without a lock first: two who both had one would wait for each other to go on to write.
  if ((await epochThere('')) < epoch)
    await run(
      session,
      `INSERT INTO ${table} (name, epoch) VALUES (${quoted}, ${epoch}) ON DUPLICATE KEY UPDATE epoch = GREATEST(${table}.epoch, ${epoch})`,
    );
  if ((await epochThere(' LOCK IN SHARE MODE')) !== epoch)
    throw new SinkFailure('fenced', `the right to write has passed to another: fence ${fence} has a later epoch`);
}

async function placeOf(session: MysqlSession, mapping: TableMapping): Promise<Place> {
  // From here on nobody else can alter it; locked as one that is written to, since who alters it may wait for that already.
  await run(session, `SELECT 1 FROM ${quoteMysqlTable(mapping.table)} LIMIT 0 FOR UPDATE`);
  const table = await readTable(session, mapping.table);
  if (table === undefined) throw new SinkFailure('schema', `there is no table ${mapping.table}`);
  const place = { table, mapping, server: session.server };
  keyIndexOf(place);
  if (mapping.shape === 'record') return place;
  const version = versionOf(mapping);
  const { type } = columnOf(place, version);
  if (type !== 'bigint')
    throw new SinkFailure('schema', `column ${version} of table ${mapping.table} is ${type}, not bigint`);
  return place;
}

async function writeGroup(
  session: MysqlSession,
  place: Place,
  group: RowGroup,
  rows: readonly RowLiterals[],
): Promise<void> {
  if (group.change === 'remove') {
    for (const part of partsOf(session, rows, MAX_LISTED)) await run(session, removalOf(place, part));
    return;
  }
  const { start, end } = upsertOf(place, group);
  const upsert = async (part: readonly RowLiterals[]): Promise<void> => {
    await run(session, start + part.map((row) => tupleOf(place, row)).join(', ') + end);
  };
  if (place.mapping.shape === 'record' || isComplete(place, group)) {
    for (const part of partsOf(session, rows, MAX_ROWS)) await upsert(part);
    return;
  }
  // An insert is refused for a missing value before it is seen that the row is there: so rows are changed first, one by one, since a
  // statement that changes several would have to compare their keys as text.
  for (const row of rows) {
    if ((await run(session, updateOf(place, group, row))).found > 0) continue;
    if ((await run(session, existsOf(place, row))).rows.length === 0) await upsert([row]);
  }
}

/** A failure that names what it can; an error of the connection stays what it is. */
async function run(session: MysqlSession, statement: string): Promise<MysqlAnswer> {
  try {
    return await session.run(statement);
  } catch (error) {
    const failure = failureOf(error);
    throw failure.kind === 'transient' ? error : failure;
  }
}

/** The order of the index of the key, in which statements lock rows, as far as it is easily told. */
function comparing(place: Place): (a: Pick<GroupedRow, 'key'>, b: Pick<GroupedRow, 'key'>) => number {
  const isInteger = place.mapping.key.map((name) => kindOf(columnOf(place, name)) === 'integer');
  if (!isInteger.includes(true)) return byKey;
  const padded = ({ key }: Pick<GroupedRow, 'key'>): { readonly key: readonly string[] } => ({
    key: key.map((value, i) => (isInteger[i] === true ? ordered(value) : value)),
  });
  return (a, b) => byKey(padded(a), padded(b));
}

/** A whole number as text that is ordered as numbers are, for those that 64 bits hold. */
function ordered(value: string): string {
  if (!/^-?\d{1,20}$/.test(value)) return value;
  return (BigInt(value) + (1n << 63n)).toString().padStart(21, '0');
}

/** @throws SinkFailure data: one row alone is longer than a statement of the server can be */
function* partsOf(
  { server }: MysqlSession,
  rows: readonly RowLiterals[],
  maxRows: number,
): Generator<readonly RowLiterals[]> {
  const maxPacket = server.maxPacket - OVERHEAD;
  let from = 0;
  let bytes = 0;
  for (const [at, row] of rows.entries()) {
    const length = lengthOf(row);
    if (length > maxPacket)
      throw new SinkFailure('data', 'the row is longer than the database takes in a statement (max_allowed_packet)');
    if (at - from === maxRows || (at > from && bytes + length > Math.min(maxPacket, MAX_BYTES))) {
      yield rows.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += length;
  }
  yield rows.slice(from);
}

/** Bytes in a statement, with what stands around them. Literals are ASCII. */
function lengthOf({ key, values }: RowLiterals): number {
  let length = 128;
  for (const literal of [...key, ...values]) length += literal.length + 70;
  return length;
}
