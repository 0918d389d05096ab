import type { ByteString } from '../../kernel/bytes.ts';
import type { PassMark, UnwrittenRow } from '../decisions/dirty-rows.ts';
import type { DirtySet, RowChange } from '../ports.ts';

/** Where rows are accepted while the store is away: in one part, by one process. */
export interface Buffer extends Pick<DirtySet, 'put' | 'claim' | 'acknowledge' | 'fail'> {
  /** Whether something of the row was not passed on yet. @throws SluiceError STORE_LOADING */
  holds(set: ByteString, key: ByteString): boolean;
  /** How many rows were not, and since when the oldest waits. */
  held(set: ByteString): { readonly rows: number; readonly oldest: number | undefined };
  /** Whether what was not says all of a field. */
  knows(set: ByteString, key: ByteString, field: ByteString): boolean;
  /** All that was not passed on; undefined: nothing. */
  unwritten(set: ByteString, key: ByteString): Promise<UnwrittenRow | undefined>;
}

/** A store that rows are passed on to. */
export interface PassTarget extends DirtySet {
  /** Changes a row once, however often it is tried. */
  pass(set: ByteString, key: ByteString, change: RowChange, mark: PassMark): Promise<void>;
  /** None of these will be passed on again. */
  forget(set: ByteString, partition: number, marks: readonly PassMark[]): Promise<void>;
}

/** The sets that are buffered. */
export type BufferedSets = ReadonlyMap<
  ByteString,
  {
    /** Its rows are changed by `count` alone. */
    readonly counts: boolean;
  }
>;

/** One name for a row of a set. */
export function rowId(set: ByteString, key: ByteString): string {
  return `${set}\0${key}`;
}
