import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Which way: from the client to the target, from the target to the client. */
export type Direction = 'up' | 'down';

/**
 * What becomes of the bytes of one direction.
 * - `pass`: forwarded as they come.
 * - `delay`: forwarded `ms` later, in order.
 * - `swallow`: read and dropped; the connection stays (a black hole).
 * - `stall`: not even read, so that the sender's buffers fill; what was held flows when the mode changes.
 * - `trickle`: one byte at a time, `ms` apart (0: in writes of their own, as fast as they go).
 * - `chop`: in pieces of random lengths up to `maxBytes`.
 */
export type RelayMode =
  | 'pass'
  | 'swallow'
  | 'stall'
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'trickle'; readonly ms: number }
  | { readonly kind: 'chop'; readonly maxBytes: number; readonly random?: () => number };

/** A way to a server that can be made bad. */
export interface Relay extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Open connections. */
  readonly connections: number;
  /** Connections taken since the start. */
  readonly accepted: number;
  /** Where new connections go. */
  target: { readonly host: string; readonly port: number };
  /** Changes what becomes of the bytes, on open connections and on new ones. @default both directions */
  set(mode: RelayMode, direction?: Direction | 'both'): void;
  /** Ends the open connections on both sides: `reset` by RST, `end` by FIN. New ones are taken. */
  cut(how?: 'reset' | 'end'): void;
  /** Ends one direction of the open connections with a FIN and leaves the other as it is. */
  halfClose(direction: Direction): void;
  /** `refuse`: nobody listens, so new connections are refused. `ignore`: they are taken, and no target is ever connected. */
  admit(what: 'pass' | 'refuse' | 'ignore'): Promise<void>;
}

/** A TCP relay to `target` on a free loopback port. Disposing it ends everything. */
export async function startRelay({
  target,
}: {
  readonly target: { readonly host?: string; readonly port: number };
}): Promise<Relay> {
  const relay = new TcpRelay({ host: target.host ?? '127.0.0.1', port: target.port });
  await relay.listen();
  return relay;
}

class TcpRelay implements Relay {
  readonly host = '127.0.0.1';
  port = 0;
  accepted = 0;
  target: { readonly host: string; readonly port: number };
  readonly #modes: Record<Direction, RelayMode> = { up: 'pass', down: 'pass' };
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #ignores = false;

  constructor(target: { readonly host: string; readonly port: number }) {
    this.target = target;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    server.listen(this.port, this.host);
    await once(server, 'listening');
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
  }

