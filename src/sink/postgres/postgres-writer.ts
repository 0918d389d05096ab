import { setImmediate as turn } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import type { ByteString } from '../../kernel/bytes.ts';
import { type KeySpelling, requireKeyText } from '../key-text.ts';
import { versionOf } from '../mapping-problems.ts';
import { byKey, type GroupedRow, groupRows, type RowGroup } from '../row-groups.ts';
import { SinkFailure, type SinkRow, type TableMapping, type WriteRight } from '../sink.ts';
import { textOf } from '../value-text.ts';
import { arrayText } from './postgres-array.ts';
import { type PostgresColumn, readTable } from './postgres-facts.ts';
import { failureOf } from './postgres-failure.ts';
import { columnOf, fenceStatement, lockingStatement, type Place, statementsOf } from './postgres-statements.ts';

/** Of types of which one value can be written in several ways. */
const spellingOf: ReadonlyMap<string, KeySpelling> = new Map<string, KeySpelling>([
  ['smallint', 'whole'],
  ['integer', 'whole'],
  ['bigint', 'whole'],
  ['numeric', 'decimal'],
  ['real', 'decimal'],
  ['double precision', 'decimal'],
  ['uuid', 'uuid'],
]);
/** Of one statement. */
const MAX_ROWS = 2000;
/** Of the values of one statement, bytes; one row may be longer. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Writes rows within the transaction of `client`. The table is looked at within it too, so its columns are what they are told to be.
 * @throws SinkFailure, and what `pg` throws for a connection that is lost
 */
export async function writeRows(client: ClientBase, mapping: TableMapping, rows: readonly SinkRow[]): Promise<void> {
  const table = await readTable(client, mapping.table);
  if (table === undefined) throw new SinkFailure('schema', `there is no table ${mapping.table}`);
  const place = { table, mapping };
  expectVersion(place);
  requireKeys(place, rows);
  const groups = groupRows(mapping, rows).map((group) => ({ group, statements: statementsOf(place, group) }));
  // One statement that inserts goes through rows in their order by itself; several, or a join, would lock them in another one.
  const [only] = groups;
  const isInOrder = groups.length === 1 && only?.group.change === 'write' && only.statements.length === 1;
  if (!isInOrder && mapping.shape !== 'record') await lockRows(client, place, rows);
  const chunks = groups.flatMap(({ group, statements }) =>
    [...chunksOf(group.rows)].map((part): Chunk => ({ group, statements, rows: part })),
  );
  await writeChunks(client, place, chunks);
}

/**
 * Begins what is written by one who has a right. Another one's write under the same name waits until the transaction of `client` ends.
 * @throws SinkFailure fenced, and what `pg` throws for a connection that is lost
 */
export async function takeFence(client: ClientBase, fence: string, { name, epoch }: WriteRight): Promise<void> {
  const { rowCount } = await ofFence(fence, () => query(client, fenceStatement(fence), [textOf(name, 'name'), epoch]));
  if (rowCount === 0)
    throw new SinkFailure('fenced', `the right to write has passed to another: fence ${fence} has a later epoch`);
}

/** What the fence does not take is no fault of rows. */
async function ofFence<T>(fence: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SinkFailure)) throw error;
    throw new SinkFailure('schema', `fence ${fence}: ${error.message}`);
  }
}

