import type { RowGroup } from '../row-groups.ts';
import { SinkFailure, type TableMapping } from '../sink.ts';
import { quoteName, quoteNames } from '../table-name.ts';
import { type PostgresColumn, type PostgresTable, targetOf } from './postgres-facts.ts';

export interface Place {
  readonly table: PostgresTable;
  readonly mapping: TableMapping;
}

/** @throws SinkFailure schema: there is none */
export function columnOf({ table, mapping }: Place, name: string): PostgresColumn {
  const column = table.columns.get(name);
  if (column === undefined) throw new SinkFailure('schema', `table ${mapping.table} has no column ${name}`);
  return column;
}

/** Locks the rows that are there in the order they are given. Takes one array for each column of the key. */
export function lockingStatement(place: Place): string {
  const { table, mapping } = place;
  const arrays = mapping.key.map((_, i) => `$${i + 1}::text[]`);
  const rows = `unnest(${arrays.join(', ')}) WITH ORDINALITY AS u (${[...arrays.map((_, i) => `c${i}`), 'n'].join(', ')})`;
  return `SELECT FROM ${targetOf(table)} AS t JOIN ${rows} ON ${isRowOf(place)} ORDER BY u.n FOR UPDATE OF t`;
}

function isRowOf(place: Place): string {
  return place.mapping.key
    .map((name, i) => `t.${quoteName(name)} = u.c${i}::${columnOf(place, name).type}`)
    .join(' AND ');
}

/**
 * The statements, in their order, that write the rows of a group. Each takes the same parameters, one array for each column: of the key, of
 * the group's columns, and of versions. One text does for any number of rows.
 */
export function statementsOf(place: Place, { change, columns }: Omit<RowGroup, 'rows'>): readonly string[] {
  const { table, mapping } = place;
  const target = targetOf(table);
  const version = quoteName(mapping.version);
  const given = [...mapping.key, ...columns];
  const types = given.map((name) => columnOf(place, name).type);
  const arrays = [...given.map((_, i) => `$${i + 1}::text[]`), `$${given.length + 1}::bigint[]`];
  const rows = `unnest(${arrays.join(', ')}) AS u (${[...given.map((_, i) => `c${i}`), 'v'].join(', ')})`;
  const value = (i: number): string => `u.c${i}::${types[i]}`;
  const isRow = isRowOf(place);
  // Rows from before the column was added have none.
  const isOlder = (than: string): string => `(t.${version} IS NULL OR t.${version} < ${than})`;
  if (change === 'remove') return [`DELETE FROM ${target} AS t USING ${rows} WHERE ${isRow} AND ${isOlder('u.v')}`];
  const written = [...given, mapping.version];
  const insert = `INSERT INTO ${target} AS t (${quoteNames(written)}) SELECT ${given.map((_, i) => value(i)).join(', ')}, u.v FROM ${rows}`;
  const changed = [...columns, mapping.version].map(quoteName);
  const onConflict =
    `ON CONFLICT (${quoteNames(mapping.key)}) DO UPDATE SET ` +
    `${changed.map((name) => `${name} = excluded.${name}`).join(', ')} WHERE ${isOlder(`excluded.${version}`)}`;
  const names = new Set(written);
  const isComplete = [...table.columns.values()].every(({ name, isRequired }) => !isRequired || names.has(name));
  if (isComplete) return [`${insert} ${onConflict}`];
  // An insert is refused for a missing value before a conflict is seen, though the row is there: so rows are changed first.
  const set = [
    ...columns.map((name, i) => `${quoteName(name)} = ${value(mapping.key.length + i)}`),
    `${version} = u.v`,
  ];
  return [
    `UPDATE ${target} AS t SET ${set.join(', ')} FROM ${rows} WHERE ${isRow} AND ${isOlder('u.v')}`,
    `${insert} WHERE NOT EXISTS (SELECT FROM ${target} AS t WHERE ${isRow}) ${onConflict}`,
  ];
}
