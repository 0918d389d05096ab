import type { ByteString } from '../../kernel/bytes.ts';

const VERB = /^(?:get|head|post|put|delete|options|patch|connect|trace)$/i;
const SMUGGLED = /^(?:post|host:)$/i;

/**
 * Whether the first command of a connection is the start of an HTTP request: a web page that was made to send one to this port must
 * not run commands through the headers or the body of its request. GET is a command of ours too; a request has `HTTP/…` as its third
 * word.
 */
export function isHttpRequest(argv: readonly ByteString[]): boolean {
  const word = argv[0] as ByteString;
  if (isSmuggled(word)) return true;
  if (!VERB.test(word)) return false;
  return word.toLowerCase() !== 'get' || (argv[2]?.startsWith('HTTP/') ?? false);
}

/** Whether an unknown command can only come from an HTTP request hidden in something else; Redis looks for the same two. */
export function isSmuggled(word: ByteString): boolean {
  return SMUGGLED.test(word);
}
