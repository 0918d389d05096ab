import type { DecoderLimits } from '../../resp/decoder.ts';

/** Limits of one client connection; bytes and milliseconds. */
export interface RespLimits {
  /** @default 64 MiB */
  readonly bulkBytes: number;
  /** @default 1,048,576 */
  readonly arguments: number;
  /** Input of one command. @default 256 MiB */
  readonly queryBytes: number;
  /** Output a client may leave unread before it is closed. @default 256 MiB */
  readonly outputBytes: number;
  /** The same for a client that subscribed to something. @default 32 MiB */
  readonly pubsubOutputBytes: number;
  /** A client silent for so long is closed; 0 = never. */
  readonly idleTimeout: number;
}

/** Why the face closed a connection that did not ask for it; grows only. */
export interface ClosedCounts {
  /** More output than the limit was left unread. */
  output: number;
  /** The client broke the protocol or a limit of it. */
  protocol: number;
  /** It spoke HTTP. */
  http: number;
  /** It was silent for too long. */
  idle: number;
}

const INLINE_BYTES = 64 * 1024;
/** Unauthenticated clients get Redis's small limits, so that strangers cannot make us hold much. */
const STRANGER_BULK_BYTES = 16 * 1024;
const STRANGER_ARGUMENTS = 10;

/** What the decoder takes of a client. @param stranger it has not authenticated yet. */
export function decoderLimits(limits: RespLimits, stranger: boolean): DecoderLimits {
  return {
    maxBulkBytes: stranger ? Math.min(STRANGER_BULK_BYTES, limits.bulkBytes) : limits.bulkBytes,
    maxArguments: stranger ? STRANGER_ARGUMENTS : limits.arguments,
    maxInlineBytes: INLINE_BYTES,
    maxQueryBytes: limits.queryBytes,
  };
}
