/** A short run of the fuzzer; the long one is `node test/fuzz/resp-fuzz.mjs --seconds 600`. */
import { expect, it } from 'vitest';
import { CommandDecoder } from '../../src/resp/decoder.ts';
import { ProtocolError } from '../../src/resp/protocol-error.ts';
import { ReplyDecoder } from '../../src/resp/reply-decoder.ts';
import { type Codec, fuzzRound } from '../fuzz/resp-rounds.mjs';

const codec: Codec = { CommandDecoder, ReplyDecoder, ProtocolError };
const rounds = 1500;

it.each([1, 2, 3])('mutated input never does more than be refused, however it is cut (seed %d)', (seed) => {
  let refused = 0;
  let values = 0;
  for (let round = 0; round < rounds; round++) {
    const outcome = fuzzRound(codec, seed, round);
    if (outcome.refused) refused++;
    values += outcome.values;
  }
  // The mutations leave some input whole and break some.
  expect(refused).toBeGreaterThan(rounds / 10);
  expect(refused).toBeLessThan(rounds);
  expect(values).toBeGreaterThan(rounds / 2);
});

it('sees a decoder that depends on how its input is cut', () => {
  class Forgetful extends CommandDecoder {
    override push(chunk: Buffer): void {
      super.push(chunk.length === 1 ? Buffer.from(chunk.latin1Slice().toLowerCase(), 'latin1') : chunk);
    }
  }
  expect(() => {
    for (let round = 0; round < rounds; round++) fuzzRound({ ...codec, CommandDecoder: Forgetful }, 1, round);
  }).toThrow(/in one piece/);
});

it('sees a decoder that throws something else', () => {
  class Fragile extends ReplyDecoder {
    override push(chunk: Buffer): void {
      if (chunk.includes('%')) throw new RangeError('broken');
      super.push(chunk);
    }
  }
  expect(() => {
    for (let round = 0; round < rounds; round++) fuzzRound({ ...codec, ReplyDecoder: Fragile }, 1, round);
  }).toThrow('broken');
});
