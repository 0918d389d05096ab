import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from './eventually.ts';

/** What came back on one connection. */
export interface RawAnswer {
  /** Status codes of all responses, in order. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** The server ended the connection. */
  readonly closed: boolean;
}

/** A connection that is written to and read step by step. */
export interface RawHttp extends Disposable {
  readonly socket: Socket;
  /** Everything that has come so far, as latin1. */
  readonly text: () => string;
  /** Resolves with all that has come once it matches. */
  readonly until: (pattern: RegExp, timeoutMs?: number) => Promise<string>;
  /** Resolves when the server has closed. */
  readonly closed: Promise<void>;
}

export async function connectHttp(address: string): Promise<RawHttp> {
  const colon = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.latin1Slice();
  });
  socket.on('error', () => socket.destroy());
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const until = (pattern: RegExp, timeoutMs = 5000): Promise<string> =>
    eventually(
      () => {
        if (!pattern.test(text)) throw new Error(`${pattern} has not come: ${JSON.stringify(text.slice(-2000))}`);
        return text;
      },
      { timeoutMs },
    );
  return { socket, text: () => text, until, closed, [Symbol.dispose]: () => socket.destroy() };
}

/**
 * Sends bytes as they are and collects what comes back until the server closes or nothing more comes for `quietMs`.
 * @param input latin1 text
 */
export function sendRaw(address: string, input: string | readonly string[], quietMs = 300): Promise<RawAnswer> {
  const colon = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
  return new Promise((resolve, reject) => {
    let text = '';
    let timer: NodeJS.Timeout | undefined;
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closed, statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1])) });
    };
    const wait = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => finish(false), quietMs);
    };
    const send = async (): Promise<void> => {
      for (const part of typeof input === 'string' ? [input] : input) {
        socket.write(part, 'latin1');
        await new Promise((done) => setTimeout(done, 20));
      }
      wait();
    };
    socket.on('connect', () => {
      send().catch(reject);
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      wait();
    });
    socket.on('close', () => finish(true));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') finish(true);
      else reject(error);
    });
  });
}
