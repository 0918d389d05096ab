import { columnsOfMapping, mappingOfFence, problemsOfMapping } from '../mapping-problems.ts';
import type { RowGroup } from '../row-groups.ts';
import type { MappingProblem, TableMapping } from '../sink.ts';
import { parseTableName } from '../table-name.ts';
import { type MysqlColumn, type MysqlTable, otherUniqueKeys, readTable, uniqueKeyOf } from './mysql-facts.ts';
import { errorNumber, failureOf, isLost } from './mysql-failure.ts';
import { folded, quoteMysqlName, quoteMysqlNames, quoteMysqlTable, quoteMysqlText } from './mysql-names.ts';
import type { MysqlSession } from './mysql-session.ts';
import { isComplete, lockingOf, type Place, removalOf, tupleOf, updateOf, upsertOf } from './mysql-statements.ts';
import { kindOf } from './mysql-values.ts';

/** Text of which different values are different, in any language. */
const KEY_COLLATION = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
/** Bytes that the columns of an index may have together. */
const MAX_KEY_BYTES = 3072;
const BYTES_PER_CHARACTER = 4;
const MAX_INDEX_NAME = 64;

/** What each shape does to rows, in the words of GRANT. */
const neededRights = {
  row: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  counter: ['SELECT', 'INSERT', 'UPDATE'],
  record: ['SELECT', 'INSERT', 'UPDATE'],
} as const;

/** Errors of a user who may not: on a table, on a column. */
const DENIED: readonly (number | undefined)[] = [1142, 1143];

/**
 * Compares a mapping with its table and its fence, within the transaction of `session`, which changes nothing.
 * @throws SinkFailure, and what `mysql2` throws for a connection that is lost
 */
export async function checkTable(session: MysqlSession, mapping: TableMapping): Promise<readonly MappingProblem[]> {
  const mappings = mapping.fence === undefined ? [mapping] : [mapping, mappingOfFence(mapping.fence)];
  const problems = [...problemsOfMapping(mapping)];
  const places: Place[] = [];
  for (const one of mappings) {
    const table = await readTable(session, one.table);
    if (table === undefined) {
      problems.push(...(await missingTable(session, one)));
      continue;
    }
    problems.push(...problemsOfTable(table, one));
    const denied = await rights(session, one);
    problems.push(...denied);
    places.push({ table, mapping: one, server: session.server });
  }
  for (const place of places) if (problems.length === 0) problems.push(...(await problemsOfStatements(session, place)));
  return problems;
}

function problemsOfTable(table: MysqlTable, mapping: TableMapping): readonly MappingProblem[] {
  if (table.kind === 'other') return [{ problem: `${mapping.table} is no table but a view` }];
  return [
    ...columnsOfMapping(mapping).flatMap((name) => problemsOfColumn(table, mapping, name)),
    ...problemsOfKey(table, mapping),
    ...unmapped(table, mapping),
    ...problemsOfEngine(table, mapping),
  ];
}

async function missingTable(session: MysqlSession, mapping: TableMapping): Promise<readonly MappingProblem[]> {
  const { table, key } = mapping;
  const { schema } = parseTableName(table);
  const problems: MappingProblem[] = [];
  if (schema !== undefined) {
    const { rows } = await session.run(
      `SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${quoteMysqlText(schema)}`,
    );
    if (rows.length === 0)
      problems.push({
        problem: `there is no database ${schema}, or none for this user`,
        statement: `CREATE DATABASE ${quoteMysqlName(schema)} CHARACTER SET utf8mb4`,
      });
  }
  const parts = [
    ...columnsOfMapping(mapping).map((name) => `${quoteMysqlName(name)} ${newColumn(mapping, name)}`),
    `PRIMARY KEY (${quoteMysqlNames(key)})`,
  ];
  const statement = `CREATE TABLE ${quoteMysqlTable(table)} (${parts.join(', ')}) ENGINE = InnoDB CHARACTER SET utf8mb4`;
  problems.push({ problem: `there is no table ${table}, or none for this user`, statement });
  return problems;
}

/** A column that is not there as it may be made; the version of rows from before is 0. */
function newColumn({ shape, key, version }: TableMapping, name: string): string {
  if (key.includes(name)) {
    const length = Math.min(255, Math.floor(MAX_KEY_BYTES / BYTES_PER_CHARACTER / key.length));
    return `varchar(${length}) ${KEY_COLLATION} NOT NULL`;
  }
  return name === version || shape === 'counter' ? 'bigint NOT NULL DEFAULT 0' : 'text CHARACTER SET utf8mb4';
}

