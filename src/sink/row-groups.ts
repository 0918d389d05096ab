import type { ByteString } from '../kernel/bytes.ts';
import type { SinkRow, TableMapping } from './sink.ts';

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
  /** By key, so that two who write the same rows lock them in the same order. */
  readonly rows: readonly GroupedRow[];
}

/**
 * Groups rows by the columns they change. Removals come first: they may free a value that another row now has in a unique column.
 */
export function groupRows({ columns }: TableMapping, rows: readonly SinkRow[]): readonly RowGroup[] {
  const removed: GroupedRow[] = [];
  const written = new Map<string, { readonly columns: readonly string[]; readonly rows: GroupedRow[] }>();
  for (const { key, version, change, values } of rows) {
    if (change === 'remove') {
      removed.push({ key, version, values: [] });
      continue;
    }
    const changed = change === 'whole' ? columns : columns.filter(({ field }) => values.has(field));
    const at = columns.map((column) => (changed.includes(column) ? '1' : '0')).join('');
    let group = written.get(at);
    if (group === undefined) {
      group = { columns: changed.map(({ column }) => column), rows: [] };
      written.set(at, group);
    }
    group.rows.push({ key, version, values: changed.map(({ field }) => values.get(field) ?? null) });
  }
  const groups: RowGroup[] = removed.length === 0 ? [] : [{ change: 'remove', columns: [], rows: removed.sort(byKey) }];
  for (const name of [...written.keys()].sort()) {
    const group = written.get(name);
    if (group !== undefined) groups.push({ change: 'write', columns: group.columns, rows: group.rows.sort(byKey) });
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
