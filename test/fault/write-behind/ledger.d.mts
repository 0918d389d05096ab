export interface RowFound {
  readonly n: number | null;
  readonly a: number | null;
  readonly b: number | null;
}

export interface PendingChange {
  readonly key: string;
  readonly sets: Readonly<Partial<Record<'n' | 'a' | 'b', number | null>>>;
}

export interface PendingWrite extends PendingChange {
  readonly index: number;
  readonly column: 'a' | 'b';
}

export interface LedgerProblem {
  readonly kind: 'lost' | 'resurrected' | 'torn' | 'invented' | 'doubled' | 'stale' | 'disordered';
  readonly key: string;
  readonly text: string;
}

export declare class Ledger {
  acknowledged: number;
  unknown: number;
  refused: number;
  problems: LedgerProblem[];
  readonly rows: Iterable<string>;
  readonly counters: Iterable<string>;
  readonly streams: Iterable<string>;
  readonly size: number;
  readonly once: number;
  write(key: string): PendingWrite;
  remove(key: string): PendingChange;
  ok(change: PendingChange): void;
  lost(change: PendingChange, mayStillCome?: boolean): void;
  refuse(): void;
  unknownRows(): string[];
  mayStillCome(key: string): boolean;
  see(key: string, found: RowFound | undefined, where: string, settles?: boolean): boolean;
  increment(key: string): { readonly key: string };
  incremented(change: { readonly key: string }, sum: number): void;
  counted(change: { readonly key: string }): void;
  incrementLost(change: { readonly key: string }, mayStillCome?: boolean): void;
  append(key: string): { readonly key: string; readonly index: number };
  appended(): void;
  appendLost(record: { readonly key: string; readonly index: number }): void;
  appendRefused(record: { readonly key: string; readonly index: number }): void;
  seeRecords(key: string, found: readonly number[], where: string): boolean;
  seeCounter(key: string, sum: number | undefined, where: string): boolean;
}

export declare class TableWatch {
  problems: LedgerProblem[];
  looks: number;
  look(keys: Iterable<string>, rows: ReadonlyMap<string, number>): void;
}