function problemsOfColumn(table: MysqlTable, mapping: TableMapping, name: string): readonly MappingProblem[] {
  const column = table.columns.get(folded(name));
  const alter = `ALTER TABLE ${quoteMysqlTable(mapping.table)}`;
  const modify = `${alter} MODIFY COLUMN ${quoteMysqlName(name)}`;
  if (column === undefined)
    return [
      {
        problem: `table ${mapping.table} has no column ${name}`,
        statement: `${alter} ADD COLUMN ${quoteMysqlName(name)} ${newColumn(mapping, name)}`,
      },
    ];
  const spelled = `column ${name} of table ${mapping.table}`;
  const isKey = mapping.key.includes(name);
  if (column.isGenerated) return [{ problem: `${spelled} is generated` }];
  const kind = kindOf(column);
  if (kind === 'none') return [{ problem: `${spelled} is ${column.type}, which text cannot be written to` }];
  const nullable = column.canBeNull ? 'NULL' : 'NOT NULL';
  const problems: MappingProblem[] = [];
  if (name === mapping.version) {
    if (column.type !== 'bigint') {
      const problem = `${spelled} is ${column.type}, but has to be bigint`;
      problems.push(
        kind === 'integer' || kind === 'number' ? { problem, statement: `${modify} bigint ${nullable}` } : { problem },
      );
    }
  } else if (isKey) problems.push(...problemsOfKeyColumn(column, { spelled, modify }));
  else if (mapping.shape === 'counter') problems.push(...problemsOfCounter(column, { spelled, modify }));
  return problems;
}

interface Wording {
  readonly spelled: string;
  /** The start of a statement that changes the column. */
  readonly modify: string;
}

/** Rows whose keys differ have to be different rows: `A` and `a` are the same in most collations. */
function problemsOfKeyColumn(
  { type, fullType, collation }: MysqlColumn,
  { spelled, modify }: Wording,
): readonly MappingProblem[] {
  if (collation === undefined || /(?:_bin|^binary)$/.test(collation)) return [];
  const problem = `${spelled} takes different keys, such as a and A, for the same (collation ${collation})`;
  // An index needs a length; the values of ENUM and SET belong to its type.
  const whole = /text$/.test(type) ? 'varchar(255)' : fullType;
  return [{ problem, statement: `${modify} ${whole} ${KEY_COLLATION} NOT NULL` }];
}

function problemsOfCounter(column: MysqlColumn, { spelled, modify }: Wording): readonly MappingProblem[] {
  const kind = kindOf(column);
  const nullable = column.canBeNull ? 'NULL' : 'NOT NULL DEFAULT 0';
  if (kind !== 'integer' && kind !== 'number') {
    const problem = `${spelled} is ${column.type}, which nothing can be added to`;
    return [kind === 'text' ? { problem, statement: `${modify} bigint ${nullable}` } : { problem }];
  }
  if (!column.fullType.includes('unsigned')) return [];
  const statement = `${modify} ${column.fullType.replace(/ unsigned| zerofill/g, '')} ${nullable}`;
  return [{ problem: `${spelled} is unsigned, so nothing can be taken from it`, statement }];
}

function problemsOfKey(table: MysqlTable, mapping: TableMapping): readonly MappingProblem[] {
  const { table: spelled, key } = mapping;
  const problems: MappingProblem[] = [];
  if (key.length > 0 && uniqueKeyOf(table, key) === undefined) {
    const names = new Set(table.uniqueKeys.map(({ name }) => folded(name)));
    const base = `${key.join('_')}_key`.slice(0, MAX_INDEX_NAME - 4);
    let name = base;
    for (let i = 2; names.has(folded(name)); i++) name = `${base}${i}`;
    problems.push({
      problem: `table ${spelled} has no unique index on exactly its key columns (${key.join(', ')})`,
      statement: `CREATE UNIQUE INDEX ${quoteMysqlName(name)} ON ${quoteMysqlTable(spelled)} (${quoteMysqlNames(key)})`,
    });
  }
  for (const { name, columns } of otherUniqueKeys(table, key, columnsOfMapping(mapping)))
    problems.push({
      problem: `table ${spelled} has another unique index, ${name} (${columns.join(', ')}): a row that meets it would change the row that is there`,
      statement:
        name === 'PRIMARY'
          ? `ALTER TABLE ${quoteMysqlTable(spelled)} DROP PRIMARY KEY`
          : `ALTER TABLE ${quoteMysqlTable(spelled)} DROP INDEX ${quoteMysqlName(name)}`,
    });
  return problems;
}

