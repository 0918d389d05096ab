import type { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { errorFrame, Slot, type SlotOwner } from './slot.ts';

type FillKind = 'string' | 'hash' | 'fields';

interface Waiter {
  filled(frame: ByteString): void;
  failed(error: SluiceError): void;
}

/** What the face needs of the cached reads. */
export interface CacheReads {
  /** Monotonic, ms. */
  now(): number;
  caches(key: ByteString): boolean;
  string(key: ByteString, now: number): ByteString | null | undefined;
  field(key: ByteString, field: ByteString, now: number): ByteString | null | undefined;
  hash(key: ByteString, now: number): readonly ByteString[] | undefined;
  /** What is known of a key without its value: whether it is there, the length of its string, what is left of its life in ms. */
  facts(key: ByteString, now: number): CachedFacts | undefined;
  read(key: ByteString, kind: FillKind, waiter: Waiter, fields?: readonly ByteString[]): void;
  /** No link to the store tells of changes now. */
  isAway(now: number): boolean;
  /** A value that cannot be proven, as the frame of a RESP3 reply, where this face may give such out. */
  unprovenFrame(key: ByteString, kind: FillKind, fields: readonly ByteString[], now: number): ByteString | undefined;
  written(key: ByteString): void;
  forgetAll(): void;
}

export interface CachedFacts {
  readonly exists: boolean;
  /** Undefined for what is no string. */
  readonly length: number | undefined;
  /** Undefined: for ever. */
  readonly ttl: number | undefined;
}

/** What the answers need of the client. */
export interface CacheClient extends SlotOwner {
  readonly reads: CacheReads;
  /** Monotonic, ms, of this command. */
  readonly now: number;
  readonly proto: 2 | 3;
  answer(text: ByteString): void;
  answerBulk(value: ByteString | null): void;
  /** An array of such values. */
  answerBulks(values: readonly (ByteString | null)[]): void;
  /** Takes a slot, whose reply is still to come, into the order of replies. */
  await(slot: Slot): void;
}

/** Keys of one MGET that are read for the cache; with more missing the command is passed on as it is: a scan must not fill it. */
const MAX_FILLS = 64;
/** An answer put together here is no longer; all of it is one string. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024;
const TOO_LARGE = `-ERR the reply is longer than ${MAX_REPLY_BYTES} bytes; ask for less at a time\r\n`;
const noFields: readonly ByteString[] = [];

/**
 * Answers a read from the cache, or reads what it asks for into the cache.
 * @returns false: pass it on as it is
 */
export function answerFromCache(client: CacheClient, argv: readonly ByteString[], name: string): boolean {
  const { length } = argv;
  const key = argv[1];
  if (key === undefined) return false;
  switch (name) {
    case 'get':
      return length === 2 && get(client, key);
    case 'mget':
      return mget(client, argv);
    case 'hget':
      return length === 3 && hget(client, key, argv[2] as ByteString);
    case 'hmget':
      return length > 2 && hmget(client, key, argv.slice(2));
    case 'hgetall':
      return length === 2 && hgetall(client, key);
    case 'exists':
      return exists(client, argv);
    case 'ttl':
      return length === 2 && ttl(client, key);
    case 'strlen':
      return length === 2 && strlen(client, key);
    default:
      return false;
  }
}

function get(client: CacheClient, key: ByteString): boolean {
  const { reads } = client;
  const value = reads.string(key, client.now);
  if (value !== undefined) {
    client.answerBulk(value);
    return true;
  }
  return fill(client, key, 'string', noFields, client.proto === 3 ? asItIs : stringOfResp2);
}

function mget(client: CacheClient, argv: readonly ByteString[]): boolean {
  const { reads, proto, now } = client;
  const count = argv.length - 1;
  const values: (ByteString | null | undefined)[] = [];
  let missing = 0;
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const key = argv[i + 1] as ByteString;
    const value = reads.string(key, now);
    if (value === undefined && (++missing > MAX_FILLS || !reads.caches(key))) return false;
    bytes += value?.length ?? 0;
    values.push(value);
  }
  if (bytes > MAX_REPLY_BYTES) return false;
  if (missing === 0) {
    client.answerBulks(values as (ByteString | null)[]);
    return true;
  }
  const nil = proto === 3 ? '_\r\n' : '$-1\r\n';
  const header = `*${count}\r\n`;
  const parts = values.map((value) => (value === undefined ? undefined : value === null ? nil : bulkFrame(value)));
  const slot = new Slot(client, 'fill');
  client.await(slot);
  let failure: ByteString | undefined;
  const part = (i: number, frame: ByteString): void => {
    // A key of another type is absent to MGET; every other error is one of the whole command.
    if (isBulk(frame)) parts[i] = frame;
    else if (isError(frame) && !frame.startsWith('-WRONGTYPE')) failure ??= frame;
    parts[i] ??= nil;
    bytes += frame.length;
    if (bytes > MAX_REPLY_BYTES) {
      failure ??= TOO_LARGE;
      parts[i] = nil;
    }
    if (--missing === 0) slot.replied(failure ?? header + parts.join(''));
  };
  for (let i = 0; i < count; i++) {
    if (parts[i] !== undefined) continue;
    const key = argv[i + 1] as ByteString;
    reads.read(key, 'string', {
      filled: (frame) => part(i, frame),
      failed: (error) => part(i, reads.unprovenFrame(key, 'string', noFields, reads.now()) ?? errorFrame(error)),
    });
  }
  return true;
}

