import { transportDetails } from '../../client/http/transport-error.ts';
import { isSluiceError } from '../../errors.ts';
import { SinkFailure, type SinkFailureKind } from '../sink.ts';

/** Not written: the request was turned away before anybody looked at it (RFC 9110 section 15.5, RFC 6585 section 4, RFC 8470 section 5.2). */
const TURNED_AWAY: readonly number[] = [425, 429, 503];
/** Some row cannot be written as it is, or there are too many. */
const OF_ROWS: readonly number[] = [400, 413, 422];
/** It has them already, or newer ones. */
const HAS_THEM: readonly number[] = [409, 412];

/**
 * What an answer asks for; undefined: the rows are written.
 * @param asksForPause it has a Retry-After: with status 409 the first request with these rows is still being dealt with
 */
export function failureOfStatus(status: number, asksForPause: boolean): SinkFailureKind | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (HAS_THEM.includes(status)) return asksForPause ? 'transient' : undefined;
  if (OF_ROWS.includes(status)) return 'data';
  return status >= 500 || status === 408 || TURNED_AWAY.includes(status) ? 'transient' : 'schema';
}

/** Whether rows may have been written in spite of such a status. */
export function isAmbiguous(status: number): boolean {
  return !TURNED_AWAY.includes(status);
}

/** What a request without an answer asks for. @param api scheme, host and port */
export function failureOfRequest(api: string, error: unknown): SinkFailure {
  if (error instanceof SinkFailure) return error;
  if (isSluiceError(error, 'FORBIDDEN')) {
    const problem = `${api} leads to an address that is neither a public one nor among addresses`;
    return new SinkFailure('schema', problem);
  }
  // How long is another number each time, and the same trouble.
  if (isSluiceError(error, 'ORIGIN_OVERLOADED'))
    return new SinkFailure('transient', `${api} takes no more requests for now`);
  const message = error instanceof Error ? error.message : 'unknown error';
  const phase = transportDetails(error)?.phase;
  const wasNotSent = phase === 'connect' || (phase === undefined && isSluiceError(error, 'ORIGIN_FAILED'));
  return new SinkFailure('transient', message, { ambiguous: !wasNotSent });
}
