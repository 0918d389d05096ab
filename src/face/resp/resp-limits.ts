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
  /** A client that has not authenticated for so long, where it has to, is closed; 0 = never. @default 0 */
  readonly loginTimeout?: number;
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
  /** It did not authenticate in time. */
  login: number;
  /** All clients together had more waiting than the limit, and it had most of it. */
  overloaded: number;
}

/** The limit behind a protocol error, by its text: the setting without `limits.` in front. */
export const limitOfProtocolError: Readonly<Record<string, string>> = {
  'Protocol error: invalid bulk length': 'resp.bulkBytes',
  'Protocol error: invalid multibulk length': 'resp.arguments',
  'Protocol error: too big query buffer': 'resp.queryBytes',
  'Protocol error: too big inline request': 'resp.inline',
  'Protocol error: unauthenticated bulk length': 'resp.unauthenticated',
  'Protocol error: unauthenticated multibulk length': 'resp.unauthenticated',
};

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
