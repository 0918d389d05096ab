/** Why a request went on to the store (RFC 9211 section 2.2). */
export type ForwardReason =
  /** What it asks for is not cached here at all. */
  | 'bypass'
  /** The cache did not have it. */
  | 'miss'
  /** The request itself did not let what the cache has be used. */
  | 'request'
  /** What the cache has could not be shown to be current. */
  | 'stale';

export interface Forward {
  /** What came back is kept. */
  readonly stored?: boolean;
  /** The request shared the way of one that was under way. */
  readonly collapsed?: boolean;
  /** What is left of the freshness of the answer, ms; negative when it is over, left out where that is not known. */
  readonly ttl?: number | undefined;
  /** A token that says more, such as the code of an error. */
  readonly detail?: string;
}

/** The name of this cache in the field. */
const NAME = 'sluice';
/** Whole numbers of structured fields have 15 digits at most (RFC 9651 section 3.3.1). */
const GREATEST = 999_999_999_999_999;

/**
 * `Cache-Status` of an answer that was cached and current (RFC 9211).
 * @param ttl what is left of its freshness, ms; `Infinity` where nothing ends it
 */
export function hitStatus(ttl: number): string {
  return ttl === Number.POSITIVE_INFINITY ? `${NAME}; hit` : `${NAME}; hit; ttl=${seconds(ttl)}`;
}

/** `Cache-Status` of an answer for which the store was asked, with success or not. */
export function forwardStatus(reason: ForwardReason, { stored, collapsed, ttl, detail }: Forward = {}): string {
  let text = `${NAME}; fwd=${reason}`;
  if (stored === true) text += '; stored';
  if (collapsed === true) text += '; collapsed';
  if (ttl !== undefined && Number.isFinite(ttl)) text += `; ttl=${seconds(ttl)}`;
  if (detail !== undefined) text += `; detail=${detail}`;
  return text;
}

/** Rounded down, so that nobody takes for fresh what is not. */
function seconds(ms: number): number {
  return Math.max(-GREATEST, Math.min(GREATEST, Math.floor(ms / 1000)));
}
