import type { Socket } from 'node:net';
import type { Client, Connection } from '../../command/client.ts';
import { Client as RespClient } from '../../command/client.ts';
import { execute } from '../../command/execute.ts';
import type { Server } from '../../command/server.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { CommandDecoder, type DecoderLimits } from '../../resp/decoder.ts';
import { ProtocolError } from '../../resp/protocol-error.ts';
import { Reply } from '../../resp/reply.ts';

/** Limits of one client connection; bytes and milliseconds. */
export interface RespLimits {
  /** @default 64 MiB */
  readonly bulkBytes: number;
  /** @default 1,048,576 */
  readonly arguments: number;
  /** Input of one command. @default 256 MiB */
  readonly queryBytes: number;
  /** Output a client may leave unread before it is closed. @default 256 MiB */
  readonly outputBytes: number;
  /** The same for a client that subscribed to something. @default 32 MiB */
  readonly pubsubOutputBytes: number;
  /** A client silent for so long is closed; 0 = never. */
  readonly idleTimeout: number;
}

/** Told about every command, for metrics: its name, how long it took (ms), whether its reply was an error. */
export type CommandObserver = (name: string, ms: number, failed: boolean) => void;

/** What all connections of the face share. */
export interface RespFaceContext {
  readonly server: Server;
  readonly limits: RespLimits;
  readonly observe: CommandObserver;
  readonly now: () => number;
}

/** Unauthenticated clients get Redis's small limits, so that strangers cannot make us hold much. */
const STRANGER = { maxBulkBytes: 16 * 1024, maxArguments: 10 };
const INLINE_BYTES = 64 * 1024;
/** Output beyond this waits for the client to read before more of its commands are run. */
const BACKPRESSURE_BYTES = 1 << 20;
const HTTP_WORDS = /^(?:get|head|post|put|delete|options|patch|connect|trace|host:)$/i;

/** Output that may not leave before a write is durable. */
interface Held {
  readonly text: string;
  readonly seq: number;
  /** Commands whose replies the text holds: each gets an error instead when the commit fails. */
  readonly commands: number;
}

/**
 * One RESP connection: bytes in, commands run in order, one write out per chunk of input, held back until the writes it reveals
 * are durable.
 */
export class RespConnection implements Connection {
  readonly client: Client;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #face: RespFaceContext;
  readonly #socket: Socket;
  readonly #decoder: CommandDecoder;
  readonly #reply = new Reply();
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #commands = 0;
  #first = true;
  #flushQueued = false;
  #running = false;
  #closed = false;

