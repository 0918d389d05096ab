import { parseHttpDate } from './http-date.ts';

/** Directives by their names in lower case; '' where there is no argument. One given twice with different arguments has undefined. */
export type CacheDirectives = ReadonlyMap<string, string | undefined>;

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const directive = new RegExp(`[\\t ]*(?:(${TOKEN})(?:=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[\\t ]*)?(,|$)`, 'y');

/** The directives of Cache-Control (RFC 9111 section 5.2), undefined when the field is malformed. Several lines are joined by commas. */
export function parseCacheControl(field: string): CacheDirectives | undefined {
  const directives = new Map<string, string | undefined>();
  directive.lastIndex = 0;
  for (;;) {
    const match = directive.exec(field);
    if (match === null) return undefined;
    const name = match[1]?.toLowerCase();
    if (name !== undefined) {
      const argument = match[2] ?? match[3]?.replace(/\\(.)/g, '$1') ?? '';
      const isOther = directives.has(name) && directives.get(name) !== argument;
      directives.set(name, isOther ? undefined : argument);
    }
    if (match[4] === '') return directives;
  }
}

/** What an answer says of its freshness: the fields, '' where there is none; several lines joined by commas. */
export interface FreshnessFields {
  readonly cacheControl: string;
  readonly expires: string;
  readonly date: string;
  readonly age: string;
}

/** Two to the 31st seconds stand for ever (RFC 9111 section 1.2.2). */
const FOREVER_S = 2 ** 31;

/**
 * How long an answer stays fresh in a shared cache from now on, ms (RFC 9111 section 4.2); 0 when it must not be kept or given out
 * without asking again, or when what it says is malformed; undefined when it says nothing.
 *
 * @param now wall clock when it arrived, ms
 * @param took how long it was under way at most, ms: it may be as old as that
 */
export function freshnessOf(fields: FreshnessFields, now: number, took: number): number | undefined {
  const lifetime = lifetimeOf(fields, now);
  if (lifetime === undefined || lifetime === 0) return lifetime;
  const age = fields.age === '' ? 0 : parseSeconds(firstOf(fields.age));
  if (age === undefined) return 0;
  return Math.max(0, lifetime - age * 1000 - took);
}

function lifetimeOf({ cacheControl, expires, date }: FreshnessFields, now: number): number | undefined {
  const directives = parseCacheControl(cacheControl);
  if (directives === undefined) return 0;
  if (directives.has('no-store') || directives.has('private') || directives.has('no-cache')) return 0;
  for (const name of ['s-maxage', 'max-age']) {
    if (directives.has(name)) return (parseSeconds(directives.get(name)) ?? 0) * 1000;
  }
  if (expires === '') return undefined;
  const until = parseHttpDate(expires, now);
  if (until === undefined) return 0;
  const from = date === '' ? now : (parseHttpDate(date, now) ?? now);
  return Math.max(0, until - from);
}

/** Delta-seconds; undefined for anything else. */
function parseSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), FOREVER_S) : undefined;
}

/** RFC 9111 section 5.1: of several ages the first counts. */
function firstOf(age: string): string {
  return (age.split(',', 1)[0] as string).trim();
}