function unmapped(table: MysqlTable, mapping: TableMapping): readonly MappingProblem[] {
  const mapped = new Set(columnsOfMapping(mapping).map(folded));
  const inPrimaryKey = new Set(table.uniqueKeys.find(({ name }) => name === 'PRIMARY')?.columns);
  return [...table.columns]
    .filter(([name, { isRequired }]) => isRequired && !mapped.has(name))
    .map(([folds, { name, fullType, charset, collation }]) => {
      const problem = `column ${name} of table ${mapping.table} is NOT NULL without a default, and nothing is mapped to it`;
      const text = charset === undefined ? '' : ` CHARACTER SET ${charset} COLLATE ${collation}`;
      const statement = `ALTER TABLE ${quoteMysqlTable(mapping.table)} MODIFY COLUMN ${quoteMysqlName(name)} ${fullType}${text} NULL`;
      return inPrimaryKey.has(folds) ? { problem } : { problem, statement };
    });
}

/** Others have no transactions, or none that a crash leaves whole. */
function problemsOfEngine({ engine }: MysqlTable, { table }: TableMapping): readonly MappingProblem[] {
  if (engine.toLowerCase() === 'innodb') return [];
  const problem = `table ${table} is kept by ${engine === '' ? 'no engine' : engine}, which has no transactions`;
  return [{ problem, statement: `ALTER TABLE ${quoteMysqlTable(table)} ENGINE = InnoDB` }];
}

/** EXPLAIN needs the rights of the statement, and runs nothing. */
async function rights(session: MysqlSession, { shape, table, key }: TableMapping): Promise<readonly MappingProblem[]> {
  const target = quoteMysqlTable(table);
  const [column] = key;
  if (column === undefined) return [];
  const name = quoteMysqlName(column);
  const tries = {
    SELECT: `SELECT 1 FROM ${target} LIMIT 0`,
    INSERT: `INSERT INTO ${target} () VALUES ()`,
    UPDATE: `UPDATE ${target} SET ${name} = 1 WHERE 1 = 0`,
    DELETE: `DELETE FROM ${target} WHERE 1 = 0`,
  };
  const missing: string[] = [];
  for (const right of neededRights[shape]) {
    const error = await refusalOf(session, `EXPLAIN ${tries[right]}`);
    if (DENIED.includes(errorNumber(error))) missing.push(right);
  }
  if (missing.length === 0) return [];
  const { rows } = await session.run('SELECT CURRENT_USER()');
  const user = rows[0]?.[0] ?? '';
  const at = user.lastIndexOf('@');
  const account = `${quoteMysqlText(user.slice(0, at))}@${quoteMysqlText(user.slice(at + 1))}`;
  return [
    {
      problem: `user ${user} has no right to ${missing.join(', ')} on table ${table}`,
      statement: `GRANT ${missing.join(', ')} ON ${target} TO ${account}`,
    },
  ];
}

/** What only the server itself knows, such as a trigger that names a table which is gone. */
async function problemsOfStatements(session: MysqlSession, place: Place): Promise<readonly MappingProblem[]> {
  const { mapping } = place;
  const columns = mapping.columns.map(({ column }) => column);
  const row = { key: mapping.key.map(() => 'NULL'), values: [], version: '0' };
  const groups: Pick<RowGroup, 'columns'>[] = [{ columns }, { columns: [] }];
  const statements = groups.flatMap((group) => {
    const given = { ...row, values: group.columns.map(() => 'NULL') };
    const { start, end } = upsertOf(place, group);
    return [
      ...(isComplete(place, group) ? [start + tupleOf(place, given) + end] : []),
      ...(mapping.shape === 'record' ? [] : [updateOf(place, group, given)]),
    ];
  });
  if (mapping.shape === 'row') statements.push(removalOf(place, [row]));
  statements.push(lockingOf(place, [row]));
  for (const statement of statements) {
    const error = await refusalOf(session, `EXPLAIN ${statement}`);
    if (error === undefined) continue;
    const failure = failureOf(error);
    // There is no row to blame, and none was written: NULL stands for all values.
    if (failure.kind !== 'data')
      return [{ problem: `table ${mapping.table} cannot be written to: ${failure.message}` }];
  }
  return [];
}

/** The error of a statement; undefined for none. @throws what passes by itself, and what `mysql2` throws for a connection that is lost */
async function refusalOf(session: MysqlSession, statement: string): Promise<unknown> {
  try {
    await session.run(statement);
    return undefined;
  } catch (error) {
    if (isLost(error) || failureOf(error).kind === 'transient') throw error;
    return error;
  }
}
