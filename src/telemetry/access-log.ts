import { type Redaction, redactTarget, routeLength } from './redact-target.ts';

/** One answered request. Neither its header fields for credentials nor its body are a part of it. */
export interface AccessEntry {
  readonly face: string;
  /** When it was answered, ms since the epoch. */
  readonly at: number;
  readonly address: string | undefined;
  /** The user. */
  readonly user: string | undefined;
  /** The subject of the client's certificate. */
  readonly certificate: string | undefined;
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly status: number;
  /** Bytes of the answer without its head. */
  readonly bytes: number;
  readonly ms: number;
  readonly requestId: string;
  /** The field Cache-Status of the answer. */
  readonly cacheStatus: string | undefined;
  readonly userAgent: string | undefined;
}

export interface AccessLogOptions extends Redaction {
  readonly format: 'json' | 'combined';
  /** One of so many requests gets a line; failures of the server always do. */
  readonly sample: number;
}

const MAX_AGENT = 256;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A line for each request, or for one of so many. */
export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #write: (line: string) => void;
  #unsampled = 0;

  /** @param write takes a line without its end */
  constructor(options: AccessLogOptions, write: (line: string) => void) {
    this.#options = options;
    this.#write = write;
  }

  record(entry: AccessEntry): void {
    this.#unsampled++;
    if (this.#unsampled < this.#options.sample && entry.status < 500) return;
    if (this.#unsampled >= this.#options.sample) this.#unsampled = 0;
    const target = redactTarget(entry.target, routeLength(entry.face, entry.target), this.#options);
    this.#write(this.#options.format === 'json' ? asJson(entry, target) : asCombined(entry, target));
  }
}

function asJson(entry: AccessEntry, path: string): string {
  return JSON.stringify({
    time: new Date(entry.at).toISOString(),
    part: 'access',
    face: entry.face,
    address: entry.address,
    user: entry.user,
    certificate: entry.certificate,
    method: entry.method,
    path,
    status: entry.status,
    bytes: entry.bytes,
    ms: Math.round(entry.ms * 1000) / 1000,
    requestId: entry.requestId,
    cache: cacheWord(entry.cacheStatus),
    agent: entry.userAgent?.slice(0, MAX_AGENT),
  });
}

/** As Apache's `combined`, the referrer left out: it may hold what a query holds. */
function asCombined(entry: AccessEntry, path: string): string {
  const request = `${entry.method} ${path} HTTP/1.1`;
  const agent = entry.userAgent?.slice(0, MAX_AGENT) ?? '-';
  return (
    `${entry.address ?? '-'} - ${escaped(entry.user ?? '-').replaceAll(' ', '\\x20')} [${combinedTime(entry.at)}] ` +
    `"${escaped(request)}" ${entry.status} ${entry.bytes} "-" "${escaped(agent)}"`
  );
}

/** `10/Oct/2000:13:55:36 +0000`. */
function combinedTime(at: number): string {
  const [year, month, day, time] = new Date(at).toISOString().split(/[-T.]/) as [string, string, string, string];
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`;
}

/** Nothing a client sends may end a field or a line. */
function escaped(text: string): string {
  return text.replace(/["\\]|[^\x20-\x7e]/g, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${(char.charCodeAt(0) & 0xff).toString(16).padStart(2, '0')}`,
  );
}

/** `hit`, or why it was passed on (RFC 9211): `fwd=stale`. */
function cacheWord(field: string | undefined): string | undefined {
  return field === undefined ? undefined : /;\s*(hit|fwd=[a-z-]+)/.exec(field)?.[1];
}
