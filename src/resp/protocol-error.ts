/** The peer broke the protocol; the connection cannot go on. The message is Redis's text after `ERR `. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';

  constructor(what: string) {
    super(`Protocol error: ${what}`);
  }
}
