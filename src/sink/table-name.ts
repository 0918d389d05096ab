import { SinkFailure } from './sink.ts';

export interface TableName {
  /** Undefined: wherever the database looks for it. */
  readonly schema: string | undefined;
  readonly name: string;
}

/** `name` or `schema.name`; what follows the first dot is all of the name. */
export function parseTableName(table: string): TableName {
  const dot = table.indexOf('.');
  return dot === -1 ? { schema: undefined, name: table } : { schema: table.slice(0, dot), name: table.slice(dot + 1) };
}

/**
 * A name as SQL has it whatever characters are in it (ISO 9075 delimited identifier).
 * @throws SinkFailure schema: empty, or with a NUL, which no database has in names
 */
export function quoteName(name: string): string {
  if (name === '' || name.includes('\0'))
    throw new SinkFailure('schema', `${JSON.stringify(name)} is no name of a table or column`);
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteNames(names: readonly string[]): string {
  return names.map(quoteName).join(', ');
}
