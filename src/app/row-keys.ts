import { SluiceError } from '../errors.ts';
import type { KeyStore, KeySync } from '../face/http/key-handler.ts';
import { type ByteString, fromBuffer } from '../kernel/bytes.ts';
import { jsonRow, parseJsonRow } from '../kernel/json-row.ts';
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
    const entry = (row: StoredRow | undefined): Answer => entryOf(row, target.space.onlyField);
    const row = this.#rows.read(target);
    return row instanceof Promise ? row.then(entry) : entry(row);
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
    if (target === undefined) return this.#others.increment(key, by);
    const field = target.space.onlyField;
    if (field === undefined) throw refuse(target, 'POST ?incr=');
    const { sum } = await this.#rows.put(target, { kind: 'merge', fields: [{ do: 'add', field, by: Number(by) }] });
    return BigInt(sum ?? 0);
  }

  async append(key: ByteString, record: ByteString): Promise<number | undefined> {
    const target = this.#rows.find(key);
    return target === undefined ? undefined : this.#rows.append(target, [record]);
  }
}

/** A row as a JSON object of texts; a counter of one column as its number. */
function entryOf(row: StoredRow | undefined, onlyField: ByteString | undefined): Answer {
  if (row === undefined) return undefined;
  const sum = onlyField === undefined ? undefined : row.fields.get(onlyField);
  if (sum !== undefined) return { text: sum, tag: tagOf(sum), contentType: 'text/plain' };
  const text = jsonRow(row.fields);
  return { text, tag: tagOf(text), contentType: 'application/json' };
}

/** @throws SluiceError INVALID_ARGUMENT for what is no JSON object of plain values */
function fieldsOf(body: Uint8Array): FieldChange[] {
  const row = parseJsonRow(fromBuffer(body));
  if (row === undefined)
    throw new SluiceError(
      'INVALID_ARGUMENT',
      'a row is a JSON object of plain values, such as {"lat":59.3,"lon":18.1}',
    );
  // What is null is not there.
  return [...row].flatMap(([field, value]): FieldChange[] => (value === null ? [] : [{ do: 'set', field, value }]));
}

function refuse({ space }: RowTarget, what: string): SluiceError {
  return new SluiceError(
    'MANAGED_KEY',
    `${what} is not for keys of ${JSON.stringify(space.name)}, which are written behind`,
  );
}
