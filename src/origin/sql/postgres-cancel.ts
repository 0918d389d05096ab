import { connect } from 'node:net';
import type { ServerTarget } from './database-url.ts';

/** What a server has told of a connection when it was made; null until then. */
export interface PostgresProcess {
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** CancelRequest of the protocol (PostgreSQL 55.7): its length and its code. */
const CANCEL_LENGTH = 16;
const CANCEL_CODE = 80_877_102;

/**
 * Ends on the server what runs on a connection: closing the connection alone would leave it running until it has something to send. Takes
 * a connection of its own, and never rejects.
 * @param timeout ms
 */
export function cancelPostgres(
  { host, port }: ServerTarget,
  { processID, secretKey }: PostgresProcess,
  timeout: number,
): Promise<void> {
  return new Promise((done) => {
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect({ host, port });
    const request = Buffer.alloc(CANCEL_LENGTH);
    request.writeInt32BE(CANCEL_LENGTH, 0);
    request.writeInt32BE(CANCEL_CODE, 4);
    request.writeInt32BE(processID ?? 0, 8);
    request.writeInt32BE(secretKey ?? 0, 12);
    socket.setTimeout(timeout, () => socket.destroy());
    socket.on('connect', () => socket.write(request));
    socket.on('error', () => {});
    // The server closes it once it has passed the signal on.
    socket.on('close', () => done());
    socket.resume();
  });
}
