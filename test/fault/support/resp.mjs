import { createConnection } from 'node:net';

/** Just enough of a RESP2 client: pipelines, and says how many replies came even when the other end dies. */
export class RespConnection {
  #socket;
  #buffer = '';
  #waiting = [];
  #error;
  /** Replies received. */
  replies = 0;

  static connect(port) {
    return new Promise((resolve, reject) => {
      const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve(new RespConnection(socket));
      });
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text) => this.#received(text));
    socket.on('error', (error) => this.#ended(error));
    socket.on('close', () => this.#ended(new Error('the connection was closed')));
  }

  /** Sends commands in one write. @returns their replies; an error reply is an Error in its place. */
  send(commands) {
    return Promise.all(this.sendEach(commands));
  }

  sendEach(commands) {
    const replies = commands.map(
      () =>
        new Promise((resolve, reject) => {
          if (this.#error === undefined) this.#waiting.push({ resolve, reject });
          else reject(this.#error);
        }),
    );
    // Who waits for one of them may be gone when all fail.
    for (const reply of replies) reply.catch(() => {});
    this.#socket.write(commands.map(encode).join(''), 'latin1');
    return replies;
  }

  close() {
    this.#socket.destroy();
  }

  #received(text) {
    this.#buffer += text;
    let at = 0;
    for (;;) {
      const parsed = parse(this.#buffer, at);
      if (parsed === undefined) break;
      at = parsed.end;
      this.replies++;
      this.#waiting.shift()?.resolve(parsed.value);
    }
    this.#buffer = this.#buffer.slice(at);
  }

  #ended(error) {
    this.#error ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error);
  }
}

function encode(argv) {
  return `*${argv.length}\r\n${argv.map((argument) => `$${argument.length}\r\n${argument}\r\n`).join('')}`;
}

function parse(text, at) {
  const end = text.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const line = text.slice(at + 1, end);
  const next = end + 2;
  switch (text[at]) {
    case '+':
      return { value: line, end: next };
    case '-':
      return { value: new Error(line), end: next };
    case ':':
      return { value: Number(line), end: next };
    case '$': {
      const length = Number(line);
      if (length < 0) return { value: null, end: next };
      if (text.length < next + length + 2) return undefined;
      return { value: text.slice(next, next + length), end: next + length + 2 };
    }
    case '*': {
      const items = [];
      let from = next;
      for (let left = Number(line); left > 0; left--) {
        const item = parse(text, from);
        if (item === undefined) return undefined;
        items.push(item.value);
        from = item.end;
      }
      return { value: items, end: from };
    }
    default:
      throw new Error(`no reply begins with ${JSON.stringify(text.slice(at, at + 20))}`);
  }
}
