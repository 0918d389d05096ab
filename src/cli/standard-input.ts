import { usageError } from './exit-status.ts';

/** All bytes of standard input. @throws USAGE when there are more than `maxBytes`. */
export async function readStandardInput(maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > maxBytes) throw usageError(`standard input holds more than ${maxBytes} bytes`);
  }
  return Buffer.concat(chunks);
}