  constructor(face: RespFaceContext, socket: Socket) {
    this.#face = face;
    this.#socket = socket;
    this.remoteAddress = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
    this.localAddress = `${socket.localAddress ?? '?'}:${socket.localPort ?? 0}`;
    const { server } = face;
    const user = server.authenticator.required ? undefined : { name: 'default', compat: false };
    this.#decoder = new CommandDecoder(
      user === undefined ? { ...this.#knownLimits(), ...STRANGER } : this.#knownLimits(),
    );
    this.client = new RespClient(server.nextClientId(), server.engine, this, this.#reply, user);
    server.add(this.client);
    socket.setNoDelay(true);
    if (face.limits.idleTimeout > 0) socket.setTimeout(face.limits.idleTimeout, () => this.#idle());
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.resume());
    socket.on('error', () => this.kill());
    socket.on('close', () => this.#gone());
  }

  get queryBytes(): number {
    return this.#decoder.buffered;
  }

  get outputBytes(): number {
    return this.#socket.writableLength + this.#heldBytes + this.#reply.size;
  }

  /** Sends output made outside the client's own turn, once for all of it that comes in this turn. */
  flush(): void {
    if (this.#flushQueued || this.#running) return;
    this.#flushQueued = true;
    queueMicrotask(() => {
      this.#flushQueued = false;
      this.#send();
    });
  }

  resume(): void {
    if (this.#running || this.#closed) return;
    if (this.#socket.isPaused() && this.#socket.writableLength < BACKPRESSURE_BYTES) this.#socket.resume();
    if (this.#decoder.buffered > 0) queueMicrotask(() => this.#run());
  }

  kill(): void {
    this.#socket.destroy();
  }

  /** Finishes what was accepted, then closes. */
  end(): void {
    this.#send();
    this.client.closing = true;
    if (this.#held.length === 0) this.#socket.end();
  }

  /** The write this connection waits for is durable, or its commit failed. */
  committed(error?: Error): void {
    if (error !== undefined) this.#failHeld(error);
    this.#release();
  }

  #receive(chunk: Buffer): void {
    this.#decoder.push(chunk);
    this.#run();
  }

  #run(): void {
    if (this.#running || this.#closed) return;
    const { client } = this;
    const decoder = this.#decoder;
    const { server, observe, now } = this.#face;
    this.#running = true;
    try {
      let started = now();
      while (client.blocked === undefined && !client.closing) {
        const argv = decoder.next();
        if (argv === undefined) break;
        if (this.#first && this.#isHttp(argv)) {
          this.kill();
          return;
        }
        this.#first = false;
        const errors = server.counters.errors;
        execute(server, client, argv);
        this.#commands++;
        if (decoder.limits.maxArguments === STRANGER.maxArguments && client.user !== undefined)
          decoder.limits = this.#knownLimits();
        const ended = now();
        observe(client.lastCommand, ended - started, server.counters.errors !== errors);
        started = ended;
        if (this.#reply.size > BACKPRESSURE_BYTES) {
          this.#send();
          if (this.#socket.writableLength > BACKPRESSURE_BYTES) {
            this.#socket.pause();
            break;
          }
        }
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#reply.error(`ERR ${error.message}`);
      client.closing = true;
    } finally {
      this.#running = false;
    }
    this.#send();
  }

  /** Takes the output and writes it, or holds it until the newest write it reveals is durable. */
  #send(): void {
    const { client } = this;
    const reply = this.#reply;
    if (this.#closed) return;
    const commands = this.#commands;
    this.#commands = 0;
    if (reply.size > 0) {
      const text = reply.take();
      const seq = client.revealed;
      client.revealed = 0;
      if (this.#held.length === 0 && seq <= this.#face.server.durability.committed) {
        this.#socket.write(text, 'latin1');
      } else {
        this.#held.push({ text, seq, commands });
        this.#heldBytes += text.length;
        if (seq > this.#face.server.durability.committed) this.#face.server.durability.onCommitted(seq, this);
      }
      const limit = client.subscribed ? this.#face.limits.pubsubOutputBytes : this.#face.limits.outputBytes;
      if (this.outputBytes > limit) {
        this.kill();
        return;
      }
    }
    if (client.closing && this.#held.length === 0) this.#socket.end();
  }

  #release(): void {
    if (this.#closed) return;
    const { committed } = this.#face.server.durability;
    let text = '';
    let count = 0;
    for (const held of this.#held) {
      if (held.seq > committed) break;
      text += held.text;
      count++;
    }
    if (count === 0) return;
    this.#held.splice(0, count);
    this.#heldBytes -= text.length;
    this.#socket.write(text, 'latin1');
    if (this.client.closing && this.#held.length === 0) this.#socket.end();
  }

  /**
   * What was to be said is not true: every command whose reply was held gets the error. Where replies and commands do not pair
   * (subscriptions, CLIENT REPLY) the connection ends instead.
   */
  #failHeld(error: Error): void {
    if (this.client.subscribed || this.client.replyMode !== 'on') {
      this.kill();
      return;
    }
    let commands = 0;
    for (const held of this.#held.splice(0)) commands += held.commands;
    this.#heldBytes = 0;
    this.#socket.write(
      `-MISCONF Errors writing to the journal: ${error.message.replaceAll(/[\r\n]+/g, ' ')}\r\n`.repeat(commands),
      'latin1',
    );
  }

  #knownLimits(): DecoderLimits {
    const { limits } = this.#face;
    return {
      maxBulkBytes: limits.bulkBytes,
      maxArguments: limits.arguments,
      maxInlineBytes: INLINE_BYTES,
      maxQueryBytes: limits.queryBytes,
    };
  }

  /** A web page that was made to post to this port must not run commands through the body of its request. */
  #isHttp(argv: readonly ByteString[]): boolean {
    const word = argv[0] as ByteString;
    if (!HTTP_WORDS.test(word)) return false;
    return word.toLowerCase() !== 'get' || (argv[2]?.startsWith('HTTP/') ?? false);
  }

  #idle(): void {
    if (this.client.blocked === undefined && !this.client.subscribed) this.kill();
  }

  #gone(): void {
    this.#closed = true;
    this.#held.length = 0;
    this.#face.server.remove(this.client);
  }
}
