import { parseEntityTags, strongTags, weaklyMatches } from '../../http/etag.ts';
import { percentDecode } from '../../http/percent.ts';
import { type ByteString, fromBuffer, toBuffer } from '../../kernel/bytes.ts';
import { parseDuration } from '../../kernel/duration.ts';
import type { OnlyIf, SetOptions, SetOutcome } from '../../store/ports.ts';
import { requireRight } from './access.ts';
import { type Exchange, hasBody } from './exchange.ts';
import { Problem } from './problem.ts';

/** A value as this face gives it out. */
export interface KeyEntry {
  /** The value. As text it leaves in one write with the header; as bytes it would take two buffers. */
  readonly text: ByteString;
  readonly tag: string;
  /** '' when none was stored. */
  readonly contentType: string;
  /** How it came from a store behind; absent where this node is the store. */
  readonly origin?: ReadOrigin;
}

/** A key that is known not to exist. */
export interface AbsentKey {
  readonly text: undefined;
  readonly origin?: ReadOrigin;
  /** Why, where there is more to say than that nobody wrote it. */
  readonly detail?: string;
}

/** How a value came from the store behind, for the headers of the answer. */
export interface ReadOrigin {
  /** The value of Cache-Status (RFC 9211). */
  readonly cacheStatus: string;
  /** Whole seconds since it was read from the store (RFC 9111 section 5.1); undefined when it was read for this request. */
  readonly age: number | undefined;
}

/** The values behind the keys of this face. */
export interface KeyStore {
  /** At once where it can: then an answer takes no turn of the microtask queue. */
  read(key: ByteString): KeyAnswer | Promise<KeyAnswer>;
  set(key: Uint8Array, value: Uint8Array, options: SetOptions): Promise<SetOutcome>;
  delete(key: Uint8Array, options: { readonly onlyIf?: { readonly tags: readonly string[] } }): Promise<boolean>;
  increment(key: Uint8Array, by: bigint): Promise<bigint>;
  /** A record at the end of those of its key; absent where no keys have any. @returns how many wait; undefined: the key has none */
  append?(key: ByteString, record: ByteString): Promise<number | undefined>;
  /** Reading one's own writes from other nodes; absent where there are none. */
  readonly sync?: KeySync;
}

type KeyAnswer = KeyEntry | AbsentKey | undefined;

/** What one node promises to those who wrote at another. */
export interface KeySync {
  isToken(text: string): boolean;
  /** Given out with the answer to a write. */
  issue(): string;
  /** A read that sees at least what the write of the token left. */
  readAfter(token: string, key: ByteString): Promise<KeyAnswer>;
}

export interface KeyHandlerOptions {
  readonly keys: KeyStore;
  /** Bound on the body of a request. */
  readonly bodyBytes: number;
}

const METHODS = 'GET, HEAD, PUT, DELETE, POST';
const OCTETS = 'application/octet-stream';
/** Carries a token from the answer to a write to later reads. */
const SYNC_TOKEN = 'sluice-sync-token';
const none: readonly string[] = [];

/** `GET|HEAD|PUT|DELETE|POST /{key}`. @throws Problem, SluiceError */
export function handleKey(options: KeyHandlerOptions, exchange: Exchange): Promise<void> | undefined {
  const { request, path } = exchange;
  const query = path.indexOf('?');
  const key = keyOf(query < 0 ? path : path.slice(0, query));
  const parameters = query < 0 ? undefined : new URLSearchParams(path.slice(query + 1));
  checkToken(options.keys, exchange);
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      checkParameters(parameters, []);
      refuseBody(exchange);
      requireRight(exchange, 'read', key);
      return read(options.keys, exchange, key);
    case 'PUT':
      checkParameters(parameters, ['ttl']);
      requireRight(exchange, 'write', key);
      return write(options, exchange, toBuffer(key), parameters);
    case 'DELETE':
      checkParameters(parameters, []);
      refuseBody(exchange);
      requireRight(exchange, 'delete', key);
      return remove(options.keys, exchange, toBuffer(key));
    case 'POST':
      checkParameters(parameters, ['incr']);
      if (parameters?.has('incr') !== true && options.keys.append !== undefined) {
        requireRight(exchange, 'append', key);
        return append(options, exchange, key);
      }
      requireRight(exchange, 'count', key);
      return increment(options, exchange, toBuffer(key), parameters);
    default:
      throw new Problem(405, 'Method not allowed', `a key answers to ${METHODS}`, { headers: ['Allow', METHODS] });
  }
}

