import type { Database } from '../../store/engine/sqlite.ts';
import { columnsOfMapping, mappingOfFence, problemsOfMapping } from '../mapping-problems.ts';
import type { RowGroup } from '../row-groups.ts';
import type { MappingProblem, TableMapping } from '../sink.ts';
import { parseTableName, quoteName, quoteNames } from '../table-name.ts';
import { folded, readNames, readTable, type SqliteTable, targetOf } from './sqlite-facts.ts';
import { failureOf } from './sqlite-failure.ts';
import { kindOf } from './sqlite-values.ts';
import { statementsOf } from './sqlite-writer.ts';

/** Compares a mapping with its table and its fence. @throws SinkFailure */
export function checkTable(database: Database, mapping: TableMapping): readonly MappingProblem[] {
  try {
    const mappings = mapping.fence === undefined ? [mapping] : [mapping, mappingOfFence(mapping.fence)];
    const problems = [...problemsOfMapping(mapping), ...mappings.flatMap((one) => problemsOfTable(database, one))];
    return problems.length === 0 ? mappings.flatMap((one) => problemsOfStatements(database, one)) : problems;
  } catch (error) {
    throw failureOf(error);
  }
}

function problemsOfTable(database: Database, mapping: TableMapping): readonly MappingProblem[] {
  const table = readTable(database, mapping.table);
  if (table === undefined) return [missingTable(database, mapping)];
  if (table.kind === 'other') return [{ problem: `${mapping.table} is no table but a view or a virtual table` }];
  return [
    ...columnsOfMapping(mapping).flatMap((name) => problemsOfColumn(table, mapping, name)),
    ...problemsOfKey(database, table, mapping),
    ...unmapped(table, mapping),
  ];
}

function missingTable(database: Database, mapping: TableMapping): MappingProblem {
  const { table, key, version } = mapping;
  const { schema = 'main', name } = parseTableName(table);
  const problem = `there is no table ${table}`;
  const schemas = database.prepare('SELECT name FROM pragma_database_list').all();
  if (!schemas.some((row) => folded(String(row['name'])) === folded(schema)))
    return { problem: `${problem}: a SQLite file has no schema ${schema}` };
  const parts = [
    ...key.map((column) => `${quoteName(column)} TEXT NOT NULL`),
    ...columnsOfMapping(mapping)
      .filter((column) => !key.includes(column))
      .map((column) => `${quoteName(column)} ${column === version ? 'INTEGER NOT NULL' : newColumn(mapping, column)}`),
    `PRIMARY KEY (${quoteNames(key)})`,
  ];
  return { problem, statement: `CREATE TABLE ${quoteName(schema)}.${quoteName(name)} (${parts.join(', ')})` };
}

/** A column that is not there as it may be made; the version of rows from before is 0. */
function newColumn({ shape, key, version }: TableMapping, name: string): string {
  const isNumber = name === version || (shape === 'counter' && !key.includes(name));
  return isNumber ? 'INTEGER NOT NULL DEFAULT 0' : 'TEXT';
}

function problemsOfColumn(table: SqliteTable, mapping: TableMapping, name: string): readonly MappingProblem[] {
  const column = table.columns.get(folded(name));
  const isVersion = name === mapping.version;
  if (column === undefined) {
    return [
      {
        problem: `table ${mapping.table} has no column ${name}`,
        statement: `ALTER TABLE ${targetOf(table)} ADD COLUMN ${quoteName(name)} ${newColumn(mapping, name)}`,
      },
    ];
  }
  if (column.isGenerated) return [{ problem: `column ${name} of table ${mapping.table} is generated` }];
  const type = column.type === '' ? 'without a type' : column.type;
  const spelled = `column ${name} of table ${mapping.table} is ${type}`;
  const kind = kindOf(column.type);
  // SQLite changes the type of no column.
  if (isVersion && kind !== 'integer') return [{ problem: `${spelled}, but has to be INTEGER` }];
  const isSum = mapping.shape === 'counter' && !isVersion && !mapping.key.includes(name);
  if (isSum && (kind === 'text' || kind === 'bytes'))
    return [{ problem: `${spelled}, which nothing can be added to: INTEGER can` }];
  return [];
}

function problemsOfKey(
  database: Database,
  table: SqliteTable,
  { table: spelled, key }: TableMapping,
): readonly MappingProblem[] {
  const wanted = key.map(folded).sort().join('\0');
  if (key.length === 0 || table.uniqueKeys.some((columns) => columns.join('\0') === wanted)) return [];
  const names = readNames(database, quoteName(table.schema));
  const base = `${table.name}_${key.join('_')}_key`;
  let index = base;
  for (let i = 2; names.has(folded(index)); i++) index = `${base}${i}`;
  const place = `${quoteName(table.schema)}.${quoteName(index)}`;
  return [
    {
      problem: `table ${spelled} has no unique index on exactly its key columns (${key.join(', ')})`,
      statement: `CREATE UNIQUE INDEX ${place} ON ${quoteName(table.name)} (${quoteNames(key)})`,
    },
  ];
}

/** SQLite cannot take NOT NULL from a column that is there. */
function unmapped(table: SqliteTable, mapping: TableMapping): readonly MappingProblem[] {
  const mapped = new Set(columnsOfMapping(mapping).map(folded));
  return [...table.columns]
    .filter(([name, { isRequired }]) => isRequired && !mapped.has(name))
    .map(([, { name }]) => ({
      problem: `column ${name} of table ${mapping.table} is NOT NULL without a default, and nothing is mapped to it`,
    }));
}

/** What only SQLite itself knows, such as a trigger that names a table which is gone. */
function problemsOfStatements(database: Database, mapping: TableMapping): readonly MappingProblem[] {
  const table = readTable(database, mapping.table);
  if (table === undefined) return [];
  const groups: Omit<RowGroup, 'rows'>[] = [
    { change: 'write', columns: mapping.columns.map(({ column }) => column) },
    { change: 'write', columns: [] },
  ];
  if (mapping.shape === 'row') groups.push({ change: 'remove', columns: [] });
  const statements = groups.flatMap((group) => statementsOf({ table, mapping }, group));
  const problems = new Set<string>();
  for (const { sql } of statements) {
    try {
      database.prepare(sql);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'transient') throw failure;
      problems.add(`table ${mapping.table} cannot be written to: ${failure.message}`);
    }
  }
  return [...problems].map((problem) => ({ problem }));
}
