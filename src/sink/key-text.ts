import type { ByteString } from '../kernel/bytes.ts';
import { SinkFailure } from './sink.ts';

/** How values of a key column may be spelled, where the database takes several spellings for one value. */
export type KeySpelling = 'whole' | 'decimal' | 'uuid';

const spellings: Readonly<Record<KeySpelling, RegExp>> = {
  whole: /^(?:0|-?[1-9]\d*)$/,
  decimal: /^(?:0|-?[1-9]\d*|-?(?:0|[1-9]\d*)\.\d*[1-9])$/,
  uuid: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/,
};

/**
 * Keys that differ have to be rows that differ: of `1` and `01` in a column of whole numbers one would hide behind the other's version.
 * @throws SinkFailure data
 */
export function requireKeyText(value: ByteString, column: string, spelling: KeySpelling): void {
  if (spellings[spelling].test(value)) return;
  throw new SinkFailure(
    'data',
    `the value for key column ${column} is not spelled as the column spells it (${spelling})`,
  );
}
