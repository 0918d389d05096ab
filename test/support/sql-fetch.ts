import { expect } from 'vitest';
import { isSluiceError } from '../../src/errors.ts';
import type { OriginAnswer } from '../../src/origin/origin.ts';
import type { Database } from '../../src/origin/sql/database.ts';
import { SqlOrigin } from '../../src/origin/sql/sql-origin.ts';

export interface FetchOptions {
  readonly captures?: Readonly<Record<string, string>>;
  readonly column?: string;
  readonly maxValueBytes?: number;
  readonly signal?: AbortSignal;
}

/** One fetch of the key `user:1` by an origin of its own; the captures are byte strings. */
export function fetchBy(database: Database, sql: string, options: FetchOptions = {}): Promise<OriginAnswer> {
  const { captures = {}, column, maxValueBytes = 1_000_000, signal = AbortSignal.timeout(10_000) } = options;
  const origin = new SqlOrigin({
    database,
    sql,
    captures: Object.keys(captures),
    maxValueBytes,
    ...(column === undefined ? {} : { column }),
  });
  return origin.fetch({ key: 'user:1', captures: new Map(Object.entries(captures)), validators: undefined, signal });
}

/** The value as text, or the kind of another answer. */
export async function valueIn(answer: Promise<OriginAnswer>): Promise<string> {
  const given = await answer;
  return given.kind === 'value' ? given.value : given.kind;
}

/** The error it fails with, which must be one of ours and carry no other. */
export async function errorOf(work: Promise<unknown>): Promise<{ code: string; message: string; details?: unknown }> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!isSluiceError(error)) throw error;
  expect(error.cause).toBeUndefined();
  return error;
}

export const disposable = (database: Database): { readonly database: Database } & AsyncDisposable => ({
  database,
  [Symbol.asyncDispose]: () => database.close(),
});