function read(keys: KeyStore, exchange: Exchange, key: ByteString): Promise<void> | undefined {
  const token = exchange.request.headers[SYNC_TOKEN];
  const found =
    token === undefined || keys.sync === undefined ? keys.read(key) : keys.sync.readAfter(String(token), key);
  if (found instanceof Promise) return found.then((answer) => answerEntry(exchange, answer));
  answerEntry(exchange, found);
  return undefined;
}

/** Writes are decided in the store itself, so there a token changes nothing; one that is none is a mistake all the same. */
function checkToken({ sync }: KeyStore, { request }: Exchange): void {
  const token = request.headers[SYNC_TOKEN];
  if (token === undefined || sync === undefined || sync.isToken(String(token))) return;
  throw new Problem(400, 'Bad request', 'Sluice-Sync-Token is not one that the answer to a write had');
}

/** Writes a value, or that there is none, as the conditions of the request have it. @throws Problem 404, 412 */
export function answerEntry({ request, response }: Exchange, answer: KeyAnswer): void {
  const condition = request.headers['if-none-match'];
  const required = request.headers['if-match'];
  const entry = answer?.text === undefined ? undefined : answer;
  const origin = originHeaders(answer);
  if (required !== undefined && !holds(required, entry)) throw preconditionFailed();
  if (entry === undefined) throw notFound(origin, (answer as AbsentKey | undefined)?.detail);
  const { text, tag, contentType } = entry;
  if (condition !== undefined && weaklyMatches(requireTags(condition, 'If-None-Match'), tag)) {
    response.writeHead(304, ['ETag', `"${tag}"`, ...origin]);
    response.end();
    return;
  }
  const headers = [
    'Content-Type',
    contentType === '' ? OCTETS : contentType,
    'Content-Length',
    String(text.length),
    'ETag',
    `"${tag}"`,
    'X-Content-Type-Options',
    'nosniff',
  ];
  if (origin.length > 0) headers.push(...origin);
  response.writeHead(200, headers);
  if (request.method === 'HEAD') response.end();
  else response.end(text, 'latin1');
}

/** Flat header list: how the value came. */
function originHeaders(answer: KeyAnswer): readonly string[] {
  const origin = answer?.origin;
  if (origin === undefined) return none;
  const { cacheStatus, age } = origin;
  return age === undefined ? ['Cache-Status', cacheStatus] : ['Cache-Status', cacheStatus, 'Age', String(age)];
}

