import { type MappingProblem, SinkFailure, type TableMapping } from './sink.ts';

/** What is wrong with a mapping whatever the table is like. */
export function problemsOfMapping(mapping: TableMapping): readonly MappingProblem[] {
  const { shape, table, key, version, fence } = mapping;
  const problems: MappingProblem[] = [];
  const tell = (problem: string): number => problems.push({ problem });
  if (key.length === 0) tell(`the mapping to table ${table} names no key columns`);
  const isRecord = shape === 'record';
  if (isRecord && key.length > 1)
    tell(`the mapping to table ${table} names ${key.length} key columns, but records have one`);
  if (isRecord && version !== undefined)
    tell(`the mapping to table ${table} names a version column, but records have none`);
  if (!isRecord && version === undefined) tell(missingVersion(mapping));
  if (fence === table) tell(`table ${table} cannot be its own fence`);
  const seen = new Set<string>();
  for (const column of namesIn(mapping)) {
    if (seen.has(column)) tell(`column ${column} of table ${table} is named twice in the mapping`);
    seen.add(column);
  }
  return problems;
}

/** Every column that is written to, each once. */
export function columnsOfMapping(mapping: TableMapping): readonly string[] {
  return [...new Set(namesIn(mapping))];
}

/** @throws SinkFailure schema: rows and counters cannot be without one */
export function versionOf(mapping: TableMapping): string {
  if (mapping.version === undefined) throw new SinkFailure('schema', missingVersion(mapping));
  return mapping.version;
}

/** The fence as a table that is written to: nothing is ever removed from it. */
export function mappingOfFence(fence: string): TableMapping {
  return { shape: 'counter', table: fence, key: ['name'], columns: [], version: 'epoch', fence: undefined };
}

function missingVersion({ table }: TableMapping): string {
  return `the mapping to table ${table} names no version column`;
}

function namesIn({ key, columns, version }: TableMapping): readonly string[] {
  return [...key, ...columns.map(({ column }) => column), ...(version === undefined ? [] : [version])];
}