function hget(client: CacheClient, key: ByteString, field: ByteString): boolean {
  const { reads } = client;
  const value = reads.field(key, field, client.now);
  if (value !== undefined) {
    client.answerBulk(value);
    return true;
  }
  return fill(client, key, 'fields', [field], client.proto === 3 ? elementOfResp3 : elementOfResp2);
}

function hmget(client: CacheClient, key: ByteString, fields: readonly ByteString[]): boolean {
  const { reads, proto, now } = client;
  if (fields.length > MAX_FILLS) return false;
  const values: (ByteString | null)[] = [];
  for (const field of fields) {
    const value = reads.field(key, field, now);
    if (value === undefined) break;
    values.push(value);
  }
  if (values.length === fields.length) {
    client.answerBulks(values);
    return true;
  }
  return fill(client, key, 'fields', fields, proto === 3 ? asItIs : nullsOfResp2);
}

function hgetall(client: CacheClient, key: ByteString): boolean {
  const { reads, proto } = client;
  const known = reads.hash(key, client.now);
  if (known !== undefined) {
    let text = proto === 3 ? `%${known.length / 2}\r\n` : `*${known.length}\r\n`;
    for (const word of known) text += `$${word.length}\r\n${word}\r\n`;
    client.answer(text);
    return true;
  }
  return fill(client, key, 'hash', noFields, proto === 3 ? asItIs : mapOfResp2);
}

function exists(client: CacheClient, argv: readonly ByteString[]): boolean {
  let count = 0;
  for (let i = 1; i < argv.length; i++) {
    const facts = client.reads.facts(argv[i] as ByteString, client.now);
    if (facts === undefined) return false;
    if (facts.exists) count++;
  }
  client.answer(`:${count}\r\n`);
  return true;
}

function ttl(client: CacheClient, key: ByteString): boolean {
  const facts = client.reads.facts(key, client.now);
  if (facts === undefined) return false;
  const seconds = !facts.exists ? -2 : facts.ttl === undefined ? -1 : Math.floor((facts.ttl + 500) / 1000);
  client.answer(`:${seconds}\r\n`);
  return true;
}

function strlen(client: CacheClient, key: ByteString): boolean {
  const facts = client.reads.facts(key, client.now);
  if (facts?.length === undefined) return false;
  client.answer(`:${facts.length}\r\n`);
  return true;
}

/** Reads a key into the cache and answers with it. */
function fill(
  client: CacheClient,
  key: ByteString,
  kind: FillKind,
  fields: readonly ByteString[],
  render: Render,
): boolean {
  const { reads } = client;
  if (!reads.caches(key)) return false;
  const kept = reads.isAway(client.now) ? reads.unprovenFrame(key, kind, fields, client.now) : undefined;
  if (kept === undefined) {
    const slot = new FillSlot(client, key, kind, fields, render);
    client.await(slot);
    reads.read(key, kind, slot, fields);
  } else {
    client.answer(render(kept));
  }
  return true;
}

/** The reply for a client, from the RESP3 one. */
type Render = (frame: ByteString) => ByteString;

/** The place of a reply that a read into the cache gives. */
class FillSlot extends Slot {
  readonly #client: CacheClient;
  readonly #key: ByteString;
  readonly #kind: FillKind;
  readonly #fields: readonly ByteString[];
  readonly #render: Render;

  constructor(client: CacheClient, key: ByteString, kind: FillKind, fields: readonly ByteString[], render: Render) {
    super(client, 'fill');
    this.#client = client;
    this.#key = key;
    this.#kind = kind;
    this.#fields = fields;
    this.#render = render;
  }

  filled(frame: ByteString): void {
    this.settle(this.#render(frame));
  }

  override failed(error: SluiceError): void {
    const { reads } = this.#client;
    const old = reads.unprovenFrame(this.#key, this.#kind, this.#fields, reads.now());
    this.settle(old === undefined ? errorFrame(error) : this.#render(old));
  }
}

const asItIs: Render = (frame) => frame;
const stringOfResp2: Render = (frame) => (frame === '_\r\n' ? '$-1\r\n' : frame);
const elementOfResp3: Render = (frame) => (frame.startsWith('*1\r\n') ? frame.slice(4) : frame);
const elementOfResp2: Render = (frame) => stringOfResp2(elementOfResp3(frame));

function bulkFrame(value: ByteString): ByteString {
  return `$${value.length}\r\n${value}\r\n`;
}

function isBulk(frame: ByteString): boolean {
  return frame.charCodeAt(0) === 0x24 && frame.charCodeAt(1) !== 0x2d;
}

function isError(frame: ByteString): boolean {
  return frame.charCodeAt(0) === 0x2d;
}

/** The same map as RESP2 has it, a flat array. Errors stay as they are. */
function mapOfResp2(frame: ByteString): ByteString {
  if (frame.charCodeAt(0) !== 0x25) return frame;
  const end = frame.indexOf('\r\n');
  return `*${Number(frame.slice(1, end)) * 2}${frame.slice(end)}`;
}

/** The same flat array with the nulls of RESP2. */
function nullsOfResp2(frame: ByteString): ByteString {
  if (frame.charCodeAt(0) !== 0x2a || !frame.includes('_\r\n')) return frame;
  let at = frame.indexOf('\r\n') + 2;
  let text = frame.slice(0, at);
  while (at < frame.length) {
    const end = frame.indexOf('\r\n', at) + 2;
    const next = frame.charCodeAt(at) === 0x5f ? end : end + Number(frame.slice(at + 1, end - 2)) + 2;
    text += next === end ? '$-1\r\n' : frame.slice(at, next);
    at = next;
  }
  return text;
}
