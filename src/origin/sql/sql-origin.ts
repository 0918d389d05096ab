import { isUtf8 } from 'node:buffer';
import { SluiceError } from '../../errors.ts';
import { type ByteString, bytesToUtf8, toBuffer } from '../../kernel/bytes.ts';
import type { Origin, OriginAnswer, OriginRequest } from '../origin.ts';
import { type Database, JsonText, type SqlResult } from './database.ts';
import { rawValue, rowAsJson } from './row-value.ts';
import { parseSqlTemplate, type SqlStatement } from './sql-template.ts';

export interface SqlOriginOptions {
  readonly database: Database;
  /** One statement that gives at most one row, with `{1}`, `{name}` and `{key}` for parameters. */
  readonly sql: string;
  /** What the pattern of the keyspace captures: names, and numbers of stars from `1`. */
  readonly captures: readonly string[];
  /** The value is this column, raw. @default the whole row as a JSON object */
  readonly column?: string;
  /** A longer value fails with VALUE_TOO_LARGE. */
  readonly maxValueBytes: number;
}

const noValidators = { etag: '', lastModified: '' };

/** Values that are rows of a database. No row, or NULL in the one column that is wanted, means that there is none. */
export class SqlOrigin implements Origin {
  readonly name: string;
  readonly #options: SqlOriginOptions;
  readonly #statement: SqlStatement;
  readonly #underWay = new Set<Promise<unknown>>();

  /** @throws SluiceError CONFIG_INVALID when the query cannot be used */
  constructor(options: SqlOriginOptions) {
    this.name = `sql:${options.database.name}`;
    this.#options = options;
    const statement = parseSqlTemplate(options.sql, options.database.dialect, options.captures);
    if ('problem' in statement) throw new SluiceError('CONFIG_INVALID', `sql: ${statement.problem}`);
    this.#statement = statement;
  }

  async fetch({ key, captures, signal }: OriginRequest): Promise<OriginAnswer> {
    const { database, maxValueBytes } = this.#options;
    const params: string[] = [];
    for (const name of this.#statement.parameters) {
      const text = parameterOf(name === 'key' ? key : (captures.get(name) ?? ''), database);
      // No text of the database can be equal to it.
      if (text === undefined) return { kind: 'absent', freshFor: undefined };
      params.push(text);
    }
    const query = database.query(this.#statement.text, params, { signal, maxRows: 1, maxBytes: maxValueBytes });
    this.#underWay.add(query);
    try {
      return this.#answer(await query);
    } finally {
      this.#underWay.delete(query);
    }
  }

  /** The connections belong to others too: who opened the database closes it. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  #answer({ columns, rows, more }: SqlResult): OriginAnswer {
    const { column, maxValueBytes } = this.#options;
    if (more) throw this.#failure('the query gave more than one row: it must give one, or none');
    const twice = columns.find((name, i) => columns.indexOf(name) !== i);
    if (twice !== undefined && (column === undefined || column === twice))
      throw this.#failure(`the query gives two columns named ${twice}: name them with AS`);
    const at = column === undefined ? 0 : columns.indexOf(column);
    if (at < 0) throw this.#failure(`the query gives no column ${column}; there is ${columns.join(', ') || 'none'}`);
    const row = rows[0];
    const cell = column === undefined ? undefined : (row?.[at] ?? null);
    if (row === undefined || cell === null) return { kind: 'absent', freshFor: undefined };
    const value = cell === undefined ? rowAsJson(columns, row) : rawValue(cell);
    if (value.length > maxValueBytes)
      throw new SluiceError(
        'VALUE_TOO_LARGE',
        `connection ${this.#options.database.name}: the value is longer than ${maxValueBytes} bytes (maxValueBytes)`,
      );
    const contentType = cell === undefined || cell instanceof JsonText ? 'application/json' : '';
    return { kind: 'value', value, contentType, validators: noValidators, freshFor: undefined };
  }

  #failure(problem: string): SluiceError {
    return new SluiceError('ORIGIN_FAILED', `connection ${this.#options.database.name}: ${problem}`);
  }
}

/** The bytes as text, or undefined where the database has no such text: what is not UTF-8, and U+0000, which only MySQL has. */
function parameterOf(bytes: ByteString, { dialect }: Database): string | undefined {
  // SQLite would take what comes before it.
  if (dialect !== 'mysql' && bytes.includes('\0')) return undefined;
  const text = bytesToUtf8(bytes);
  return text === bytes || isUtf8(toBuffer(bytes)) ? text : undefined;
}
