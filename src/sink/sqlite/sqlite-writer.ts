import type { ByteString } from '../../kernel/bytes.ts';
import type { Database, SqliteValue, Statement } from '../../store/engine/sqlite.ts';
import { type KeySpelling, requireKeyText } from '../key-text.ts';
import { versionOf } from '../mapping-problems.ts';
import { groupRows, type RowGroup } from '../row-groups.ts';
import { SinkFailure, type SinkRow, type TableMapping, type WriteRight } from '../sink.ts';
import { parseTableName, quoteName, quoteNames } from '../table-name.ts';
import { textOf } from '../value-text.ts';
import { folded, readTable, type SqliteColumn, type SqliteTable, targetOf } from './sqlite-facts.ts';
import { failureOf } from './sqlite-failure.ts';
import { boundValue, type ColumnKind, kindOf } from './sqlite-values.ts';

/**
 * Writes rows in one transaction. The table is looked at within it, so its columns are what they are told to be.
 * @throws SinkFailure
 */
export function writeRows(
  database: Database,
  mapping: TableMapping,
  rows: readonly SinkRow[],
  right?: WriteRight,
): void {
  try {
    database.exec('BEGIN IMMEDIATE');
    if (mapping.fence !== undefined && right !== undefined) takeFence(database, mapping.fence, right);
    const table = readTable(database, mapping.table);
    if (table === undefined) throw new SinkFailure('schema', `there is no table ${mapping.table}`);
    for (const group of groupRows(mapping, rows)) writeGroup(database, { table, mapping }, group);
    commit(database);
  } catch (error) {
    // SQLite has ended the transaction by itself when the disk is full, for instance.
    if (database.isTransaction) rollback(database);
    throw failureOf(error);
  }
}

/** @throws SinkFailure fenced; schema: the fence is no such table */
function takeFence(database: Database, fence: string, { name, epoch }: WriteRight): void {
  const { schema = 'main', name: table } = parseTableName(fence);
  const sql =
    `INSERT INTO ${quoteName(schema)}.${quoteName(table)} AS t ("name", "epoch") VALUES (?, CAST(? AS INTEGER)) ` +
    'ON CONFLICT ("name") DO UPDATE SET "epoch" = excluded."epoch" ' +
    'WHERE t."epoch" IS NULL OR t."epoch" <= excluded."epoch"';
  try {
    database.prepare(sql).run(textOf(name, 'name'), `${epoch}`);
  } catch (error) {
    const { kind, message } = failureOf(error);
    if (kind === 'transient') throw error;
    // What the fence does not take is no fault of rows.
    throw new SinkFailure('schema', `fence ${fence}: ${message}`);
  }
  if (database.prepare('SELECT changes() AS rows').get()?.['rows'] === 0)
    throw new SinkFailure('fenced', `the right to write has passed to another: fence ${fence} has a later epoch`);
}

interface Place {
  readonly table: SqliteTable;
  readonly mapping: TableMapping;
}

/** A statement and which values it takes: of the key, of the columns, and the version. */
interface RowStatement {
  readonly sql: string;
  readonly takes: readonly ('key' | 'values' | 'version')[];
}

/** Of kinds of which one value can be written in several ways. */
const spellingOf: Partial<Record<ColumnKind, KeySpelling>> = { integer: 'whole', real: 'decimal', decimal: 'decimal' };

function writeGroup(database: Database, place: Place, group: RowGroup): void {
  const { mapping } = place;
  const key = mapping.key.map((name) => columnOf(place, name));
  const columns = group.columns.map((name) => columnOf(place, name));
  expectVersion(place);
  const statements = statementsOf(place, group).map(({ sql, takes }) => ({ statement: database.prepare(sql), takes }));
  const spellings = key.map(({ type }) => spellingOf[kindOf(type)]);
  for (const row of group.rows) {
    for (const [i, spelling] of spellings.entries())
      if (spelling !== undefined) requireKeyText(row.key[i] as ByteString, key[i]?.name ?? '', spelling);
    const given = {
      key: row.key.map((value, i) => boundValue(value, key[i] as SqliteColumn)),
      values: row.values.map((value, i) => (value === null ? null : boundValue(value, columns[i] as SqliteColumn))),
      // As text: a number of JavaScript would be bound as floating point.
      version: [`${row.version}`],
    };
    for (const { statement, takes } of statements)
      run(
        statement,
        takes.flatMap((part): SqliteValue[] => given[part]),
      );
  }
}

function expectVersion(place: Place): void {
  const { mapping } = place;
  if (mapping.shape === 'record') return;
  const version = versionOf(mapping);
  if (kindOf(columnOf(place, version).type) !== 'integer')
    throw new SinkFailure('schema', `column ${version} of table ${mapping.table} is not an INTEGER`);
}

/** What writes one row of a group. */
export function statementsOf(place: Place, group: Omit<RowGroup, 'rows'>): readonly RowStatement[] {
  return place.mapping.shape === 'record' ? [recording(place, group.columns)] : guarded(place, group);
}

