/**
 * A small RESP2 client for loading and checking: one connection, pipelined. It reads every reply whole and never skips
 * an error; its cost does not matter, since measurements use redis-benchmark.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

const frame = (argv) =>
  `*${argv.length}\r\n${argv.map((arg) => `$${Buffer.byteLength(arg, 'latin1')}\r\n${arg}\r\n`).join('')}`;

/** An error reply. */
export class ErrorReply extends Error {}

export class RespConnection {
  #socket;
  #text = '';
  #waiting = [];
  #broken;

  static async open(port) {
    const connection = new RespConnection();
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    connection.#socket = socket;
    socket.setEncoding('latin1');
    const fail = (error) => {
      connection.#broken ??= error;
      for (const { reject } of connection.#waiting.splice(0)) reject(error);
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`the server on port ${port} closed the connection`)));
    socket.on('data', (chunk) => connection.#read(chunk));
    await once(socket, 'connect');
    return connection;
  }

  /** Sends one command; resolves with its reply: string, number, null or array. Rejects on an error reply. */
  async call(...argv) {
    const [reply] = await this.pipeline([argv]);
    return reply;
  }

  /** Sends several commands in one write; resolves with their replies. Rejects on the first error reply. */
  pipeline(commands) {
    return new Promise((resolve, reject) => {
      if (this.#broken) {
        reject(this.#broken);
        return;
      }
      this.#waiting.push({ count: commands.length, replies: [], resolve, reject });
      this.#socket.write(commands.map(frame).join(''), 'latin1');
    });
  }

  close() {
    this.#socket.destroy();
  }

  #read(chunk) {
    this.#text += chunk;
    let at = 0;
    while (this.#waiting.length > 0) {
      const parsed = parse(this.#text, at);
      if (parsed === undefined) break;
      at = parsed.end;
      const head = this.#waiting[0];
      head.replies.push(parsed.value);
      if (head.replies.length < head.count) continue;
      this.#waiting.shift();
      const error = head.replies.find((reply) => reply instanceof ErrorReply);
      if (error) head.reject(error);
      else head.resolve(head.replies);
    }
    this.#text = this.#text.slice(at);
  }
}

/** True when the server on `port` has loaded its data and executes commands; rejects before. */
export async function answersResp(port) {
  const connection = await RespConnection.open(port);
  try {
    const reply = await connection.call('DBSIZE').catch((error) => error);
    return typeof reply === 'number' || /NOAUTH/.test(String(reply));
  } finally {
    connection.close();
  }
}

/** One reply at `at`, or undefined when it is not all there. */
function parse(text, at) {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd === -1) return undefined;
  const rest = text.slice(at + 1, lineEnd);
  const end = lineEnd + 2;
  switch (text[at]) {
    case '+':
      return { value: rest, end };
    case '-':
      return { value: new ErrorReply(rest), end };
    case ':':
      return { value: Number(rest), end };
    case '$': {
      const length = Number(rest);
      if (length < 0) return { value: null, end };
      if (text.length < end + length + 2) return undefined;
      return { value: text.slice(end, end + length), end: end + length + 2 };
    }
    case '*': {
      const items = [];
      let next = end;
      for (let i = 0; i < Number(rest); i++) {
        const item = parse(text, next);
        if (item === undefined) return undefined;
        items.push(item.value);
        next = item.end;
      }
      return { value: Number(rest) < 0 ? null : items, end: next };
    }
    default:
      throw new Error(`not a RESP2 reply: ${JSON.stringify(text.slice(at, at + 40))}`);
  }
}
