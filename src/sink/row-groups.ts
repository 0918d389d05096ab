import type { ByteString } from '../kernel/bytes.ts';
import { type MappedColumn, SinkFailure, type SinkRow, type TableMapping } from './sink.ts';

/** What is done to one row. */
export interface GroupedRow {
  readonly key: readonly ByteString[];
  readonly version: number;
  /** One for each column of the group. */
  readonly values: readonly (ByteString | null)[];
}

/** Rows that one statement can write. */
export interface RowGroup {
  readonly change: 'write' | 'remove';
  /** The columns that change, in the order of the mapping, without key and version; none in a `remove`. */
  readonly columns: readonly string[];
  /** By key, so that two who write the same rows lock them in the same order; records in the order they were given. */
  readonly rows: readonly GroupedRow[];
}

/**
 * Groups rows by the columns they change. Removals come first: they may free a value that another row now has in a unique column.
 * @throws SinkFailure data: two rows have the same key, or a row is not of the mapping's shape
 */
export function groupRows(mapping: TableMapping, rows: readonly SinkRow[]): readonly RowGroup[] {
  const { shape, columns } = mapping;
  expectDifferentKeys(rows);
  if (shape !== 'row') for (const row of rows) expectShape(mapping, row);
  const removed: GroupedRow[] = [];
  const written = new Map<string, { readonly columns: readonly MappedColumn[]; readonly rows: GroupedRow[] }>();
  const all = '1'.repeat(columns.length);
  for (const { key, version, change, values } of rows) {
    if (change === 'remove') {
      removed.push({ key, version, values: [] });
      continue;
    }
    let which = change === 'whole' ? all : '';
    if (change === 'merge') for (const { field } of columns) which += values.has(field) ? '1' : '0';
    let group = written.get(which);
    if (group === undefined) {
      group = { columns: columns.filter((_, i) => which[i] === '1'), rows: [] };
      written.set(which, group);
    }
    group.rows.push({ key, version, values: group.columns.map(({ field }) => values.get(field) ?? null) });
  }
  const groups: RowGroup[] = removed.length === 0 ? [] : [{ change: 'remove', columns: [], rows: removed.sort(byKey) }];
  for (const name of [...written.keys()].sort()) {
    const group = written.get(name);
    if (group === undefined) continue;
    groups.push({
      change: 'write',
      columns: group.columns.map(({ column }) => column),
      rows: shape === 'record' ? group.rows : group.rows.sort(byKey),
    });
  }
  return groups;
}

/** The order of rows of a table, the same for all who write them. */
export function byKey(a: Pick<GroupedRow, 'key'>, b: Pick<GroupedRow, 'key'>): number {
  for (let i = 0; i < a.key.length; i++) {
    const left = a.key[i] ?? '';
    const right = b.key[i] ?? '';
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** Which of two changes of one row came first a batch cannot tell. */
function expectDifferentKeys(rows: readonly SinkRow[]): void {
  const keys = new Set<string>();
  for (const { key } of rows) keys.add(key.length === 1 ? (key[0] ?? '') : JSON.stringify(key));
  if (keys.size < rows.length) throw new SinkFailure('data', 'two rows of the batch have the same key');
}

const increment = /^[+-]?\d+$/;

function expectShape({ shape, table, columns }: TableMapping, { change, values }: SinkRow): void {
  if (shape === 'record' && change === 'remove')
    throw new SinkFailure('data', `records of table ${table} are never removed`);
  if (shape !== 'counter') return;
  if (change !== 'merge') throw new SinkFailure('data', `counters of table ${table} are only added to`);
  for (const { field, column } of columns) {
    const value = values.get(field);
    if (value !== undefined && (value === null || !increment.test(value)))
      throw new SinkFailure('data', `the value for column ${column} is no whole number to add`);
  }
}
