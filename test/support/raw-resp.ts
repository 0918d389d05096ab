import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * A RESP client that gives each reply as the exact bytes the server sent (one char code per byte). Its framing is its own, so that
 * it can disagree with the codec under test.
 */
export interface RawResp extends AsyncDisposable {
  /** Writes one command as an array of bulk strings; chars above 255 are not allowed. */
  readonly send: (...argv: readonly string[]) => void;
  /** Writes these bytes as they are. */
  readonly write: (bytes: string) => void;
  /** The next reply, pushes left out. Rejects when the connection ends first or after `timeoutMs`. */
  readonly next: (timeoutMs?: number) => Promise<string>;
  /** The next RESP3 push. */
  readonly nextPush: (timeoutMs?: number) => Promise<string>;
  /** Pushes that have come and were not taken. */
  readonly pushes: () => readonly string[];
  readonly command: (...argv: readonly string[]) => Promise<string>;
  /** Sends all in one write; the replies in order. */
  readonly pipeline: (commands: readonly (readonly string[])[]) => Promise<string[]>;
  /** Resolves when the server has closed the connection, with the bytes of an unfinished reply. */
  readonly ended: Promise<string>;
  readonly socket: Socket;
  readonly close: () => Promise<void>;
}

/** The bytes of a command as an array of bulk strings. */
export function encodeCommand(argv: readonly string[]): string {
  let bytes = `*${argv.length}\r\n`;
  for (const word of argv) bytes += `$${word.length}\r\n${word}\r\n`;
  return bytes;
}

export async function connectRaw({
  port,
  host = '127.0.0.1',
  pushes: place = 'apart',
}: {
  readonly port: number;
  readonly host?: string;
  /** `in line`: {@link RawResp.next} gives pushes too, as they come. @default apart */
  readonly pushes?: 'apart' | 'in line';
}): Promise<RawResp> {
  const socket = connect({ port, host, noDelay: true });
  await once(socket, 'connect');
  const frames = new FrameSplitter();
  const replies = new Queue();
  const pushes = new Queue();
  const { promise: ended, resolve: end } = withResolvers<string>();
  socket.on('data', (chunk) => {
    try {
      for (const frame of frames.add(chunk.latin1Slice())) {
        (place === 'apart' && frame.startsWith('>') ? pushes : replies).add(frame);
      }
    } catch (error) {
      replies.fail(error as Error);
      pushes.fail(error as Error);
      socket.destroy();
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    const reason = new Error(`the server closed the connection; unfinished: ${JSON.stringify(frames.rest())}`);
    replies.fail(reason);
    pushes.fail(reason);
    end(frames.rest());
  });
  const write = (bytes: string): void => {
    socket.write(bytes, 'latin1');
  };
  const send = (...argv: readonly string[]): void => write(encodeCommand(argv));
  const next = (timeoutMs = 10_000): Promise<string> => replies.take(timeoutMs);
  const close = async (): Promise<void> => {
    if (socket.closed) return;
    socket.destroy();
    await once(socket, 'close');
  };
  return {
    socket,
    ended,
    write,
    send,
    next,
    close,
    nextPush: (timeoutMs = 10_000) => pushes.take(timeoutMs),
    pushes: () => pushes.waiting(),
    command: (...argv) => {
      send(...argv);
      return next();
    },
    pipeline: async (commands) => {
      write(commands.map(encodeCommand).join(''));
      const all: string[] = [];
      for (const _ of commands) all.push(await next());
      return all;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Cuts a stream of bytes into whole RESP2 or RESP3 values without looking into them. */
class FrameSplitter {
  #buffer = '';
  #position = 0;
  /** Values still to come until the frame is whole. */
  #missing = 1;

  add(bytes: string): string[] {
    this.#buffer += bytes;
    const frames: string[] = [];
    for (;;) {
      const lineEnd = this.#buffer.indexOf('\r\n', this.#position);
      if (lineEnd < 0) return frames;
      const type = this.#buffer[this.#position] ?? '';
      const text = this.#buffer.slice(this.#position + 1, lineEnd);
      let after = lineEnd + 2;
      let children = 0;
      if ('$=!'.includes(type)) {
        const length = integer(type, text);
        if (length >= 0) after += length + 2;
        if (after > this.#buffer.length) return frames;
      } else if ('*~>'.includes(type)) children = Math.max(0, integer(type, text));
      else if (type === '%') children = 2 * integer(type, text);
      // Attributes come before the value they describe and count as part of it.
      else if (type === '|') children = 2 * integer(type, text) + 1;
      else if (!'+-:_,#('.includes(type)) throw new Error(`not RESP: ${JSON.stringify(type + text)}`);
      this.#position = after;
      this.#missing += children - 1;
      if (this.#missing > 0) continue;
      frames.push(this.#buffer.slice(0, after));
      this.#buffer = this.#buffer.slice(after);
      this.#position = 0;
      this.#missing = 1;
    }
  }

  rest(): string {
    return this.#buffer;
  }
}

function integer(type: string, text: string): number {
  if (!/^-?\d+$/.test(text)) throw new Error(`not RESP: ${JSON.stringify(type + text)}`);
  return Number(text);
}

class Queue {
  readonly #values: string[] = [];
  readonly #takers: { resolve: (value: string) => void; reject: (reason: Error) => void }[] = [];
  #failure: Error | undefined;

  add(value: string): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#values.push(value);
    else taker.resolve(value);
  }

  fail(reason: Error): void {
    this.#failure ??= reason;
    for (const taker of this.#takers.splice(0)) taker.reject(reason);
  }

  waiting(): readonly string[] {
    return this.#values;
  }

  take(timeoutMs: number): Promise<string> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve(value);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = withResolvers<string>();
    const taker = { resolve, reject };
    this.#takers.push(taker);
    const timer = setTimeout(() => {
      this.#takers.splice(this.#takers.indexOf(taker), 1);
      reject(new Error(`no reply within ${timeoutMs} ms`));
    }, timeoutMs);
    return promise.finally(() => clearTimeout(timer));
  }
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: Error) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
