import type { Socket } from 'node:net';
import { Client, type Connection, type RemoteSession } from '../../command/client.ts';
import { CommandError, errorText } from '../../command/command-error.ts';
import { execute } from '../../command/execute.ts';
import { guestOf } from '../../command/permission.ts';
import type { Server } from '../../command/server.ts';
import type { SluiceError } from '../../errors.ts';
import type { Gate } from '../../guard/limits/gate.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Timer } from '../../kernel/clock.ts';
import { CommandDecoder } from '../../resp/decoder.ts';
import { ProtocolError } from '../../resp/protocol-error.ts';
import { Reply } from '../../resp/reply.ts';
import { ClientLimits, type LimitedConnection } from './client-limits.ts';
import type { CommandTimer } from './command-timer.ts';
import { HeldOutput } from './held-output.ts';
import { isHttpRequest, isSmuggled } from './http-words.ts';
import { type ClosedCounts, decoderLimits, limitOfProtocolError, type RespLimits } from './resp-limits.ts';

/** What all connections of the face share. */
export interface RespFaceContext {
  readonly server: Server;
  readonly limits: RespLimits;
  /** Bounds that hold for all connections together; absent: none. */
  readonly gate?: Gate | undefined;
  readonly timer: CommandTimer;
  readonly closed: ClosedCounts;
  /** Passes the commands of a client on; absent: they are executed here. */
  readonly connectRemote?: ((client: Client) => RemoteSession) | undefined;
}

/** No JavaScript string is longer, and output is made of them. */
const LONGEST_STRING = 2 ** 29 - 24;
/** Output beyond this waits for the client to read before more of its commands are run. */
const BACKPRESSURE_BYTES = 1 << 20;
/** Output of one turn: copying it takes time that other clients wait for. */
const TURN_BYTES = 128 * 1024;
/** Input beyond this waits in the socket while the commands before it cannot run. */
const INPUT_BYTES = 64 * 1024;
/** How long the client may take to close its side after the last byte is sent; at once, what it sends meanwhile would reset it. */
const LINGER_MS = 1000;
/** The limit behind a closing; protocol errors tell their own. */
const limitOfClosing: Partial<Record<keyof ClosedCounts, string>> = {
  output: 'resp.outputBytes',
  idle: 'resp.idleTimeout',
  login: 'resp.loginTimeout',
};
/** How long a connection that ends may take none of its output. */
const STALL_MS = 30_000;

/**
 * One RESP connection: bytes in, commands run in order, one write out per chunk of input, held back until the writes it reveals
 * are durable.
 *
 * Everything for the client, replies and pushes, goes through the one `Reply` and from there through `HeldOutput` or straight to
 * the socket, so its order is the order in which it was made. Commands run until the input is used up, the client is blocked, its
 * output piles up or its time is over; in the last two cases reading stops, so that neither side of the connection grows.
 */
export class RespConnection implements Connection, LimitedConnection {
  readonly client: Client;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #face: RespFaceContext;
  readonly #socket: Socket;
  readonly #limits: ClientLimits | undefined;
  #decoder: CommandDecoder;
  readonly #reply = new Reply();
  readonly #held = new HeldOutput();
  /** Commands answered by the output that is not sent yet. */
  #replies = 0;
  /** That output holds also what answers no command. */
  #unpaired = false;
  /** A blocked command has its reply still to come. */
  #awaited = false;
  #first = true;
  #stranger: boolean;
  readonly #loginTimer: Timer | undefined;
  #running = false;
  #runQueued = false;
  #flushQueued = false;
  /** Reading is stopped. */
  #paused = false;
  /** What was received is still run, then the connection ends. */
  #draining = false;
  /** The last output is on its way; input is thrown away. */
  #ended = false;
  #closed = false;

