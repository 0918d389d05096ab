import { parseHttpDate } from '../../http/http-date.ts';

/**
 * Retry-After (RFC 9110 section 10.2.3), ms from now; undefined when there is none or it is malformed.
 * @param now wall clock, ms
 */
export function retryAfterOf(field: string, now: number): number | undefined {
  if (/^\d+$/.test(field)) return Math.min(Number(field), 2 ** 31) * 1000;
  const at = parseHttpDate(field, now);
  return at === undefined ? undefined : Math.max(0, at - now);
}
