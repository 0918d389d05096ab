import { parseTableName } from '../table-name.ts';
import { folded, quoteMysqlName, quoteMysqlText } from './mysql-names.ts';
import type { MysqlSession } from './mysql-session.ts';

export interface MysqlColumn {
  readonly name: string;
  /** Such as `varchar`, in lower case. */
  readonly type: string;
  /** The type with what belongs to it, such as `varchar(20)` or `int(10) unsigned`. */
  readonly fullType: string;
  readonly canBeNull: boolean;
  /** An insert has to give a value. */
  readonly isRequired: boolean;
  readonly isGenerated: boolean;
  readonly isNumbered: boolean;
  /** Of text; undefined of all else. */
  readonly charset: string | undefined;
  readonly collation: string | undefined;
}

export interface MysqlKey {
  readonly name: string;
  /** Folded, sorted. */
  readonly columns: readonly string[];
  /** Of whole columns, not of their beginnings or of expressions. */
  readonly isWhole: boolean;
}

/** What a table is like at this moment. */
export interface MysqlTable {
  readonly kind: 'table' | 'other';
  readonly engine: string;
  /** By folded name. */
  readonly columns: ReadonlyMap<string, MysqlColumn>;
  readonly uniqueKeys: readonly MysqlKey[];
}

/**
 * Reads it from the catalog; undefined when there is no such table, or none for this user. Where it was read or written in the same transaction
 * it stays so until the transaction ends.
 */
export async function readTable(session: MysqlSession, table: string): Promise<MysqlTable | undefined> {
  const { schema, name } = parseTableName(table);
  // A NUL cannot even be asked for.
  quoteMysqlName(name);
  if (schema !== undefined) quoteMysqlName(schema);
  const isTable = `TABLE_SCHEMA = ${schema === undefined ? 'DATABASE()' : quoteMysqlText(schema)} AND TABLE_NAME = ${quoteMysqlText(name)}`;
  const tables = await session.run(`SELECT TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE ${isTable}`);
  const [found] = tables.rows;
  if (found === undefined) return undefined;
  const columns = await session.run(
    `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT IS NULL, EXTRA, CHARACTER_SET_NAME, COLLATION_NAME
     FROM information_schema.COLUMNS WHERE ${isTable} ORDER BY ORDINAL_POSITION`,
  );
  const keys = await session.run(
    `SELECT INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE ${isTable} AND NON_UNIQUE = 0`,
  );
  return {
    kind: found[0] === 'BASE TABLE' || found[0] === 'SYSTEM VERSIONED' ? 'table' : 'other',
    engine: found[1] ?? '',
    columns: new Map(columns.rows.map((row) => [folded(row[0] ?? ''), columnOf(row)])),
    uniqueKeys: keysOf(keys.rows),
  };
}

function columnOf(row: readonly (string | null)[]): MysqlColumn {
  const [name, type, fullType, nullable, hasNoDefault, extra, charset, collation] = row;
  const what = (extra ?? '').toUpperCase();
  const isGenerated = /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b/.test(what);
  const isNumbered = what.includes('AUTO_INCREMENT');
  const hasDefault = hasNoDefault !== '1' || what.includes('DEFAULT_GENERATED') || isGenerated || isNumbered;
  return {
    name: name ?? '',
    type: (type ?? '').toLowerCase(),
    fullType: fullType ?? '',
    canBeNull: nullable === 'YES',
    isRequired: nullable !== 'YES' && !hasDefault,
    isGenerated,
    isNumbered,
    charset: charset ?? undefined,
    collation: collation ?? undefined,
  };
}

function keysOf(rows: readonly (readonly (string | null)[])[]): readonly MysqlKey[] {
  const byName = new Map<string, { columns: string[]; isWhole: boolean }>();
  for (const [name, column, length] of rows) {
    const key = byName.get(name ?? '') ?? { columns: [], isWhole: true };
    byName.set(name ?? '', key);
    if (column === null || length !== null) key.isWhole = false;
    key.columns.push(folded(column ?? 'an expression'));
  }
  return [...byName].map(([name, { columns, isWhole }]) => ({ name, columns: columns.sort(), isWhole }));
}

/** The unique index of exactly these columns; undefined when there is none. */
export function uniqueKeyOf({ uniqueKeys }: MysqlTable, key: readonly string[]): MysqlKey | undefined {
  const wanted = key.map(folded).sort().join('\0');
  return uniqueKeys.find(({ columns, isWhole }) => isWhole && columns.join('\0') === wanted);
}

/**
 * Unique indexes but that of the key: an insert that meets one of them would change the row it meets. One with a number that the table gives
 * itself meets none.
 */
export function otherUniqueKeys(
  table: MysqlTable,
  key: readonly string[],
  written: readonly string[],
): readonly MysqlKey[] {
  const wanted = uniqueKeyOf(table, key)?.columns.join('\0');
  const given = new Set(written.map(folded));
  const isNumbered = (name: string): boolean => table.columns.get(name)?.isNumbered === true && !given.has(name);
  return table.uniqueKeys.filter(
    ({ columns, isWhole }) => !(isWhole && columns.join('\0') === wanted) && !columns.some(isNumbered),
  );
}
