import type { ByteString } from '../kernel/bytes.ts';
import { type GroupedRow, groupRows, type RowGroup } from './row-groups.ts';
import { SinkFailure, type SinkRow, type TableMapping } from './sink.ts';
import { parseTableName, quoteName } from './table-name.ts';

/** `mysql`: MariaDB too. */
export type SqlDialect = 'postgres' | 'sqlite' | 'mysql';

/** Longer values are cut: whoever reads the statement wants to see its form. In bytes. */
const LONGEST_VALUE = 200;

/**
 * The statements that write rows, one line each: of every group of rows one statement with one row, followed by a comment that tells how many
 * more it has. Types of columns are not known, so a sink may cast what is text here, or change rows first where a column is NOT NULL. Names and
 * values are quoted so that they can be nothing else, whatever the settings of the server, and do nothing to a terminal.
 * @throws SinkFailure as `groupRows`; schema: a name cannot be quoted
 */
export function explainWrite(dialect: SqlDialect, mapping: TableMapping, rows: readonly SinkRow[]): readonly string[] {
  if (rows.length === 0) return [];
  const statements: string[] = [];
  if (mapping.fence !== undefined) statements.push(`${fence(dialect, mapping.fence)} -- name and epoch of the writer`);
  for (const group of groupRows(mapping, rows)) {
    const [row] = group.rows;
    if (row !== undefined) statements.push(`${statementOf(dialect, mapping, group, row)}${comment(group, row)}`);
  }
  return statements;
}

function comment({ rows }: RowGroup, { key, values }: GroupedRow): string {
  const more = rows.length - 1;
  const notes = [
    ...(more === 0 ? [] : [`and ${more} more ${more === 1 ? 'row' : 'rows'}`]),
    ...([...key, ...values].some(isLong) ? ['long values are cut here'] : []),
  ];
  return notes.length === 0 ? '' : ` -- ${notes.join('; ')}`;
}

function fence(dialect: SqlDialect, table: string): string {
  const [name, epoch] = ['name', 'epoch'].map((column) => quoted(dialect, column)) as [string, string];
  const insert = `INSERT INTO ${target(dialect, table)}`;
  if (dialect === 'mysql')
    return `${insert} (${name}, ${epoch}) VALUES (?, ?) ON DUPLICATE KEY UPDATE ${epoch} = GREATEST(${epoch}, VALUES(${epoch}));`;
  const values = dialect === 'postgres' ? '$1, $2' : '?, ?';
  return (
    `${insert} AS t (${name}, ${epoch}) VALUES (${values}) ` +
    `ON CONFLICT (${name}) DO UPDATE SET ${epoch} = excluded.${epoch} WHERE t.${epoch} <= excluded.${epoch};`
  );
}

function statementOf(dialect: SqlDialect, mapping: TableMapping, group: RowGroup, row: GroupedRow): string {
  const { key, table } = mapping;
  const name = (column: string): string => quoted(dialect, column);
  const version = mapping.version === undefined ? undefined : name(mapping.version);
  const place = target(dialect, table);
  if (group.change === 'remove') {
    const isRow = key.map((column, i) => `${name(column)} = ${literal(dialect, row.key[i] ?? null)}`);
    if (version !== undefined) isRow.push(`(${version} IS NULL OR ${version} < ${row.version})`);
    return `DELETE FROM ${place} WHERE ${isRow.join(' AND ')};`;
  }
  const columns = [...key, ...group.columns].map(name);
  const values = [...row.key, ...row.values].map((value) => literal(dialect, value));
  if (version !== undefined) {
    columns.push(version);
    values.push(`${row.version}`);
  }
  const isMysql = dialect === 'mysql';
  const insert = `INSERT INTO ${place}${isMysql ? '' : ' AS t'} (${columns.join(', ')}) VALUES (${values.join(', ')})`;
  return `${insert} ${isMysql ? onDuplicate(mapping, group.columns) : onConflict(mapping, group.columns)};`;
}