/** One that is there already stays as it is. */
function recording({ table, mapping: { key } }: Place, columns: readonly string[]): RowStatement {
  const written = [...key, ...columns];
  return {
    sql:
      `INSERT INTO ${targetOf(table)} (${quoteNames(written)}) VALUES (${written.map(() => '?').join(', ')}) ` +
      `ON CONFLICT (${quoteNames(key)}) DO NOTHING`,
    takes: ['key', 'values'],
  };
}

function guarded(place: Place, { change, columns }: Omit<RowGroup, 'rows'>): readonly RowStatement[] {
  const { table, mapping } = place;
  const target = targetOf(table);
  const versionName = versionOf(mapping);
  const version = quoteName(versionName);
  // Qualified, since SQLite may take an unknown name in double quotes for a string.
  const isRow = mapping.key.map((name) => `t.${quoteName(name)} = ?`).join(' AND ');
  // Rows from before the column was added have none.
  const isOlder = (than: string): string => `(t.${version} IS NULL OR t.${version} < ${than})`;
  if (change === 'remove')
    return [{ sql: `DELETE FROM ${target} AS t WHERE ${isRow} AND ${isOlder('?')}`, takes: ['key', 'version'] }];
  const written = [...mapping.key, ...columns, versionName];
  const insert = `INSERT INTO ${target} AS t (${quoteNames(written)}) SELECT ${written.map(() => '?').join(', ')}`;
  const set = (value: (column: string, at: number) => string, newVersion: string): string =>
    [
      ...columns.map((column, i) => `${quoteName(column)} = ${newValue(place, column, value(column, i))}`),
      `${version} = ${newVersion}`,
    ].join(', ');
  const excluded = (column: string): string => `excluded.${quoteName(column)}`;
  const onConflict =
    `ON CONFLICT (${quoteNames(mapping.key)}) DO UPDATE SET ${set(excluded, excluded(versionName))} ` +
    `WHERE ${isOlder(excluded(versionName))}`;
  const given = new Set(written.map(folded));
  const isComplete = [...table.columns].every(([name, { isRequired }]) => !isRequired || given.has(name));
  // WHERE true: without it SQLite reads ON CONFLICT as the condition of a join.
  if (isComplete) return [{ sql: `${insert} WHERE true ${onConflict}`, takes: ['key', 'values', 'version'] }];
  // An insert is refused for a missing value before a conflict is seen, though the row is there: so the row is changed first.
  const isAbsent = `WHERE NOT EXISTS (SELECT 1 FROM ${target} AS t WHERE ${isRow})`;
  const row = [...columns.map((_, i) => `? AS c${i}`), '? AS v'].join(', ');
  const update = set((_, i) => `u.c${i}`, 'u.v');
  return [
    {
      sql: `UPDATE ${target} AS t SET ${update} FROM (SELECT ${row}) AS u WHERE ${isRow} AND ${isOlder('u.v')}`,
      takes: ['values', 'version', 'key'],
    },
    { sql: `${insert} ${isAbsent} ${onConflict}`, takes: ['key', 'values', 'version', 'key'] },
  ];
}

/** What a column is set to. A sum beyond 64 bits, of which SQLite would make a floating-point number, ends in its error `integer overflow`. */
function newValue({ table, mapping }: Place, column: string, value: string): string {
  if (mapping.shape !== 'counter') return value;
  const sum = `coalesce(t.${quoteName(column)}, 0) + ${value}`;
  if (kindOf(table.columns.get(folded(column))?.type ?? '') !== 'integer') return sum;
  // abs() has no result for the least integer. It is made of the value, lest SQLite works it out once for all rows.
  const overflow = `abs(-9223372036854775807 - (typeof(${value}) <> ''))`;
  return `CASE typeof(${sum}) WHEN 'integer' THEN ${sum} ELSE ${overflow} END`;
}

function columnOf({ table, mapping }: Place, name: string): SqliteColumn {
  const column = table.columns.get(folded(name));
  if (column === undefined) throw new SinkFailure('schema', `table ${mapping.table} has no column ${name}`);
  return column;
}

function run(statement: Statement, values: readonly SqliteValue[]): void {
  try {
    statement.run(...values);
  } catch (error) {
    throw failureOf(error, true);
  }
}

function commit(database: Database): void {
  try {
    database.exec('COMMIT');
  } catch (error) {
    const failure = failureOf(error);
    // Still open: it was refused, by a lock or a deferred constraint, and nothing is written. Else the disk failed in the middle of it.
    if (database.isTransaction) throw failure;
    throw new SinkFailure(failure.kind, failure.message, { ambiguous: true, cause: error });
  }
}

function rollback(database: Database): void {
  try {
    database.exec('ROLLBACK');
  } catch {
    // What made it necessary is told.
  }
}
