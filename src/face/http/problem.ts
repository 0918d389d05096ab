import { type ServerResponse, STATUS_CODES } from 'node:http';
import { isSluiceError, type SluiceError } from '../../errors.ts';

/** An answer that says what went wrong: RFC 9457. Thrown by whoever finds out, written in one place. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  /** Flat list of names and values. */
  readonly headers: readonly string[];
  /** The connection cannot be used for another request. */
  readonly closes: boolean;
  /** Further members of the document. */
  readonly members: Readonly<Record<string, unknown>>;
  /** The limit that was met: the setting without `limits.` in front; undefined for anything else. */
  readonly limit: string | undefined;

  constructor(
    status: number,
    title: string,
    detail: string,
    options: {
      headers?: readonly string[];
      closes?: boolean;
      members?: Readonly<Record<string, unknown>>;
      limit?: string;
    } = {},
  ) {
    super(detail);
    this.status = status;
    this.title = title;
    this.headers = options.headers ?? [];
    this.closes = options.closes ?? false;
    this.members = options.members ?? {};
    this.limit = options.limit;
  }
}

/** Status and title of the store's errors; anything else is a fault of ours. */
const ofStore: Readonly<Record<string, readonly [number, string]>> = {
  WRONG_TYPE: [409, 'The key holds another type'],
  NOT_AN_INTEGER: [409, 'The value is not an integer'],
  OVERFLOW: [409, 'The value would overflow'],
  OUT_OF_MEMORY: [507, 'Insufficient storage'],
  STORE_READ_ONLY: [503, 'Writes are refused'],
  STORE_LOADING: [503, 'The data is being loaded'],
  STORE_UNAVAILABLE: [503, 'The store is away'],
  STORE_TIMEOUT: [504, 'The store did not answer in time'],
  OVERLOADED: [503, 'Too much waits for the store'],
  FORBIDDEN: [403, 'Not allowed'],
  KEY_TOO_LONG: [414, 'The key is too long'],
  VALUE_TOO_LARGE: [413, 'The value is too large'],
  INVALID_ARGUMENT: [400, 'Bad request'],
  NOT_SUPPORTED: [501, 'Not supported here'],
  ORIGIN_FAILED: [502, 'The origin failed'],
  ORIGIN_TIMEOUT: [504, 'The origin did not answer in time'],
  ORIGIN_OVERLOADED: [503, 'Too much waits for the origin'],
  MANAGED_KEY: [405, 'The key is managed by its keyspace'],
  KEY_CONFLICT: [409, 'The key holds another resource'],
  RATE_LIMITED: [429, 'Too many requests'],
  CLOSED: [503, 'The node is shutting down'],
};

/** The problem an error is; undefined for a bug, which is answered with 500 and logged. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (!isSluiceError(error)) return undefined;
  const [status, title] = ofStore[error.code] ?? [500, 'Internal error'];
  const headers = status === 503 || status === 429 ? ['Retry-After', retryAfter(error)] : [];
  if (status === 405) headers.push('Allow', 'GET, HEAD, DELETE');
  const type = error.code === 'WRONG_TYPE' ? { type: (error.details as { actual?: unknown } | undefined)?.actual } : {};
  return new Problem(status, title, error.message, {
    headers,
    members: { code: error.code, ...(type.type === undefined ? {} : { keyType: type.type }) },
  });
}

/** Whole seconds until another try makes sense. */
function retryAfter({ details }: SluiceError): string {
  const ms = details?.['retryAfter'];
  return typeof ms === 'number' ? String(Math.max(1, Math.ceil(ms / 1000))) : '1';
}

/** Writes the problem as `application/problem+json`; `requestId` finds the log line. */
export function writeProblem(response: ServerResponse, problem: Problem, requestId: string): void {
  const body = documentOf(problem, requestId);
  response.writeHead(problem.status, headersOf(problem, body));
  response.end(body);
}

/** The same as text for a connection whose input never became a request; it closes. */
export function rawProblem(problem: Problem): string {
  const body = documentOf(problem);
  let text = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n`;
  const headers = [...headersOf(problem, body), 'Connection', 'close'];
  for (const [i, part] of headers.entries()) text += i % 2 === 0 ? `${part}: ` : `${part}\r\n`;
  return `${text}\r\n${body}`;
}

function documentOf(problem: Problem, requestId?: string): string {
  return JSON.stringify({
    title: problem.title,
    status: problem.status,
    detail: problem.message,
    ...problem.members,
    requestId,
  });
}

function headersOf(problem: Problem, body: string): string[] {
  const headers = ['Content-Type', 'application/problem+json', 'Content-Length', String(Buffer.byteLength(body))];
  headers.push('X-Content-Type-Options', 'nosniff', 'Cache-Control', 'no-store', ...problem.headers);
  return headers;
}
