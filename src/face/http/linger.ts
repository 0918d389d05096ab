import type { Socket } from 'node:net';

/** How long, and for how many bytes, a refused client may go on talking. */
const LINGER_MS = 1000;
const LINGER_BYTES = 16 * 1024 * 1024;

/**
 * Ends a connection so that the client can still read the last answer: a socket closed with bytes unread is reset, and a reset
 * discards what was sent (RFC 9112 section 9.6). Says that nothing more comes, throws away what does for a while, then closes.
 * Whoever parsed the connection gets none of it.
 */
export function linger(socket: Socket): void {
  if (socket.destroyed) return;
  let left = LINGER_BYTES;
  // Adding a listener takes the bytes back from node's HTTP parser, which otherwise reads them past the socket.
  socket.removeAllListeners('data');
  socket.on('data', (chunk) => {
    left -= chunk.length;
    if (left < 0) socket.destroy();
  });
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end();
  socket.resume();
}