async function write(
  { keys, bodyBytes }: KeyHandlerOptions,
  exchange: Exchange,
  key: Uint8Array,
  parameters: URLSearchParams | undefined,
): Promise<void> {
  const { request, response } = exchange;
  const { headers } = request;
  if (headers['content-encoding'] !== undefined) {
    throw new Problem(
      415,
      'Content coding not supported',
      'send the bytes as they are to be stored, without Content-Encoding',
    );
  }
  if (headers['content-range'] !== undefined)
    throw new Problem(400, 'Bad request', 'a part of a value cannot be written');
  const onlyIf = writeCondition(headers['if-match'], headers['if-none-match']);
  const ttl = ttlOf(parameters?.get('ttl'));
  const value = await exchange.readBody(bodyBytes);
  const contentType = headers['content-type'];
  const outcome = await keys.set(key, value, {
    ...(onlyIf === undefined ? {} : { onlyIf }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(contentType === undefined ? {} : { contentType }),
  });
  if (outcome === 'refused') throw preconditionFailed();
  const length = outcome === 'created' ? ['Content-Length', '0'] : none;
  response.writeHead(outcome === 'created' ? 201 : 204, [...length, ...syncHeaders(keys)]);
  response.end();
}

async function remove(keys: KeyStore, { request, response }: Exchange, key: Uint8Array): Promise<void> {
  const condition = request.headers['if-match'];
  const tags = condition === undefined ? undefined : requireTags(condition, 'If-Match');
  if (tags === undefined || tags === '*') {
    if (!(await keys.delete(key, {}))) throw tags === '*' ? preconditionFailed() : notFound();
  } else if (!(await keys.delete(key, { onlyIf: { tags: strongTags(tags) } }))) {
    throw preconditionFailed();
  }
  response.writeHead(204, syncHeaders(keys));
  response.end();
}

async function append({ keys, bodyBytes }: KeyHandlerOptions, exchange: Exchange, key: ByteString): Promise<void> {
  const waiting = await keys.append?.(key, fromBuffer(await exchange.readBody(bodyBytes)));
  if (waiting === undefined) throw notCounted();
  const body = JSON.stringify({ waiting });
  exchange.response.writeHead(202, [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(body.length),
    ...syncHeaders(keys),
  ]);
  exchange.response.end(body);
}

function notCounted(): Problem {
  return new Problem(400, 'Bad request', 'POST counts: give ?incr= and a whole number, such as ?incr=1');
}

async function increment(
  { keys, bodyBytes }: KeyHandlerOptions,
  exchange: Exchange,
  key: Uint8Array,
  parameters: URLSearchParams | undefined,
): Promise<void> {
  const by = parameters?.get('incr');
  if (by === undefined || by === null || !/^-?\d{1,19}$/.test(by)) {
    throw notCounted();
  }
  if ((await exchange.readBody(bodyBytes)).length > 0)
    throw new Problem(400, 'Bad request', 'POST ?incr= takes no body');
  const body = String(await keys.increment(key, BigInt(by)));
  const { response } = exchange;
  response.writeHead(200, [
    'Content-Type',
    'text/plain',
    'Content-Length',
    String(body.length),
    'X-Content-Type-Options',
    'nosniff',
    ...syncHeaders(keys),
  ]);
  response.end(body);
}

/** What a later read at another node needs to see the write that is answered. */
function syncHeaders({ sync }: KeyStore): string[] {
  return sync === undefined ? [] : ['Sluice-Sync-Token', sync.issue()];
}

function keyOf(path: string): ByteString {
  const key = percentDecode(path.slice(1));
  if (key === undefined)
    throw new Problem(400, 'Bad request', 'a % in the path is not followed by two hexadecimal digits');
  return key;
}

function checkParameters(parameters: URLSearchParams | undefined, known: readonly string[]): void {
  if (parameters === undefined) return;
  const seen = new Set<string>();
  for (const name of parameters.keys()) {
    if (!known.includes(name)) {
      const hint = known.length === 0 ? 'none is known here' : `known here: ${known.join(', ')}`;
      throw new Problem(400, 'Bad request', `the query parameter ${JSON.stringify(name)} is unknown; ${hint}`);
    }
    if (seen.has(name))
      throw new Problem(400, 'Bad request', `the query parameter ${JSON.stringify(name)} is given twice`);
    seen.add(name);
  }
}

/** Content in a GET has no meaning (RFC 9110 section 9.3.1), and is a way to smuggle a request past those who ignore it. */
function refuseBody({ request }: Exchange): void {
  if (!hasBody(request)) return;
  throw new Problem(400, 'Bad request', `${request.method} takes no body`, { closes: true });
}

function ttlOf(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const ttl = parseDuration(text);
  if (ttl === undefined || ttl < 1)
    throw new Problem(400, 'Bad request', 'ttl is a duration with a unit, such as 60s, 5m or 250ms');
  return ttl;
}

/** RFC 9110 section 13.2.2: If-Match is looked at first. */
function writeCondition(ifMatch: string | undefined, ifNoneMatch: string | undefined): OnlyIf | undefined {
  if (ifMatch !== undefined) {
    if (ifNoneMatch !== undefined) throw new Problem(400, 'Bad request', 'give If-Match or If-None-Match, not both');
    const tags = requireTags(ifMatch, 'If-Match');
    return tags === '*' ? 'present' : { tags: strongTags(tags) };
  }
  if (ifNoneMatch === undefined) return undefined;
  if (ifNoneMatch.trim() !== '*') throw new Problem(400, 'Bad request', 'a write takes If-None-Match: * only');
  return 'absent';
}

function holds(ifMatch: string, entry: KeyEntry | undefined): boolean {
  const tags = requireTags(ifMatch, 'If-Match');
  if (entry === undefined) return false;
  return tags === '*' || strongTags(tags).includes(entry.tag);
}

function requireTags(field: string, name: string): NonNullable<ReturnType<typeof parseEntityTags>> {
  const tags = parseEntityTags(field);
  if (tags === undefined) throw new Problem(400, 'Bad request', `${name} is not * or a list of quoted entity tags`);
  return tags;
}

function notFound(headers: readonly string[] = none, detail = 'the key does not exist; PUT it first'): Problem {
  return new Problem(404, 'No such key', detail, { headers });
}

function preconditionFailed(): Problem {
  return new Problem(412, 'Precondition failed', 'the key is not in the state the condition asks for');
}
