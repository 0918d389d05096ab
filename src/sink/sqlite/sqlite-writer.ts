import type { Database, SqliteValue, Statement } from '../../store/engine/sqlite.ts';
import { groupRows, type RowGroup } from '../row-groups.ts';
import { SinkFailure, type SinkRow, type TableMapping } from '../sink.ts';
import { quoteName, quoteNames } from '../table-name.ts';
import { folded, readTable, type SqliteColumn, type SqliteTable } from './sqlite-facts.ts';
import { failureOf } from './sqlite-failure.ts';
import { boundValue, kindOf } from './sqlite-values.ts';

/**
 * Writes rows in one transaction. The table is looked at within it, so its columns are what they are told to be.
 * @throws SinkFailure
 */
export function writeRows(database: Database, mapping: TableMapping, rows: readonly SinkRow[]): void {
  try {
    database.exec('BEGIN IMMEDIATE');
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

interface Place {
  readonly table: SqliteTable;
  readonly mapping: TableMapping;
}

/** A statement and which values it takes: of the key, of the columns, and the version. */
interface RowStatement {
  readonly sql: string;
  readonly takes: readonly ('key' | 'values' | 'version')[];
}

function writeGroup(database: Database, place: Place, group: RowGroup): void {
  const { mapping } = place;
  const key = mapping.key.map((name) => columnOf(place, name));
  const columns = group.columns.map((name) => columnOf(place, name));
  if (kindOf(columnOf(place, mapping.version).type) !== 'integer')
    throw new SinkFailure('schema', `column ${mapping.version} of table ${mapping.table} is not an INTEGER`);
  const statements = statementsOf(place, group).map(({ sql, takes }) => ({ statement: database.prepare(sql), takes }));
  for (const row of group.rows) {
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

/** What writes one row of a group. */
export function statementsOf(
  { table, mapping }: Place,
  { change, columns }: Omit<RowGroup, 'rows'>,
): readonly RowStatement[] {
  const target = `${quoteName(table.schema)}.${quoteName(table.name)}`;
  const version = quoteName(mapping.version);
  // Qualified, since SQLite may take an unknown name in double quotes for a string.
  const isRow = mapping.key.map((name) => `t.${quoteName(name)} = ?`).join(' AND ');
  // Rows from before the column was added have none.
  const isOlder = (than: string): string => `(t.${version} IS NULL OR t.${version} < ${than})`;
  if (change === 'remove')
    return [{ sql: `DELETE FROM ${target} AS t WHERE ${isRow} AND ${isOlder('?')}`, takes: ['key', 'version'] }];
  const written = [...mapping.key, ...columns, mapping.version];
  const changed = [...columns, mapping.version].map(quoteName);
  const insert = `INSERT INTO ${target} AS t (${quoteNames(written)}) SELECT ${written.map(() => '?').join(', ')}`;
  const onConflict =
    `ON CONFLICT (${quoteNames(mapping.key)}) DO UPDATE SET ` +
    `${changed.map((name) => `${name} = excluded.${name}`).join(', ')} WHERE ${isOlder(`excluded.${version}`)}`;
  const given = new Set(written.map(folded));
  const isComplete = [...table.columns].every(([name, { isRequired }]) => !isRequired || given.has(name));
  // WHERE true: without it SQLite reads ON CONFLICT as the condition of a join.
  if (isComplete) return [{ sql: `${insert} WHERE true ${onConflict}`, takes: ['key', 'values', 'version'] }];
  // An insert is refused for a missing value before a conflict is seen, though the row is there: so the row is changed first.
  const isAbsent = `WHERE NOT EXISTS (SELECT 1 FROM ${target} AS t WHERE ${isRow})`;
  return [
    {
      sql: `UPDATE ${target} AS t SET ${changed.map((name) => `${name} = ?`).join(', ')} WHERE ${isRow} AND ${isOlder('?')}`,
      takes: ['values', 'version', 'key', 'version'],
    },
    { sql: `${insert} ${isAbsent} ${onConflict}`, takes: ['key', 'values', 'version', 'key'] },
  ];
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
