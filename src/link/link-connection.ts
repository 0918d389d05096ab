import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fifo } from '../kernel/fifo.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import { ProtocolError } from '../resp/protocol-error.ts';
import { ReplyFramer } from '../resp/reply-framer.ts';
import type { OwnConnection, ReplyReceiver, ReplySource } from './upstream.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What every connection to one server begins with. */
export interface LinkLogin {
  readonly username?: ByteString;
  readonly password?: ByteString;
  readonly tls?: ConnectionOptions;
  /** Until the handshake is answered, ms. */
  readonly connectTimeout: number;
}

export interface LinkConnectionOptions extends LinkLogin {
  readonly endpoint: Endpoint;
  readonly proto: 2 | 3;
  readonly database: number;
  /** Turn client tracking on. A server that refuses is used without. */
  readonly tracking?: boolean;
  /** What answers no command is passed on. @default the connection ends, but for RESP3 pushes */
  readonly relays?: boolean;
  /** The server must say that it is a primary, as far as it lets us ask. */
  readonly primary?: boolean;
  /** Told when the server refuses a write since it is a replica. */
  readonly refusedWrite?: () => void;
  readonly clock: Clock;
}

export interface LinkEvents {
  /** The handshake is done. @param tracking whether the server tracks what is read here */
  ready(tracking: boolean): void;
  /** A push, or where the connection relays a frame nobody waits for. */
  pushed(frame: ByteString): void;
  /** A receiver threw. */
  fault?(error: unknown): void;
  /** The end, once. Those who waited have been told. @param wasReady whether the handshake had been done */
  closed(reason: string, wasReady: boolean): void;
}

/** A peer that vanished is noticed, also where nothing is waited for in time. */
const KEEP_ALIVE_MS = 10_000;
/** So many replies to come are worth a write of their own. */
const GATHERED = 32;
const PUSH = 0x3e;
const MINUS = 0x2d;

/**
 * One socket to a server: commands out, whole replies in, matched by order. What is sent in one turn of the event loop leaves in one
 * write. Never reused after an end: whatever is wrong with the stream, the connection is over and everybody who waits is told, so that
 * no reply can reach the wrong one.
 */
export class LinkConnection implements ReplySource, OwnConnection {
  readonly endpoint: Endpoint;
  readonly #options: LinkConnectionOptions;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #socket: Socket;
  readonly #framer = new ReplyFramer();
  readonly #relays: boolean;
  readonly #refusedWrite: (() => void) | undefined;
  readonly #deadline: { cancel(): void };
  readonly #waiting = new Fifo<ReplyReceiver>();
  /** Commands made and not written yet, and how many receivers at the end of the queue belong to them. */
  #out = '';
  #unwritten = 0;
  #flushQueued = false;
  #ready = false;
  #tracking = false;
  #closed = false;
  /** Bytes the kernel had taken when that was last looked at. */
  #taken = 0;
  /** When the server last did something it owes, monotonic ms. */
  #progressAt = 0;

