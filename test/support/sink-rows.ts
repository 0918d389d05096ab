import { expect } from 'vitest';
import { utf8ToBytes } from '../../src/kernel/bytes.ts';
import { SinkFailure, type SinkRow, type TableMapping } from '../../src/sink/sink.ts';

export const inTime = (ms = 10_000): AbortSignal => AbortSignal.timeout(ms);

/** The failure of a write or a check, which must be one and carry no other error. */
export async function failureOf(work: Promise<unknown>): Promise<SinkFailure> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof SinkFailure)) throw error;
  // Errors of databases hold values.
  expect(error.cause).toBeUndefined();
  return error;
}

type Values = Readonly<Record<string, string | null>>;

export const row = (
  change: SinkRow['change'],
  key: readonly string[],
  version: number,
  values: Values = {},
): SinkRow => ({
  key: key.map(utf8ToBytes),
  version,
  change,
  values: new Map(Object.entries(values).map(([field, value]) => [utf8ToBytes(field), value && utf8ToBytes(value)])),
});
export const merge = (id: string, version: number, values: Values): SinkRow => row('merge', [id], version, values);
export const whole = (id: string, version: number, values: Values): SinkRow => row('whole', [id], version, values);
export const remove = (id: string, version: number): SinkRow => row('remove', [id], version);

export const scooters: TableMapping = {
  shape: 'row',
  table: 'scooters',
  key: ['id'],
  columns: [
    { field: 'lat', column: 'lat' },
    { field: 'battery', column: 'battery' },
    { field: 'note', column: 'note' },
  ],
  version: 'ver',
  fence: undefined,
};
