import type { Database } from '../../store/engine/sqlite.ts';
import { columnsOfMapping, problemsOfMapping } from '../mapping-problems.ts';
import type { MappingProblem, TableMapping } from '../sink.ts';
import { parseTableName, quoteName, quoteNames } from '../table-name.ts';
import { folded, readNames, readTable, type SqliteTable } from './sqlite-facts.ts';
import { failureOf } from './sqlite-failure.ts';
import { kindOf } from './sqlite-values.ts';
import { statementsOf } from './sqlite-writer.ts';

/** Compares a mapping with the table. @throws SinkFailure */
export function checkTable(database: Database, mapping: TableMapping): readonly MappingProblem[] {
  try {
    const problems = [...problemsOfMapping(mapping), ...problemsOfTable(database, mapping)];
    return problems.length === 0 ? problemsOfStatements(database, mapping) : problems;
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
  const { table, key, columns, version } = mapping;
  const { schema = 'main', name } = parseTableName(table);
  const problem = `there is no table ${table}`;
  const schemas = database.prepare('SELECT name FROM pragma_database_list').all();
  if (!schemas.some((row) => folded(String(row['name'])) === folded(schema)))
    return { problem: `${problem}: a SQLite file has no schema ${schema}` };
  const parts = [
    ...key.map((column) => `${quoteName(column)} TEXT NOT NULL`),
    ...columns.map(({ column }) => `${quoteName(column)} TEXT`),
    `${quoteName(version)} INTEGER NOT NULL`,
    `PRIMARY KEY (${quoteNames(key)})`,
  ];
  return { problem, statement: `CREATE TABLE ${quoteName(schema)}.${quoteName(name)} (${parts.join(', ')})` };
}

function problemsOfColumn(table: SqliteTable, mapping: TableMapping, name: string): readonly MappingProblem[] {
  const column = table.columns.get(folded(name));
  const isVersion = name === mapping.version;
  if (column === undefined) {
    const add = `ALTER TABLE ${target(table)} ADD COLUMN ${quoteName(name)}`;
    return [
      {
        problem: `table ${mapping.table} has no column ${name}`,
        statement: `${add} ${isVersion ? 'INTEGER NOT NULL DEFAULT 0' : 'TEXT'}`,
      },
    ];
  }
  if (column.isGenerated) return [{ problem: `column ${name} of table ${mapping.table} is generated` }];
  if (isVersion && kindOf(column.type) !== 'integer') {
    const type = column.type === '' ? 'without a type' : column.type;
    return [{ problem: `column ${name} of table ${mapping.table} is ${type}, but the version needs an INTEGER` }];
  }
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
  const columns = mapping.columns.map(({ column }) => column);
  const statements = [
    ...statementsOf({ table, mapping }, { change: 'write', columns }),
    ...statementsOf({ table, mapping }, { change: 'write', columns: [] }),
    ...statementsOf({ table, mapping }, { change: 'remove', columns: [] }),
  ];
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

function target(table: SqliteTable): string {
  return `${quoteName(table.schema)}.${quoteName(table.name)}`;
}
