import type { CommandDecoder } from '../../src/resp/decoder.ts';
import type { ProtocolError } from '../../src/resp/protocol-error.ts';
import type { ReplyDecoder } from '../../src/resp/reply-decoder.ts';

/** What is fuzzed: from the sources, or from the build. */
export interface Codec {
  readonly CommandDecoder: typeof CommandDecoder;
  readonly ReplyDecoder: typeof ReplyDecoder;
  readonly ProtocolError: typeof ProtocolError;
}

/** Runs one round; throws when the codec does what it must not. */
export function fuzzRound(
  codec: Codec,
  seed: number,
  round: number,
): { readonly bytes: number; readonly values: number; readonly refused: boolean };