function onConflict({ shape, key, version }: TableMapping, columns: readonly string[]): string {
  const conflict = `ON CONFLICT (${key.map(quoteName).join(', ')}) DO`;
  if (shape === 'record') return `${conflict} NOTHING`;
  const set = columns.map(quoteName).map((name) => {
    const old = shape === 'counter' ? `coalesce(t.${name}, 0) + ` : '';
    return `${name} = ${old}excluded.${name}`;
  });
  if (version === undefined) return `${conflict} UPDATE SET ${set.join(', ')}`;
  const guard = quoteName(version);
  set.push(`${guard} = excluded.${guard}`);
  return `${conflict} UPDATE SET ${set.join(', ')} WHERE t.${guard} IS NULL OR t.${guard} < excluded.${guard}`;
}

/** Columns are set from left to right, so the version comes last. */
function onDuplicate({ shape, key, version }: TableMapping, columns: readonly string[]): string {
  if (shape === 'record')
    return `ON DUPLICATE KEY UPDATE ${key.map((name) => `${quoted('mysql', name)} = ${quoted('mysql', name)}`).join(', ')}`;
  const guard = version === undefined ? undefined : quoted('mysql', version);
  const isNewer = guard === undefined ? 'TRUE' : `${guard} IS NULL OR ${guard} < VALUES(${guard})`;
  const set = columns.map((column) => {
    const name = quoted('mysql', column);
    const old = shape === 'counter' ? `COALESCE(${name}, 0) + ` : '';
    return `${name} = IF(${isNewer}, ${old}VALUES(${name}), ${name})`;
  });
  if (guard !== undefined) set.push(`${guard} = IF(${isNewer}, VALUES(${guard}), ${guard})`);
  return `ON DUPLICATE KEY UPDATE ${set.join(', ')}`;
}

function target(dialect: SqlDialect, table: string): string {
  const { schema, name } = parseTableName(table);
  return schema === undefined ? quoted(dialect, name) : `${quoted(dialect, schema)}.${quoted(dialect, name)}`;
}

function quoted(dialect: SqlDialect, name: string): string {
  if (/\p{Cc}/u.test(name)) throw new SinkFailure('schema', `${JSON.stringify(name)} is no name of a table or column`);
  return dialect === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : quoteName(name);
}

function isLong(value: ByteString | null): boolean {
  return value !== null && value.length > LONGEST_VALUE;
}

/** Characters that a server may read another way, or a terminal: backslashes, controls, and those that turn the direction of text. */
const special = /[\\\p{Cc}\p{Cf}\u2028\u2029]/u;

/** A value as a literal of the same meaning under every setting of the server. */
function literal(dialect: SqlDialect, value: ByteString | null): string {
  if (value === null) return 'NULL';
  const bytes = Buffer.from(value.slice(0, LONGEST_VALUE), 'latin1');
  const text = textIn(bytes, isLong(value));
  if (text !== undefined && !special.test(text)) return `'${text.replaceAll(`'`, `''`)}'`;
  const hex = (text === undefined ? bytes : Buffer.from(text)).toString('hex');
  if (dialect === 'sqlite') return text === undefined ? `x'${hex}'` : `CAST(x'${hex}' AS TEXT)`;
  if (dialect === 'mysql') return text === undefined ? `x'${hex}'` : `_utf8mb4 x'${hex}'`;
  // PostgreSQL has no text with a NUL, nor any that is not UTF-8: such values can only go to bytea.
  if (text === undefined || text.includes('\0')) return `E'\\\\x${hex}'`;
  const escaped = [...text].map((character) => {
    if (character === `'`) return `''`;
    if (character === '\\') return '\\\\';
    return special.test(character) ? `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}` : character;
  });
  return `E'${escaped.join('')}'`;
}

/** Undefined: not UTF-8. A character that the cut went through is left away. */
function textIn(bytes: Uint8Array, isCut: boolean): string | undefined {
  try {
    return `${new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: isCut })}${isCut ? '…' : ''}`;
  } catch {
    return undefined;
  }
}