  constructor(face: RespFaceContext, socket: Socket) {
    this.#face = face;
    this.#socket = socket;
    this.#limits = face.gate === undefined ? undefined : new ClientLimits(face.gate, this, socket.remoteAddress);
    this.remoteAddress = addressText(socket.remoteAddress, socket.remotePort);
    this.localAddress = addressText(socket.localAddress, socket.localPort);
    const { server, limits } = face;
    const user = guestOf(server);
    this.#stranger = user === undefined;
    this.#decoder = new CommandDecoder(decoderLimits(limits, this.#stranger));
    this.#reply.maxBytes = Math.min(limits.outputBytes, LONGEST_STRING);
    this.client = new Client(server.nextClientId(), server.engine, this, this.#reply, user);
    this.client.remote = face.connectRemote?.(this.client);
    server.add(this.client);
    socket.setTimeout(limits.idleTimeout);
    if (this.#stranger && (limits.loginTimeout ?? 0) > 0) {
      const late = (): void => (this.client.user === undefined ? this.#shed('login') : undefined);
      this.#loginTimer = server.engine.clock.setTimer(late, limits.loginTimeout ?? 0);
    }
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.#inputEnded());
    socket.on('drain', () => {
      this.#limits?.reportOutput();
      this.#run();
    });
    socket.on('timeout', () => this.#timedOut());
    socket.on('error', () => this.kill());
    socket.on('close', () => this.#gone());
  }

  get queryBytes(): number {
    return this.#decoder.buffered;
  }

  get outputBytes(): number {
    return this.#socket.writableLength + this.#held.bytes + this.#reply.size;
  }

  /** Sends output made outside the client's own turn, once for all of it that comes in this turn. */
  flush(): void {
    if (this.#closed) return;
    if (this.#awaited && this.client.blocked === undefined) {
      this.#awaited = false;
      if (this.#reply.size > 0) this.#replies++;
    } else {
      this.#unpaired = true;
    }
    if (this.#isOverLimit()) {
      this.#shed('output');
      return;
    }
    if (this.#flushQueued || this.#running) return;
    this.#flushQueued = true;
    // After the callback that made it, which may make more; a microtask would cost an object each.
    process.nextTick(this.#flushNow);
  }

  readonly #flushNow = (): void => {
    this.#flushQueued = false;
    if (!this.#running) this.#send();
  };

  resume(): void {
    queueMicrotask(() => this.#run());
  }

  kill(): void {
    this.#gone();
    this.#socket.destroy();
  }

  /** Reads no more, runs what was received, sends what is owed, closes. */
  end(): void {
    if (this.#closed || this.#draining) return;
    this.#draining = true;
    this.#run();
  }

  /** The write this connection waits for is durable, or its commit failed. */
  committed(error?: SluiceError): void {
    if (this.#closed) return;
    const text = error === undefined ? this.#held.release(this.#face.server.durability.committed) : this.#failed(error);
    if (text === undefined) {
      this.kill();
      return;
    }
    if (text === '') return;
    this.#socket.write(text, 'latin1');
    this.#limits?.reportOutput();
    if (this.client.closing && this.#held.isEmpty) this.#finish();
    else if (this.#paused) this.#run();
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#decoder.push(chunk);
    this.#run();
    this.#limits?.reportInput();
  }

  /** The client is told where its replies are complete so far; it loses the connection either way. */
  shedInput(): void {
    const { closed, gate, limits } = this.#face;
    const { client } = this;
    closed.overloaded++;
    gate?.hit('inFlight.bytes');
    this.#decoder = new CommandDecoder(decoderLimits(limits, this.#stranger));
    if (this.#closed || this.#ended || client.closing || this.#mustWait() || this.#isOwed()) {
      this.kill();
      return;
    }
    if (client.replyMode === 'on') {
      this.#reply.error('ERR SLUICE_OVERLOADED too much of all clients together waits for the rest of a command');
      this.#replies++;
    }
    client.closing = true;
    this.#send();
  }

  shedOutput(): void {
    this.#face.gate?.hit('outputBytes');
    this.#face.closed.overloaded++;
    this.kill();
  }

  #run(): void {
    if (this.#running || this.#runQueued || this.#ended || this.#closed) return;
    const { client } = this;
    let more = false;
    if (!this.#mustWait() && !client.closing && !(this.#paused && this.#isStalled())) {
      this.#running = true;
      try {
        more = this.#runCommands();
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#refuse(error);
      } finally {
        this.#running = false;
      }
    }
    if (this.#draining && !more && !this.#isStalled() && client.remote?.stalled !== true) {
      // Nothing may be handed to a blocked client any more.
      this.#face.server.blocked.forget(client);
      client.closing = true;
    }
    this.#send();
    this.#schedule(more);
  }

  /** @returns whether commands may be left that could run now. @throws ProtocolError */
  #runCommands(): boolean {
    const { client } = this;
    const decoder = this.#decoder;
    const limits = this.#limits;
    const reply = this.#reply;
    const { server, timer } = this.#face;
    const { counters } = server;
    let started = false;
    try {
      while (!this.#mustWait() && !client.closing && !this.#closed) {
        const argv = decoder.next();
        if (argv === undefined) return false;
        if (this.#first && isHttpRequest(argv)) {
          this.#shed('http');
          return false;
        }
        this.#first = false;
        if (!started) {
          started = true;
          timer.start();
        }
        const { errors } = counters;
        const replyFrom = reply.size;
        const sameInstant = timer.before(argv[0] as ByteString);
        if (limits !== undefined) client.refusal = limits.refusal(server, client, sameInstant);
        const command =
          client.remote === undefined
            ? execute(server, client, argv, sameInstant)
            : client.remote.run(argv, sameInstant);
        const isOver = timer.after(command, counters.errors !== errors);
        if (reply.size > replyFrom) {
          this.#replies++;
          if (command?.answersByPush === true) this.#unpaired = true;
        } else if (client.blocked !== undefined) {
          this.#awaited = true;
        }
        if (this.#stranger !== (client.user === undefined)) {
          this.#stranger = client.user === undefined;
          decoder.limits = decoderLimits(this.#face.limits, this.#stranger);
        }
        if (command === undefined && client.remote === undefined && isSmuggled(argv[0] as ByteString)) {
          this.#shed('http');
          return false;
        }
        if (isOver || reply.size > TURN_BYTES) return true;
      }
      return false;
    } finally {
      if (started) timer.stop();
    }
  }

  /** The client broke the protocol: it is told, and nothing more is read. */
  #refuse(error: ProtocolError): void {
    const { closed, gate, server } = this.#face;
    closed.protocol++;
    const limit = limitOfProtocolError[error.message];
    if (limit !== undefined) gate?.hit(limit);
    const refusal = new CommandError(`ERR ${error.message}`);
    server.countError(refusal);
    const { client } = this;
    if (client.replyMode === 'on') {
      if (client.remote !== undefined && this.#isOwed()) client.remote.error(refusal.message);
      else {
        this.#reply.error(refusal.message);
        this.#replies++;
      }
    }
    client.closing = true;
  }

  /** Goes on in the next turn where commands are left, reads more where there is room for it. */
  #schedule(more: boolean): void {
    if (this.#closed || this.#ended) return;
    const isStalled = this.#isStalled();
    const isBlocked = this.#mustWait();
    if (more && !isStalled && !isBlocked) {
      this.#runQueued = true;
      setImmediate(() => {
        this.#runQueued = false;
        this.#run();
      });
    }
    const isFull = (more || isBlocked) && this.#decoder.buffered > INPUT_BYTES;
    const pause = isStalled || isFull || this.#draining;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Takes the output and writes it, or holds it until the newest write it reveals is durable. */
  #send(): void {
    if (this.#closed || this.#ended) return;
    const { client } = this;
    const reply = this.#reply;
    if (reply.size > 0 || reply.overflowed) {
      if (this.#isOverLimit()) {
        this.#shed('output');
        return;
      }
      const { durability } = this.#face.server;
      const text = reply.take();
      const seq = client.revealed;
      const waits = seq > durability.committed;
      if (!waits && this.#held.isEmpty) {
        this.#socket.write(text, 'latin1');
      } else {
        this.#held.push({ text, seq, waits, replies: this.#unpaired ? undefined : this.#replies });
        if (waits) durability.onCommitted(seq, this);
      }
      client.revealed = 0;
      this.#replies = 0;
      this.#unpaired = false;
      this.#limits?.reportOutput();
      if (this.#closed) return;
    }
    if (client.closing && this.#held.isEmpty && !this.#isOwed()) this.#finish();
  }

  /**
   * What was to be said is not true: every command whose reply waited gets the error instead.
   * @returns undefined where that is impossible; the connection then ends.
   */
  #failed(error: SluiceError): string | undefined {
    const failed = this.#held.fail(`-${errorText(error).replaceAll(/[\r\n]+/g, ' ')}\r\n`);
    for (let i = 0; i < (failed?.failed ?? 0); i++) this.#face.server.countError(error);
    return failed?.text;
  }

  /** Everything is said: ends the output and waits a little for the client to end its own. */
  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    const socket = this.#socket;
    socket.setTimeout(STALL_MS);
    socket.once('finish', () => {
      const linger = this.#face.server.engine.clock.setTimer(() => socket.destroy(), LINGER_MS);
      socket.once('close', () => linger.cancel());
    });
    socket.end();
    socket.resume();
  }

  /** The client will send no more; it may still read. */
  #inputEnded(): void {
    const { client } = this;
    // Nobody is there to take what a blocked or subscribed client waits for.
    if (client.blocked !== undefined || client.subscribed || client.remote?.blocking === true) this.kill();
    else this.end();
  }

  #timedOut(): void {
    const { client } = this;
    if (this.#ended) this.kill();
    else if (client.blocked === undefined && !client.subscribed && this.#held.isEmpty && !this.#isOwed()) {
      this.#shed('idle');
    }
  }

  /** The next command may not run yet. */
  #mustWait(): boolean {
    const { blocked, remote } = this.client;
    return blocked !== undefined || remote?.stalled === true;
  }

  /** Replies are still to come from elsewhere. */
  #isOwed(): boolean {
    const { remote } = this.client;
    return remote !== undefined && remote.owed > 0;
  }

  #isStalled(): boolean {
    return this.#socket.writableLength + this.#held.bytes > BACKPRESSURE_BYTES;
  }

  #isOverLimit(): boolean {
    const { limits } = this.#face;
    const limit = this.client.subscribed ? limits.pubsubOutputBytes : limits.outputBytes;
    return this.#reply.overflowed || this.outputBytes > Math.min(limit, LONGEST_STRING);
  }

  #shed(reason: keyof ClosedCounts): void {
    this.#face.closed[reason]++;
    const limit = limitOfClosing[reason];
    if (limit !== undefined) this.#face.gate?.hit(limit);
    this.kill();
  }

  /** Nothing reaches the client any more. */
  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#loginTimer?.cancel();
    this.#limits?.release();
    this.#held.clear();
    this.client.remote?.closed();
    this.#face.server.remove(this.client);
  }
}

function addressText(host: string | undefined, port: number | undefined): string {
  return `${host?.includes(':') === true ? `[${host}]` : (host ?? '?')}:${port ?? 0}`;
}
