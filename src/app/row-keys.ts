import { SluiceError } from '../errors.ts';
import type { KeyStore, KeySync } from '../face/http/key-handler.ts';
import { type ByteString, bytesToUtf8, fromBuffer, utf8ToBytes } from '../kernel/bytes.ts';
import { tagOf } from '../store/decisions/tag.ts';
import type { FieldChange, SetOptions, SetOutcome, StoredRow } from '../store/ports.ts';
import type { RowTarget, WriteBehind } from '../write-behind/write-behind.ts';

type Answer = Awaited<ReturnType<KeyStore['read']>>;

/** The keys of the HTTP face where some are rows: those as JSON objects, all others from the store. */
export class RowKeys implements KeyStore {
  readonly sync?: KeySync;
  readonly #rows: WriteBehind;
  readonly #others: KeyStore;

  constructor(rows: WriteBehind, others: KeyStore) {
    this.#rows = rows;
    this.#others = others;
    const { sync } = others;
    if (sync === undefined) return;
    this.sync = {
      isToken: (text) => sync.isToken(text),
      issue: () => sync.issue(),
      // Rows are always read where they were accepted.
      readAfter: async (token, key) => (rows.find(key) === undefined ? sync.readAfter(token, key) : this.read(key)),
    };
  }

  read(key: ByteString): Answer | Promise<Answer> {
    const target = this.#rows.find(key);
    if (target === undefined) return this.#others.read(key);
    const row = this.#rows.read(target);
    return row instanceof Promise ? row.then(entryOf) : entryOf(row);
  }

  async set(key: Uint8Array, value: Uint8Array, options: SetOptions): Promise<SetOutcome> {
    const target = this.#rows.find(fromBuffer(key));
    if (target === undefined) return this.#others.set(key, value, options);
    if (options.ttl !== undefined || options.onlyIf !== undefined) throw refuse(target, 'PUT with ttl or a condition');
    const { count } = await this.#rows.put(target, { kind: 'replace', fields: fieldsOf(value) });
    return count === 1 ? 'replaced' : 'created';
  }

  async delete(key: Uint8Array, options: { readonly onlyIf?: { readonly tags: readonly string[] } }): Promise<boolean> {
    const target = this.#rows.find(fromBuffer(key));
    if (target === undefined) return this.#others.delete(key, options);
    if (options.onlyIf !== undefined) throw refuse(target, 'DELETE with If-Match');
    await this.#rows.put(target, { kind: 'delete' });
    return true;
  }

  async increment(key: Uint8Array, by: bigint): Promise<bigint> {
    const target = this.#rows.find(fromBuffer(key));
    if (target !== undefined) throw refuse(target, 'POST');
    return this.#others.increment(key, by);
  }
}

/** A row as a JSON object of texts. */
function entryOf(row: StoredRow | undefined): Answer {
  if (row === undefined) return undefined;
  const fields = [...row.fields].map(([name, value]) => [bytesToUtf8(name), bytesToUtf8(value)]);
  const text = utf8ToBytes(JSON.stringify(Object.fromEntries(fields)));
  return { text, tag: tagOf(text), contentType: 'application/json' };
}

/** @throws SluiceError INVALID_ARGUMENT for what is no JSON object of plain values */
function fieldsOf(body: Uint8Array): FieldChange[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new SluiceError('INVALID_ARGUMENT', 'a row is a JSON object, such as {"lat":59.3,"lon":18.1}');
  return Object.entries(parsed).flatMap(([name, value]): FieldChange[] => {
    // What is not there is empty.
    if (value === null) return [];
    if (!['string', 'number', 'boolean'].includes(typeof value))
      throw new SluiceError(
        'INVALID_ARGUMENT',
        `the field ${JSON.stringify(name)} is no text, number, true, false or null`,
      );
    return [{ do: 'set', field: utf8ToBytes(name), value: utf8ToBytes(String(value)) }];
  });
}

function refuse({ space }: RowTarget, what: string): SluiceError {
  return new SluiceError(
    'MANAGED_KEY',
    `${what} is not for keys of ${JSON.stringify(space.name)}, which are written behind`,
  );
}
