import type { Database, Row } from '../../store/engine/sqlite.ts';
import { parseTableName, quoteName } from '../table-name.ts';

/** SQLite's names of tables and columns are the same in any case of ASCII letters. */
export function folded(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

export interface SqliteColumn {
  readonly name: string;
  /** As it was declared; may be empty. */
  readonly type: string;
  readonly isGenerated: boolean;
  /** An insert has to give a value. */
  readonly isRequired: boolean;
}

/** What a table is like at this moment. */
export interface SqliteTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'table' | 'other';
  /** By {@link folded} name. */
  readonly columns: ReadonlyMap<string, SqliteColumn>;
  /** Columns of each unique index without a condition, folded and sorted. */
  readonly uniqueKeys: readonly (readonly string[])[];
}

/** Reads it from the schema; undefined when there is no such table. */
export function readTable(database: Database, table: string): SqliteTable | undefined {
  const { schema = 'main', name } = parseTableName(table);
  const [listed] = rows(
    database,
    'SELECT type, wr FROM pragma_table_list(?) WHERE lower(schema) = lower(?)',
    name,
    schema,
  );
  if (listed === undefined) return undefined;
  const indexes = rows(database, 'SELECT name, "unique", origin, partial FROM pragma_index_list(?, ?)', name, schema);
  const described = rows(
    database,
    'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?)',
    name,
    schema,
  );
  const primary = described.filter(({ pk }) => pk !== 0);
  // An INTEGER PRIMARY KEY is the row's number itself: it has no index, and SQLite makes up a number where none is given.
  const isRowid =
    primary.length === 1 &&
    listed['wr'] === 0 &&
    folded(textIn(primary[0], 'type')) === 'integer' &&
    !indexes.some(({ origin }) => origin === 'pk');
  const uniqueKeys = indexes
    .filter((index) => index['unique'] === 1 && index['partial'] === 0)
    .map((index) =>
      rows(database, 'SELECT name FROM pragma_index_info(?, ?)', textIn(index, 'name'), schema)
        // Of an expression the name is null: equal to no column.
        .map((row) => folded(textIn(row, 'name')))
        .sort(),
    );
  if (isRowid) uniqueKeys.push([folded(textIn(primary[0], 'name'))]);
  return {
    schema,
    name,
    kind: listed['type'] === 'table' ? 'table' : 'other',
    uniqueKeys,
    columns: new Map(
      described.map((row) => {
        const column = textIn(row, 'name');
        const isGenerated = row['hidden'] === 2 || row['hidden'] === 3;
        const hasDefault = row['dflt_value'] !== null && folded(textIn(row, 'dflt_value')) !== 'null';
        const isRequired = row['notnull'] === 1 && !hasDefault && !isGenerated && !(isRowid && row['pk'] !== 0);
        return [folded(column), { name: column, type: textIn(row, 'type'), isGenerated, isRequired }];
      }),
    ),
  };
}

/** Names of everything in the schema, folded. */
export function readNames(database: Database, quotedSchema: string): ReadonlySet<string> {
  return new Set(
    rows(database, `SELECT name FROM ${quotedSchema}.sqlite_schema`).map((row) => folded(textIn(row, 'name'))),
  );
}

/** The table's name as a statement has it. */
export function targetOf({ schema, name }: Pick<SqliteTable, 'schema' | 'name'>): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}

function rows(database: Database, sql: string, ...values: readonly string[]): readonly Row[] {
  return database.prepare(sql).all(...values);
}

function textIn(row: Row | undefined, name: string): string {
  const value = row?.[name];
  return typeof value === 'string' ? value : '';
}
