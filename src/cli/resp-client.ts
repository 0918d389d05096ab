import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type ErrorCode, SluiceError } from '../errors.ts';
import { type ByteString, utf8ToBytes } from '../kernel/bytes.ts';
import { ReplyDecoder, ReplyError, type ReplyValue } from '../resp/reply-decoder.ts';
import type { NodeTarget } from './node-target.ts';

/** How long a node may take to accept the connection, in ms. */
const connectTimeoutMs = 5000;

/** One connection to a running node, for the command line: one command at a time, RESP2, arguments as byte strings. */
export class RespClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #where: string;
  readonly #decoder = new ReplyDecoder();
  #waiting: { readonly resolve: (reply: ReplyValue) => void; readonly reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket, where: string) {
    this.#socket = socket;
    this.#where = where;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('error', (error) => this.#fail(error.message, error));
    socket.on('close', () => this.#fail('the connection was closed'));
  }

  /** Connects and, with a password, authenticates. @throws STORE_UNAVAILABLE, UNAUTHENTICATED */
  static async open(target: NodeTarget): Promise<RespClient> {
    const client = new RespClient(await connect(target), `${target.host}:${target.port}`);
    const { user, password } = target;
    if (password === undefined) return client;
    try {
      const words = user === undefined ? [password] : [user, password];
      await client.call('AUTH', ...words.map(utf8ToBytes));
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Sends one command and waits for its reply. @throws STORE_UNAVAILABLE when there is none, otherwise what the error reply means */
  async call(...argv: readonly ByteString[]): Promise<ReplyValue> {
    const reply = await new Promise<ReplyValue>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      const words = argv.map((word) => `$${word.length}\r\n${word}\r\n`);
      this.#socket.write(`*${argv.length}\r\n${words.join('')}`, 'latin1');
    });
    return reply;
  }

  #received(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk);
      for (let reply = this.#decoder.next(); reply !== undefined; reply = this.#decoder.next()) this.#settle(reply);
    } catch (error) {
      this.#socket.destroy();
      this.#fail(`what answers there does not speak the protocol of Redis (${(error as Error).message})`, error);
    }
  }

  #settle(reply: ReplyValue): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (reply instanceof ReplyError) waiting?.reject(meaningOf(reply.message));
    else waiting?.resolve(reply);
  }

  #fail(reason: string, cause?: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(new SluiceError('STORE_UNAVAILABLE', `${this.#where}: ${reason}`, { cause }));
  }

  /** Ends the connection. */
  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const codes: Readonly<Record<string, ErrorCode>> = {
  NOAUTH: 'UNAUTHENTICATED',
  WRONGPASS: 'UNAUTHENTICATED',
  NOPERM: 'FORBIDDEN',
  WRONGTYPE: 'WRONG_TYPE',
  OOM: 'OUT_OF_MEMORY',
  LOADING: 'STORE_LOADING',
  MISCONF: 'STORE_READ_ONLY',
};

/** An error reply as an error of ours; its first word is the class. */
function meaningOf(message: string): SluiceError {
  const [first = ''] = message.split(' ');
  return new SluiceError(codes[first] ?? 'INVALID_ARGUMENT', `the node answered: ${message}`);
}

function connect(target: NodeTarget): Promise<Socket> {
  const { host, port, tls } = target;
  return new Promise((resolve, reject) => {
    const event = tls === undefined ? 'connect' : 'secureConnect';
    const socket =
      tls === undefined ? connectTcp({ host, port }) : connectTls({ host, port, ...(tls.ca && { ca: tls.ca }) });
    const fail = (message: string, cause?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      const text = `${host}:${port}: ${message}; is Sluice running there?`;
      reject(new SluiceError('STORE_UNAVAILABLE', text, { cause }));
    };
    const onError = (error: Error): void => fail(error.message, error);
    const timer = setTimeout(() => fail(`no connection within ${connectTimeoutMs / 1000} s`), connectTimeoutMs);
    socket.once('error', onError);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}
