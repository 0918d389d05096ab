import { createHash } from 'node:crypto';
import { rowJson } from '../row-json.ts';
import type { SinkRow, TableMapping } from '../sink.ts';

/** Rows as they are sent. */
export interface HttpBatch {
  /** The same for the same rows with the same versions, 32 hexadecimal digits. */
  readonly id: string;
  /** `{"batch":id,"table":…,"rows":[…]}`. */
  readonly body: string;
}

/** In the order of their keys, so that rows that come in another order are the same batch; records in the order they have. @throws SinkFailure data */
export function batchOf(mapping: TableMapping, rows: readonly SinkRow[]): HttpBatch {
  const lines = rows.map((row) => rowJson(mapping, row));
  if (mapping.shape !== 'record') lines.sort();
  const content = `"table":${JSON.stringify(mapping.table)},"rows":[${lines.join(',')}]}`;
  const id = createHash('sha256').update(content).digest('hex').slice(0, 32);
  return { id, body: `{"batch":"${id}",${content}` };
}
