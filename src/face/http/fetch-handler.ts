import { isUtf8 } from 'node:buffer';
import { percentDecode } from '../../http/percent.ts';
import { type ByteString, bytesToUtf8, toBuffer } from '../../kernel/bytes.ts';
import { requireRight } from './access.ts';
import { type Exchange, hasBody } from './exchange.ts';
import { answerEntry, type KeyEntry, type ReadOrigin } from './key-handler.ts';
import { Problem } from './problem.ts';

/** What a fetch by URL came to. */
export type FetchAnswer = KeyEntry | { readonly text: undefined; readonly origin?: ReadOrigin };

/** Values of URLs that callers name, kept under keys they choose. */
export interface FetchSource {
  /**
   * At once where it can.
   * @param params a JSON object, '' for none
   * @throws SluiceError INVALID_ARGUMENT, FORBIDDEN, KEY_CONFLICT, ORIGIN_FAILED, ORIGIN_TIMEOUT, ORIGIN_OVERLOADED, VALUE_TOO_LARGE
   */
  fetch(wanted: {
    readonly url: string;
    readonly key: ByteString;
    readonly params: string;
  }): FetchAnswer | Promise<FetchAnswer>;
  /** Drops what is kept under a key. @returns false when there was no value */
  purge(key: ByteString): Promise<boolean>;
}

const PATH = '/_sluice/fetch';
const METHODS = 'GET, HEAD, DELETE';
const NAMES: readonly string[] = ['url', 'key', 'params'];

/** Whether a request is for {@link handleFetch}: at its own path, and as older callers send it, at the root with `url=` in the query. */
export function isFetch({ path, request }: Exchange): boolean {
  if (path === PATH || path.startsWith(`${PATH}?`)) return true;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  return isRead && /^\/\?(?:.*&)?url=/s.test(path);
}

/** `GET|HEAD /_sluice/fetch?url=…&key=…&params={…}`, `DELETE /_sluice/fetch?key=…`. @throws Problem, SluiceError */
export function handleFetch(source: FetchSource, exchange: Exchange): Promise<void> | undefined {
  const { request, path } = exchange;
  const isDelete = request.method === 'DELETE';
  if (request.method !== 'GET' && request.method !== 'HEAD' && !isDelete) {
    throw new Problem(405, 'Method not allowed', `a fetch answers to ${METHODS}`, { headers: ['Allow', METHODS] });
  }
  if (hasBody(request)) throw new Problem(400, 'Bad request', `${request.method} takes no body`, { closes: true });
  const query = path.indexOf('?');
  const given = parametersOf(query < 0 ? '' : path.slice(query + 1), isDelete ? ['key'] : NAMES);
  const key = given.get('key') ?? '';
  if (isDelete) {
    if (key === '') throw bad('give the key to be dropped as ?key=');
    requireRight(exchange, 'delete', key);
    return purge(source, exchange, key);
  }
  const url = textOf(given, 'url');
  if (url === '') throw bad('give the URL to be fetched as ?url=');
  if (key === '') throw bad('give the key to keep it under as &key=');
  requireRight(exchange, 'read', key);
  const answer = source.fetch({ url, key, params: textOf(given, 'params') });
  if (answer instanceof Promise) return answer.then((found) => write(exchange, found));
  write(exchange, answer);
  return undefined;
}

function write(exchange: Exchange, answer: FetchAnswer): void {
  const { origin } = answer;
  if (answer.text === undefined) {
    const headers = origin === undefined ? [] : ['Cache-Status', origin.cacheStatus];
    if (origin?.age !== undefined) headers.push('Age', String(origin.age));
    throw new Problem(404, 'Not there', 'the origin has nothing at this URL', { headers });
  }
  // It is somebody else's page, and must not run as one of this host.
  exchange.response.setHeader('Content-Security-Policy', 'sandbox');
  answerEntry(exchange, answer);
}

async function purge(source: FetchSource, { response }: Exchange, key: ByteString): Promise<void> {
  if (!(await source.purge(key))) throw new Problem(404, 'No such key', 'nothing fetched is kept under the key');
  response.writeHead(204);
  response.end();
}

/** The query as a form (application/x-www-form-urlencoded), by bytes. */
function parametersOf(query: string, known: readonly string[]): ReadonlyMap<string, ByteString> {
  const given = new Map<string, ByteString>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = equals < 0 ? pair : pair.slice(0, equals);
    const value = percentDecode(equals < 0 ? '' : pair.slice(equals + 1).replaceAll('+', ' '));
    if (!known.includes(name)) {
      throw bad(
        `the query parameter ${JSON.stringify(name)} is unknown; encode & in the URL as %26. Known here: ${known.join(', ')}`,
      );
    }
    if (given.has(name)) throw bad(`the query parameter ${name} is given twice; encode & in the URL as %26`);
    if (value === undefined) throw bad('a % in the query is not followed by two hexadecimal digits');
    given.set(name, value);
  }
  return given;
}

function textOf(given: ReadonlyMap<string, ByteString>, name: string): string {
  const bytes = given.get(name) ?? '';
  if (!isUtf8(toBuffer(bytes))) throw bad(`the query parameter ${name} is not UTF-8`);
  return bytesToUtf8(bytes);
}

function bad(detail: string): Problem {
  return new Problem(400, 'Bad request', detail);
}
