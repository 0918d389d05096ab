import { versionOf } from '../mapping-problems.ts';
import type { RowGroup } from '../row-groups.ts';
import { SinkFailure, type TableMapping } from '../sink.ts';
import { parseTableName, quoteName, quoteNames } from '../table-name.ts';
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

/**
 * Leaves an epoch in the fence, whose row stays locked until the transaction ends; of no row when a greater one is there. Takes name and epoch.
 */
export function fenceStatement(fence: string): string {
  return (
    `INSERT INTO ${targetOf(parseTableName(fence))} AS t ("name", "epoch") VALUES ($1::text, $2::bigint) ` +
    `ON CONFLICT ("name") DO UPDATE SET "epoch" = excluded."epoch" WHERE t."epoch" IS NULL OR t."epoch" <= excluded."epoch"`
  );
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
 * the group's columns, and of versions if the mapping has one. One text does for any number of rows.
 */
export function statementsOf(place: Place, group: Omit<RowGroup, 'rows'>): readonly string[] {
  return place.mapping.shape === 'record' ? [recording(place, group.columns)] : guarded(place, group);
}

/** Rows as a statement takes them. */
interface Given {
  /** What is selected from, with the columns c0, c1 … and, of mappings with one, the version v. */
  readonly rows: string;
  /** The values as they are inserted, in the order of key and columns. */
  readonly values: readonly string[];
}

function givenFor(place: Place, names: readonly string[]): Given {
  const { version } = place.mapping;
  const arrays = names.map((_, i) => `$${i + 1}::text[]`);
  const fields = names.map((_, i) => `c${i}`);
  if (version !== undefined) {
    arrays.push(`$${names.length + 1}::bigint[]`);
    fields.push('v');
  }
  return {
    rows: `unnest(${arrays.join(', ')}) AS u (${fields.join(', ')})`,
    values: names.map((name, i) => `u.c${i}::${columnOf(place, name).type}`),
  };
}

/** One that is there already stays as it is. */
function recording(place: Place, columns: readonly string[]): string {
  const { key } = place.mapping;
  const written = [...key, ...columns];
  const { rows, values } = givenFor(place, written);
  return (
    `INSERT INTO ${targetOf(place.table)} AS t (${quoteNames(written)}) SELECT ${values.join(', ')} FROM ${rows} ` +
    `ON CONFLICT (${quoteNames(key)}) DO NOTHING`
  );
}

function guarded(place: Place, { change, columns }: Omit<RowGroup, 'rows'>): readonly string[] {
  const { table, mapping } = place;
  const target = targetOf(table);
  const versionName = versionOf(mapping);
  const version = quoteName(versionName);
  const given = [...mapping.key, ...columns];
  const { rows, values } = givenFor(place, given);
  const isRow = isRowOf(place);
  // Rows from before the column was added have none.
  const isOlder = (than: string): string => `(t.${version} IS NULL OR t.${version} < ${than})`;
  if (change === 'remove') return [`DELETE FROM ${target} AS t USING ${rows} WHERE ${isRow} AND ${isOlder('u.v')}`];
  const written = [...given, versionName];
  const insert = `INSERT INTO ${target} AS t (${quoteNames(written)}) SELECT ${values.join(', ')}, u.v FROM ${rows}`;
  const assignment = (name: string, value: string): string =>
    mapping.shape === 'counter' ? `${name} = coalesce(t.${name}, 0) + ${value}` : `${name} = ${value}`;
  const set = (value: (name: string, at: number) => string, newVersion: string): string =>
    [
      ...columns.map((name, i) => assignment(quoteName(name), value(quoteName(name), i))),
      `${version} = ${newVersion}`,
    ].join(', ');
  const excluded = (name: string): string => `excluded.${name}`;
  const onConflict =
    `ON CONFLICT (${quoteNames(mapping.key)}) DO UPDATE SET ${set(excluded, excluded(version))} ` +
    `WHERE ${isOlder(excluded(version))}`;
  const names = new Set(written);
  const isComplete = [...table.columns.values()].every(({ name, isRequired }) => !isRequired || names.has(name));
  if (isComplete) return [`${insert} ${onConflict}`];
  // An insert is refused for a missing value before a conflict is seen, though the row is there: so rows are changed first.
  const update = set((_, i) => values[mapping.key.length + i] as string, 'u.v');
  return [
    `UPDATE ${target} AS t SET ${update} FROM ${rows} WHERE ${isRow} AND ${isOlder('u.v')}`,
    `${insert} WHERE NOT EXISTS (SELECT FROM ${target} AS t WHERE ${isRow}) ${onConflict}`,
  ];
}
