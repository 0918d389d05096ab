import { versionOf } from '../mapping-problems.ts';
import type { GroupedRow, RowGroup } from '../row-groups.ts';
import { SinkFailure, type TableMapping } from '../sink.ts';
import { type MysqlColumn, type MysqlTable, uniqueKeyOf } from './mysql-facts.ts';
import { folded, quoteMysqlName, quoteMysqlNames, quoteMysqlTable } from './mysql-names.ts';
import type { MysqlServer } from './mysql-settings.ts';
import { literalOf } from './mysql-values.ts';

export interface Place {
  readonly table: MysqlTable;
  readonly mapping: TableMapping;
  readonly server: Pick<MysqlServer, 'isMariadb' | 'version'>;
}

/** One row in the words of SQL. */
export interface RowLiterals {
  readonly key: readonly string[];
  readonly values: readonly string[];
  readonly version: string;
}

/** @throws SinkFailure schema: there is none */
export function columnOf({ table, mapping }: Place, name: string): MysqlColumn {
  const column = table.columns.get(folded(name));
  if (column === undefined) throw new SinkFailure('schema', `table ${mapping.table} has no column ${name}`);
  return column;
}

/** @throws SinkFailure schema: without it an insert would never meet the row that is there */
export function keyIndexOf({ table, mapping }: Place): string {
  const index = uniqueKeyOf(table, mapping.key);
  if (index === undefined)
    throw new SinkFailure(
      'schema',
      `table ${mapping.table} has no unique index on exactly its key columns (${mapping.key.join(', ')})`,
    );
  return index.name;
}

/** @throws SinkFailure data */
export function literalsOf(place: Place, columns: readonly string[], row: GroupedRow): RowLiterals {
  const literals = (names: readonly string[], values: GroupedRow['values'], isKey: boolean): readonly string[] =>
    values.map((value, i) => literalOf(value, columnOf(place, names[i] as string), isKey));
  return {
    key: literals(place.mapping.key, row.key, true),
    values: literals(columns, row.values, false),
    version: `${row.version}`,
  };
}

/** Every column that has to be given a value is among those of the group. */
export function isComplete({ table, mapping }: Place, { columns }: Pick<RowGroup, 'columns'>): boolean {
  const given = new Set([...mapping.key, ...columns, mapping.version ?? ''].map(folded));
  return [...table.columns].every(([name, { isRequired }]) => !isRequired || given.has(name));
}

/** `new`, since 8.0.20; MariaDB, and MySQL before, know only VALUES(). */
const ALIAS_VERSION = 80_020;
const alias = '`sluice new`';

/** The start of a statement that adds rows, or changes those that are there and older, and its end; rows go between, by {@link tupleOf}. */
export function upsertOf(
  place: Place,
  { columns }: Pick<RowGroup, 'columns'>,
): { readonly start: string; readonly end: string } {
  const { mapping, server } = place;
  const { shape, key, version } = mapping;
  const written = [...key, ...columns, ...(version === undefined ? [] : [version])];
  const hasAlias = !server.isMariadb && server.version >= ALIAS_VERSION;
  const given = (name: string): string => (hasAlias ? `${alias}.${name}` : `VALUES(${name})`);
  const there = (name: string): string => `${quoteMysqlTable(mapping.table)}.${name}`;
  const start = `INSERT INTO ${quoteMysqlTable(mapping.table)} (${quoteMysqlNames(written)}) VALUES `;
  const head = ` ${hasAlias ? `AS ${alias} ` : ''}ON DUPLICATE KEY UPDATE `;
  if (shape === 'record') {
    const same = quoteMysqlName(key[0] ?? '');
    return { start, end: `${head}${same} = ${there(same)}` };
  }
  const guard = quoteMysqlName(versionOf(mapping));
  // Rows from before the column was added have none.
  const isOlder = `${there(guard)} IS NULL OR ${there(guard)} < ${given(guard)}`;
  const assignment = (name: string, value: string): string => `${name} = IF(${isOlder}, ${value}, ${there(name)})`;
  const assigned = columns
    .map(quoteMysqlName)
    .map((name) =>
      assignment(name, shape === 'counter' ? `COALESCE(${there(name)}, 0) + ${given(name)}` : given(name)),
    );
  // Assignments are made one after the other, each seeing what those before it did: so the version is the last.
  return { start, end: head + [...assigned, assignment(guard, given(guard))].join(', ') };
}

export function tupleOf({ mapping }: Pick<Place, 'mapping'>, { key, values, version }: RowLiterals): string {
  return `(${[...key, ...values, ...(mapping.version === undefined ? [] : [version])].join(', ')})`;
}

/** Changes one row that is there and older. */
export function updateOf(place: Place, { columns }: Pick<RowGroup, 'columns'>, row: RowLiterals): string {
  const { mapping } = place;
  const guard = quoteMysqlName(versionOf(mapping));
  const set = columns.map((column, i) => {
    const name = quoteMysqlName(column);
    return `${name} = ${mapping.shape === 'counter' ? `COALESCE(${name}, 0) + ` : ''}${row.values[i]}`;
  });
  return `UPDATE ${quoteMysqlTable(mapping.table)} SET ${[...set, `${guard} = ${row.version}`].join(', ')} WHERE ${isRow(mapping, row)} AND ${isOlderThan(guard, row)}`;
}

/** Finds whether a row is there. */
export function existsOf({ mapping }: Place, row: RowLiterals): string {
  return `SELECT 1 FROM ${quoteMysqlTable(mapping.table)} WHERE ${isRow(mapping, row)} FOR UPDATE`;
}

/** Removes rows that are there and older. */
export function removalOf({ mapping }: Pick<Place, 'mapping'>, rows: readonly RowLiterals[]): string {
  const guard = quoteMysqlName(versionOf(mapping));
  const which = rows.map((row) => `(${isRow(mapping, row)} AND ${isOlderThan(guard, row)})`);
  return `DELETE FROM ${quoteMysqlTable(mapping.table)} WHERE ${which.join(' OR ')}`;
}

/** Locks the rows that are there in the order of the index of the key. */
export function lockingOf(place: Place, rows: readonly RowLiterals[]): string {
  const { mapping } = place;
  const names = quoteMysqlNames(mapping.key);
  const isOne = mapping.key.length === 1;
  const keys = rows.map(({ key }) => (isOne ? key[0] : `(${key.join(', ')})`));
  const index = quoteMysqlName(keyIndexOf(place));
  return `SELECT COUNT(*) FROM ${quoteMysqlTable(mapping.table)} FORCE INDEX (${index}) WHERE ${isOne ? names : `(${names})`} IN (${keys.join(', ')}) FOR UPDATE`;
}

function isRow({ key }: TableMapping, row: RowLiterals): string {
  return key.map((name, i) => `${quoteMysqlName(name)} = ${row.key[i]}`).join(' AND ');
}

function isOlderThan(guard: string, { version }: RowLiterals): string {
  return `(${guard} IS NULL OR ${guard} < ${version})`;
}
