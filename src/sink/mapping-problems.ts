import type { MappingProblem, TableMapping } from './sink.ts';

/** What is wrong with a mapping whatever the table is like. */
export function problemsOfMapping({ table, key, columns, version }: TableMapping): readonly MappingProblem[] {
  const problems: MappingProblem[] = [];
  if (key.length === 0) problems.push({ problem: `the mapping to table ${table} names no key columns` });
  const seen = new Set<string>();
  for (const column of [...key, ...columns.map((mapped) => mapped.column), version]) {
    if (seen.has(column))
      problems.push({ problem: `column ${column} of table ${table} is named twice in the mapping` });
    seen.add(column);
  }
  return problems;
}

/** Every column that is written to, each once. */
export function columnsOfMapping({ key, columns, version }: TableMapping): readonly string[] {
  return [...new Set([...key, ...columns.map(({ column }) => column), version])];
}
