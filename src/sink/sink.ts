import type { ByteString } from '../kernel/bytes.ts';
import type { Cancellation } from '../kernel/cancellation.ts';

/** A column and the field of a row that is written to it. */
export interface MappedColumn {
  readonly field: ByteString;
  /** As it is spelled in the database. */
  readonly column: string;
}

/**
 * What a keyspace's keys are. `row`: the latest values count. `counter`: values are whole numbers that are added to what is there; absent counts
 * as 0. `record`: each is one row of its own, which is never changed.
 */
export type SinkShape = 'row' | 'counter' | 'record';

/** Where rows go, and how. */
export interface TableMapping {
  readonly shape: SinkShape;
  /** `name` or `schema.name`, as they are spelled in the database. */
  readonly table: string;
  /** Columns that tell rows apart, in the order of {@link SinkRow.key}; there must be a unique index on exactly these. */
  readonly key: readonly string[];
  readonly columns: readonly MappedColumn[];
  /**
   * A 64-bit integer column that holds the version of the row: an older change never overwrites a newer one, and none is added twice. Absent of
   * records: one whose key is there already stays as it is.
   */
  readonly version: string | undefined;
  /**
   * A table of `name` (text, its primary key) and `epoch` (64-bit integer), in which writers leave their epochs: one whose right has passed to
   * another writes no more. Undefined: the version alone guards.
   */
  readonly fence: string | undefined;
}

/** One row as it is to be. */
export interface SinkRow {
  /** Values of the key columns. */
  readonly key: readonly ByteString[];
  /** Grows with every change of the row; below 2^53. */
  readonly version: number;
  /** `merge`: only the columns of `values` change. `whole`: the other mapped columns are emptied. `remove`: the row goes. */
  readonly change: 'merge' | 'whole' | 'remove';
  /** By field; null empties the column. Fields that no column is mapped to are not among them. */
  readonly values: ReadonlyMap<ByteString, ByteString | null>;
}

/** The right to write rows of one part of a keyspace: whoever has it later has a greater epoch. */
export interface WriteRight {
  readonly name: ByteString;
  readonly epoch: number;
}

/** What speaks against a mapping. */
export interface MappingProblem {
  /** What is wrong, with the names of table and column. */
  readonly problem: string;
  /** The statement that would mend it; absent where none would. */
  readonly statement?: string;
}

/**
 * What a failure asks for: `transient`: the same again, later. `data`: some row cannot be written as it is. `schema`: nothing can be written to
 * this table before somebody mends it. `fenced`: somebody else has the right to write these rows now.
 */
export type SinkFailureKind = 'transient' | 'data' | 'schema' | 'fenced';

/** Rows were not written, none of them; `ambiguous`: it is not known. */
export class SinkFailure extends Error {
  override readonly name = 'SinkFailure';
  readonly kind: SinkFailureKind;
  readonly ambiguous: boolean;

  /** @param message what the sink said, without values of rows */
  constructor(
    kind: SinkFailureKind,
    message: string,
    { ambiguous = false, cause }: { readonly ambiguous?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.kind = kind;
    this.ambiguous = ambiguous;
  }
}

/** Where changed rows are written to, some time later. */
export interface Sink {
  /** As in the configuration. */
  readonly name: string;
  /** What it cannot promise, in a sentence that is said at start; undefined: a change that is written twice counts once. */
  readonly caveat?: string;
  /** Compares a mapping with the table. Empty: it can be written to. @throws SinkFailure */
  check(mapping: TableMapping, signal: Cancellation): Promise<readonly MappingProblem[]>;
  /**
   * Writes rows with different keys, all of them or none; a row whose version is not newer than what is there stays as it is.
   * @param right where the mapping has a fence: nothing is written when a greater epoch stands there under its name
   * @throws SinkFailure
   */
  write(mapping: TableMapping, rows: readonly SinkRow[], signal: Cancellation, right?: WriteRight): Promise<void>;
  /** The statements that `write` would run for such rows, in words of the sink; for people who try a mapping out. */
  explain(mapping: TableMapping, rows: readonly SinkRow[]): readonly string[];
  /** Lets what is under way end, and lets go of connections. Idempotent. */
  close(): Promise<void>;
}
