import { isSluiceError, SluiceError } from '../../errors.ts';

/** How far a request came: there was no connection; it was sent, wholly or in part; an answer had begun. */
export type TransportPhase = 'connect' | 'request' | 'response';

/** `details` of an ORIGIN_FAILED that came without a whole answer. */
export interface TransportDetails {
  readonly phase: TransportPhase;
  /** The connection had served another request before: the other side may just have closed it for being idle. */
  readonly reused: boolean;
}

/** The words of undici for what others see too. */
const words: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
  UND_ERR_HEADERS_OVERFLOW: 'the header of its answer is too long',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'its answer is shorter or longer than it said',
  UND_ERR_DESTROYED: 'the connection was closed',
  UND_ERR_CLOSED: 'the connection was closed',
};

/** What undici, the socket or TLS say, as an error of ours; those of ours as they are. @param name scheme, host and port */
export function transportError(name: string, error: Error, phase: TransportPhase, reused: boolean): SluiceError {
  if (isSluiceError(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  const detail = (code === undefined ? undefined : words[code]) ?? (error.message || code || 'unknown reason');
  const doing = { connect: 'cannot be reached', request: 'did not answer', response: 'gave no usable answer' }[phase];
  const details: TransportDetails = { phase, reused };
  return new SluiceError('ORIGIN_FAILED', `${name} ${doing}: ${detail}`, { cause: error, details: { ...details } });
}

/** What a failed exchange says of itself; undefined for any other error. */
export function transportDetails(error: unknown): TransportDetails | undefined {
  if (!isSluiceError(error, 'ORIGIN_FAILED') || error.details?.['phase'] === undefined) return undefined;
  return error.details as unknown as TransportDetails;
}