/** @throws SinkFailure data: a key is not spelled as its column spells it */
function requireKeys(place: Place, rows: readonly SinkRow[]): void {
  for (const [i, name] of place.mapping.key.entries()) {
    const spelling = spellingOf.get(columnOf(place, name).type.replace(/\(.*/, ''));
    if (spelling === undefined) continue;
    for (const { key } of rows) requireKeyText(key[i] as ByteString, name, spelling);
  }
}

function expectVersion(place: Place): void {
  const { mapping } = place;
  if (mapping.shape === 'record') return;
  const version = versionOf(mapping);
  const { type } = columnOf(place, version);
  if (type !== 'bigint')
    throw new SinkFailure('schema', `column ${version} of table ${mapping.table} is ${type}, not bigint`);
}

/** So that two who write the same rows at the same time wait for each other, but never each for the other. */
async function lockRows(client: ClientBase, place: Place, rows: readonly SinkRow[]): Promise<void> {
  const key = place.mapping.key.map((name) => columnOf(place, name));
  const statement = lockingStatement(place);
  const sorted = rows.map((row) => ({ key: row.key, version: row.version, values: [] })).sort(byKey);
  for (const part of chunksOf(sorted)) {
    const params = key.map((column, i) => arrayOf(column, part, (row) => row.key[i] ?? null));
    await query(client, statement, params, key);
  }
}

/** What one run of the statements of a group writes. */
interface Chunk {
  readonly group: RowGroup;
  readonly statements: readonly string[];
  readonly rows: readonly GroupedRow[];
}

/** While the server is at one chunk the parameters of the next one are made. */
async function writeChunks(client: ClientBase, place: Place, chunks: readonly Chunk[]): Promise<void> {
  let before: Promise<void> = Promise.resolve();
  try {
    for (const { group, statements, rows } of chunks) {
      const columns = [...place.mapping.key, ...group.columns].map((name) => columnOf(place, name));
      const params = paramsOf(place, group, rows);
      await before;
      before = runAll(client, statements, params, columns);
      // It may fail before anybody waits for it.
      before.catch(() => {});
      // So that it is sent before the next one is made.
      await turn();
    }
  } finally {
    // The connection is of use again when its answer is there; what it was does not matter when something else has failed.
    await Promise.allSettled([before]);
  }
  await before;
}

async function runAll(
  client: ClientBase,
  statements: readonly string[],
  params: readonly string[],
  columns: readonly PostgresColumn[],
): Promise<void> {
  for (const statement of statements) await query(client, statement, params, columns);
}

function paramsOf(place: Place, { columns }: RowGroup, rows: readonly GroupedRow[]): readonly string[] {
  const { key, version } = place.mapping;
  const params = [
    ...key.map((name, i) => arrayOf(columnOf(place, name), rows, (row) => row.key[i] ?? null)),
    ...columns.map((name, i) => arrayOf(columnOf(place, name), rows, (row) => row.values[i] ?? null)),
  ];
  if (version !== undefined) params.push(arrayText(rows, (row) => row.version));
  return params;
}

function arrayOf(
  column: PostgresColumn,
  rows: readonly GroupedRow[],
  ofRow: (row: GroupedRow) => ByteString | null,
): string {
  if (column.type === 'bytea') return arrayText(rows, (row) => hexOf(ofRow(row)));
  return arrayText(rows, ofRow, (value) => textFor(column, value));
}

/** @param columns whose types a message may speak of */
async function query(
  client: ClientBase,
  statement: string,
  params: readonly unknown[],
  columns: readonly PostgresColumn[] = [],
): Promise<{ readonly rowCount: number | null }> {
  try {
    return await client.query(statement, [...params]);
  } catch (error) {
    throw failureOrLost(error, columns);
  }
}

/** A failure that names what it can; an error of the connection stays what it is. */
function failureOrLost(error: unknown, columns: readonly PostgresColumn[]): unknown {
  const failure = failureOf(
    error,
    columns.map(({ type }) => type),
  );
  return failure.kind === 'transient' ? error : failure;
}

/** @throws SinkFailure data: it is no text, or has a NUL, which PostgreSQL has in no text */
function textFor({ name }: PostgresColumn, value: ByteString): string {
  if (value.includes('\0')) throw new SinkFailure('data', `the value for column ${name} has a NUL in it`);
  return textOf(value, name);
}

function hexOf(value: ByteString | null): string | null {
  return value === null ? null : `\\x${Buffer.from(value, 'latin1').toString('hex')}`;
}

function* chunksOf(rows: readonly GroupedRow[]): Generator<readonly GroupedRow[]> {
  let from = 0;
  let bytes = 0;
  let at = 0;
  for (const { key, values } of rows) {
    let length = 0;
    for (const value of key) length += value.length;
    for (const value of values) length += value?.length ?? 0;
    if (at - from === MAX_ROWS || (at > from && bytes + length > MAX_BYTES)) {
      yield rows.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += length;
    at++;
  }
  yield rows.slice(from);
}
