import type { IncomingMessage } from 'node:http';
import { Problem } from './problem.ts';

/** The whole body. @throws Problem 413 beyond `limit` bytes, without reading on */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length);
}

function tooLarge(limit: number): Problem {
  return new Problem(413, 'Body too large', `the body may have ${limit} bytes`, { closes: true });
}
