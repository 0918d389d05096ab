import { SinkFailure } from '../sink.ts';
import { parseTableName } from '../table-name.ts';

/**
 * A name as statements of MySQL have it, whatever characters are in it and whether ANSI_QUOTES is on or not.
 * @throws SinkFailure schema: empty, or with a NUL, which MySQL has in no names
 */
export function quoteMysqlName(name: string): string {
  if (name === '' || name.includes('\0'))
    throw new SinkFailure('schema', `${JSON.stringify(name)} is no name of a table or column`);
  return `\`${name.replaceAll('`', '``')}\``;
}

export function quoteMysqlNames(names: readonly string[]): string {
  return names.map(quoteMysqlName).join(', ');
}

/** A table of the mapping as a statement has it. */
export function quoteMysqlTable(table: string): string {
  const { schema, name } = parseTableName(table);
  return schema === undefined ? quoteMysqlName(name) : `${quoteMysqlName(schema)}.${quoteMysqlName(name)}`;
}

/** Printable, and nothing that could end a string in any `sql_mode`. */
const isPlain = /^[ -&(-[\]-~]*$/;

/** Text as statements have it; what is not plain goes as digits, so no `sql_mode` can read it in another way. */
export function quoteMysqlText(text: string): string {
  return isPlain.test(text) ? `'${text}'` : `_utf8mb4 X'${Buffer.from(text, 'utf8').toString('hex')}'`;
}

/** Names of columns are the same in any case. */
export function folded(name: string): string {
  return name.toLowerCase();
}