  constructor(options: LinkConnectionOptions, events: LinkEvents) {
    const { endpoint, clock, connectTimeout, tls } = options;
    this.#options = options;
    this.endpoint = endpoint;
    this.#clock = clock;
    this.#events = events;
    this.#relays = options.relays === true;
    this.#refusedWrite = options.refusedWrite;
    const { host, port } = endpoint;
    const common = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#socket =
      tls === undefined
        ? connectTcp(common)
        : connectTls({ ...common, ...(isIP(host) === 0 ? { servername: host } : {}), ...tls });
    this.#deadline = clock.setTimer(() => this.destroy(`no answer within ${connectTimeout} ms`), connectTimeout);
    this.#socket.once(tls === undefined ? 'connect' : 'secureConnect', () => this.#greet(options));
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.destroy(error.message));
    this.#socket.on('end', () => this.destroy('the server closed the connection'));
    this.#socket.on('close', () => this.destroy('the connection was closed'));
  }

  get name(): string {
    return nameOf(this.endpoint);
  }

  /** Replies still to come. */
  get inFlight(): number {
    return this.#waiting.length;
  }

  /** Bytes that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#out.length + this.#socket.writableLength;
  }

  /** How long the server has owed a reply and sent nothing, ms; 0 when it owes none. */
  silentFor(now: number): number {
    // A large command on a slow line: the server cannot answer before it is there.
    const taken = this.#socket.bytesWritten - this.#socket.writableLength;
    if (taken !== this.#taken) this.#progressAt = now;
    this.#taken = taken;
    return this.#ready && this.inFlight > this.#unwritten ? now - this.#progressAt : 0;
  }

  /** Sends commands; before the handshake is done they wait for it. @param replies frames they are answered by */
  send(text: ByteString, receiver: ReplyReceiver, replies = 1): void {
    if (this.#closed) {
      queueMicrotask(() => receiver.failed(this.#away('the connection was closed')));
      return;
    }
    if (this.inFlight === 0) this.#progressAt = this.#clock.monotonic();
    for (let i = 0; i < replies; i++) this.#waiting.push(receiver);
    this.#unwritten += replies;
    this.#out += text;
    if (this.#flushQueued || !this.#ready) return;
    this.#flushQueued = true;
    setImmediate(this.#gather);
  }

  another({ closed }: { closed(reason: string): void }): OwnConnection {
    const options = { ...this.#options, tracking: false, relays: false };
    return new LinkConnection(options, { ready: () => undefined, pushed: () => undefined, closed });
  }

  /** Ends it now. Idempotent. */
  destroy(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#deadline.cancel();
    this.#socket.destroy();
    const waiting = this.#waiting.drain();
    const written = waiting.length - this.#unwritten;
    this.#out = '';
    const unknown = this.#unknown(reason);
    const away = this.#away(reason);
    let previous: ReplyReceiver | undefined;
    for (const [i, receiver] of waiting.entries()) {
      if (receiver === previous) continue;
      previous = receiver;
      receiver.failed(i < written ? unknown : away);
    }
    this.#events.closed(reason, this.#ready);
  }

  /** The handshake goes out in one write; its replies come before all others. */
  #greet({ proto, username, password, database, tracking, primary }: LinkConnectionOptions): void {
    if (this.#closed) return;
    const auth = password === undefined ? [] : username === undefined ? ['default', password] : [username, password];
    const steps: { argv: ByteString[]; answered: (frame: ByteString) => void }[] = [];
    const must = (what: string) => (frame: ByteString) => {
      if (frame.charCodeAt(0) === MINUS) this.destroy(`${what} was refused: ${frame.slice(1, -2)}`);
    };
    if (proto === 3) {
      steps.push({
        argv: ['HELLO', '3', ...(auth.length === 0 ? [] : ['AUTH', ...auth])],
        answered: must('HELLO 3'),
      });
    } else if (password !== undefined) {
      steps.push({
        argv: username === undefined ? ['AUTH', password] : ['AUTH', username, password],
        answered: must('AUTH'),
      });
    }
    if (database !== 0) steps.push({ argv: ['SELECT', String(database)], answered: must(`the database ${database}`) });
    steps.push({
      argv: ['CLIENT', 'SETNAME', 'sluice'],
      answered: (frame) => {
        // Without a password of our own the first command shows that one is asked for; its name is worth no connection.
        if (frame.startsWith('-NOAUTH')) this.destroy(`the server asks for a password: ${frame.slice(1, -2)}`);
      },
    });
    if (tracking === true) {
      steps.push({
        argv: ['CLIENT', 'TRACKING', 'ON'],
        answered: (frame) => {
          this.#tracking = frame.charCodeAt(0) !== MINUS;
        },
      });
    }
    if (primary === true) {
      steps.push({
        argv: ['ROLE'],
        answered: (frame) => {
          if (!isPrimary(frame)) this.destroy('the server is not a primary');
        },
      });
    }
    const handshake = steps.map(({ argv }) => encodeCommand(argv)).join('');
    let next = 0;
    const receiver: ReplyReceiver = {
      replied: (frame) => {
        steps[next]?.answered(frame);
        if (++next === steps.length && !this.#closed) this.#begin();
      },
      failed: () => undefined,
    };
    // Commands that already wait here come after it.
    for (const _ of steps) this.#waiting.unshift(receiver);
    this.#socket.write(handshake, 'latin1');
  }

  #begin(): void {
    this.#ready = true;
    this.#deadline.cancel();
    this.#progressAt = this.#clock.monotonic();
    this.#events.ready(this.#tracking);
    this.#flush();
  }

  /** Few commands wait one more turn of the event loop for company: a write costs the server more than a command does. */
  readonly #gather = (): void => {
    if (this.#unwritten < GATHERED) setImmediate(this.#write);
    else this.#flush();
  };

  readonly #write = (): void => this.#flush();

  #flush(): void {
    this.#flushQueued = false;
    if (this.#closed || this.#out === '') return;
    const text = this.#out;
    this.#out = '';
    this.#unwritten = 0;
    this.#socket.write(text, 'latin1');
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    const framer = this.#framer;
    framer.push(chunk);
    if (this.#ready) this.#progressAt = this.#clock.monotonic();
    try {
      for (;;) {
        const frame = framer.next();
        if (frame === undefined) return;
        if (frame.charCodeAt(0) === PUSH) this.#events.pushed(frame);
        else this.#match(frame);
        if (this.#closed) return;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.#events.fault?.(error);
      this.destroy((error as Error).message);
    }
  }

  #match(frame: ByteString): void {
    if (this.#waiting.length <= this.#unwritten) {
      // Nobody asked: a message on RESP2, a line of MONITOR; everywhere else the stream has lost its order.
      if (this.#relays) this.#events.pushed(frame);
      else this.destroy('the server sent a reply to no command');
      return;
    }
    const receiver = this.#waiting.shift() as ReplyReceiver;
    try {
      receiver.replied(frame, this);
    } catch (error) {
      // A fault of ours ends no connection that others share.
      this.#events.fault?.(error);
      receiver.failed(this.#unknown('a fault of Sluice'));
    }
  }

  #away(reason: string): SluiceError {
    return new SluiceError(
      'STORE_UNAVAILABLE',
      `${nameOf(this.endpoint)} is away (${reason}); the command was not sent`,
    );
  }

  #unknown(reason: string): SluiceError {
    return new SluiceError(
      'STORE_TIMEOUT',
      `${nameOf(this.endpoint)} gave no answer (${reason}); the command was sent and may have run`,
    );
  }
}

/** What ROLE says; a user who may not ask is let through. */
export function isPrimary(reply: ByteString): boolean {
  return /^(?:\*\d+\r\n\$6\r\nmaster\r\n|-NOPERM)/.test(reply);
}

/** HOST:PORT */
export function nameOf({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