  set(mode: RelayMode, direction: Direction | 'both' = 'both'): void {
    for (const one of direction === 'both' ? (['up', 'down'] as const) : [direction]) {
      this.#modes[one] = mode;
      for (const pair of this.#pairs) pair[one]?.set(mode);
    }
  }

  cut(how: 'reset' | 'end' = 'reset'): void {
    for (const pair of [...this.#pairs]) pair.cut(how);
  }

  halfClose(direction: Direction): void {
    for (const pair of this.#pairs) pair[direction]?.endTarget();
  }

  async admit(what: 'pass' | 'refuse' | 'ignore'): Promise<void> {
    this.#ignores = what === 'ignore';
    if (what !== 'refuse') {
      if (this.#server === undefined) await this.listen();
      return;
    }
    this.#server?.close();
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    await closed;
  }

  #accept(client: Socket): void {
    this.accepted++;
    const pair = new Pair(client, this.#ignores ? undefined : this.target, this.#modes, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
  }
}

/** One client's connection and the one to the target made for it. */
class Pair {
  readonly up: Pipe | undefined;
  readonly down: Pipe | undefined;
  readonly #sockets: readonly Socket[];
  readonly #gone: () => void;

  constructor(
    client: Socket,
    target: { readonly host: string; readonly port: number } | undefined,
    modes: Readonly<Record<Direction, RelayMode>>,
    gone: () => void,
  ) {
    this.#gone = gone;
    const server = target === undefined ? undefined : connect({ ...target, allowHalfOpen: true, noDelay: true });
    this.#sockets = server === undefined ? [client] : [client, server];
    for (const socket of this.#sockets) {
      socket.on('error', () => this.cut('reset'));
      socket.on('close', () => this.#closed());
    }
    if (server === undefined) {
      client.resume();
      client.on('end', () => client.end());
      return;
    }
    this.up = new Pipe(client, server, modes.up);
    this.down = new Pipe(server, client, modes.down);
  }

  cut(how: 'reset' | 'end'): void {
    this.up?.forget();
    this.down?.forget();
    for (const socket of this.#sockets) {
      if (how === 'reset') {
        // A socket that is not connected yet has nothing to reset.
        if (socket.connecting) socket.destroy();
        else socket.resetAndDestroy();
        continue;
      }
      // A FIN after what is written, and no waiting for the other side's.
      socket.end(() => socket.destroy());
    }
  }

  #closed(): void {
    if (this.#sockets.every((socket) => socket.destroyed)) this.#gone();
    else if (this.#sockets.some((socket) => socket.destroyed && socket.errored !== null)) this.cut('reset');
  }
}

/** One direction of a connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  #mode: RelayMode;
  /** Bytes that wait for their time, in order; null stands for the sender's FIN. */
  #held: (Buffer | null)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(from: Socket, to: Socket, mode: RelayMode) {
    this.#from = from;
    this.#to = to;
    this.#mode = mode;
    if (mode === 'stall') from.pause();
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#take(null));
    to.on('drain', () => {
      if (this.#mode !== 'stall') from.resume();
    });
    if (mode === 'stall') from.pause();
  }

  set(mode: RelayMode): void {
    this.#mode = mode;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (mode === 'stall') {
      this.#from.pause();
      return;
    }
    if (mode === 'swallow') this.#held = this.#held.filter((item) => item === null);
    this.#from.resume();
    this.#flow();
  }

  endTarget(): void {
    this.#over = true;
    this.#to.end();
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#over = true;
    this.#held = [];
  }

  #take(chunk: Buffer | null): void {
    if (this.#over || (this.#mode === 'swallow' && chunk !== null)) return;
    const mode = this.#mode;
    if (typeof mode === 'object' && mode.kind === 'delay') {
      this.#held.push(chunk);
      // Each piece has a timer of its own, all as long, so that they end in order; a change of mode lets all of them go at once.
      setTimeout(() => {
        if (this.#mode === mode) this.#pass(this.#held.shift());
      }, mode.ms);
      return;
    }
    this.#held.push(chunk);
    this.#flow();
  }

  /** Gives out what is held as the mode says. */
  #flow(): void {
    const mode = this.#mode;
    if (this.#timer !== undefined) return;
    if (mode === 'stall' || mode === 'swallow') return;
    if (typeof mode === 'object' && mode.kind === 'trickle') {
      this.#trickle(mode.ms);
      return;
    }
    for (const chunk of this.#held.splice(0)) {
      if (typeof mode === 'object' && mode.kind === 'chop' && chunk !== null) this.#chop(chunk, mode);
      else this.#pass(chunk);
    }
  }

  #chop(chunk: Buffer, { maxBytes, random = Math.random }: { maxBytes: number; random?: () => number }): void {
    for (let at = 0; at < chunk.length; ) {
      const end = at + 1 + Math.floor(random() * maxBytes);
      this.#pass(chunk.subarray(at, end));
      at = end;
    }
  }

  #trickle(ms: number): void {
    const chunk = this.#held[0];
    if (chunk === undefined) return;
    if (chunk === null || chunk.length <= 1) {
      this.#held.shift();
      this.#pass(chunk);
    } else {
      this.#held[0] = chunk.subarray(1);
      this.#pass(chunk.subarray(0, 1));
    }
    const next = (): void => {
      this.#timer = undefined;
      this.#flow();
    };
    this.#timer = setTimeout(next, ms);
  }

  #pass(chunk: Buffer | null | undefined): void {
    if (chunk === undefined || this.#over || this.#to.destroyed) return;
    if (chunk === null) this.endTarget();
    else if (!this.#to.write(chunk)) this.#from.pause();
  }
}
