import type { ByteString } from '../kernel/bytes.ts';
import type { Cancellation } from '../kernel/cancellation.ts';

/** What an origin said of a value, by which it can be asked whether it has changed (RFC 9110 section 8.8); '' where it said nothing. */
export interface Validators {
  /** As it was sent, quotes included. */
  readonly etag: string;
  readonly lastModified: string;
}

/** One value that is wanted. */
export interface OriginRequest {
  readonly key: ByteString;
  /** What the pattern of the keyspace captured: `{name}` by its name, the stars by their numbers from '1'. */
  readonly captures: ReadonlyMap<string, ByteString>;
  /** Of the value that is kept: `unchanged` may be the answer then. */
  readonly validators: Validators | undefined;
  /** Aborts when the time for the whole of it is over, or nobody wants it any more. */
  readonly signal: Cancellation;
}

/** What there is at the origin. */
export type OriginAnswer =
  | {
      readonly kind: 'value';
      readonly value: ByteString;
      /** Media type, '' when there is none. */
      readonly contentType: string;
      readonly validators: Validators;
      /** How long it stays true by what the origin said, ms; 0: it must not be kept. Undefined: it is not asked, or did not say. */
      readonly freshFor: number | undefined;
    }
  /** There is none, which is worth remembering. */
  | { readonly kind: 'absent'; readonly freshFor: number | undefined }
  /** What is kept is still true. */
  | { readonly kind: 'unchanged'; readonly freshFor: number | undefined };

/** Where the values of read-through keys come from. Bounds what it is asked at a time and per time by itself. */
export interface Origin {
  /** For metrics, logs and errors: without secrets. */
  readonly name: string;
  /**
   * @throws SluiceError ORIGIN_FAILED, ORIGIN_TIMEOUT (`signal` aborted for its time), ORIGIN_OVERLOADED (never asked; `details.retryAfter`
   * in ms), VALUE_TOO_LARGE (more than `maxValueBytes`)
   */
  fetch(request: OriginRequest): Promise<OriginAnswer>;
  /** Resolves when what is under way has ended. */
  close(): Promise<void>;
}
