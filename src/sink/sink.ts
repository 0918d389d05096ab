import type { ByteString } from '../kernel/bytes.ts';
import type { Cancellation } from '../kernel/cancellation.ts';

/** A column and the field of a row that is written to it. */
export interface MappedColumn {
  readonly field: ByteString;
  /** As it is spelled in the database. */
  readonly column: string;
}

/** Where rows go, and how. */
export interface TableMapping {
  /** `name` or `schema.name`, as they are spelled in the database. */
  readonly table: string;
  /** Columns that tell rows apart, in the order of {@link SinkRow.key}; there must be a unique index on exactly these. */
  readonly key: readonly string[];
  readonly columns: readonly MappedColumn[];
  /** A 64-bit integer column that holds the version of the row: an older change never overwrites a newer one. */
  readonly version: string;
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

/** What speaks against a mapping. */
export interface MappingProblem {
  /** What is wrong, with the names of table and column. */
  readonly problem: string;
  /** The statement that would mend it; absent where none would. */
  readonly statement?: string;
}

/**
 * What a failure asks for: `transient`: the same again, later. `data`: some row cannot be written as it is. `schema`: nothing can be written to
 * this table before somebody mends it.
 */
export type SinkFailureKind = 'transient' | 'data' | 'schema';

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
  /** Compares a mapping with the table. Empty: it can be written to. @throws SinkFailure */
  check(mapping: TableMapping, signal: Cancellation): Promise<readonly MappingProblem[]>;
  /**
   * Writes rows with different keys, all of them or none; a row whose version is not newer than what is there stays as it is.
   * @throws SinkFailure
   */
  write(mapping: TableMapping, rows: readonly SinkRow[], signal: Cancellation): Promise<void>;
  /** Lets what is under way end, and lets go of connections. Idempotent. */
  close(): Promise<void>;
}
