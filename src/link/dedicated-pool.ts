import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import { type Endpoint, LinkConnection, type LinkConnectionOptions, nameOf } from './link-connection.ts';
import type { DedicatedConnection, DedicatedOwner, ReplyReceiver } from './upstream.ts';

/** How many connections wait for their next client, and how long. */
const IDLE_CONNECTIONS = 32;
const IDLE_MS = 30_000;

export interface DedicatedPoolOptions extends Omit<LinkConnectionOptions, 'endpoint' | 'proto' | 'database'> {
  readonly locate: () => Promise<Endpoint>;
  readonly limit: number;
  /** Told of faults of Sluice itself. */
  readonly onFault: (error: unknown) => void;
}

interface Idle {
  readonly key: string;
  readonly member: Member;
  readonly since: number;
}

/** Connections that serve one client at a time, so many at most. */
export class DedicatedPool {
  readonly #options: DedicatedPoolOptions;
  readonly #members = new Set<Member>();
  #idle: Idle[] = [];

  constructor(options: DedicatedPoolOptions) {
    this.#options = options;
  }

  /** Connections that are there, idle ones included. */
  get size(): number {
    return this.#members.size;
  }

  /** @throws SluiceError OVERLOADED */
  take(proto: 2 | 3, database: number, owner: DedicatedOwner): DedicatedConnection {
    const key = `${proto}/${database}`;
    const at = this.#idle.findLastIndex((idle) => idle.key === key);
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    const member = idle?.member ?? this.#open(proto, database);
    return member.lend(owner, (clean) => this.#giveBack(key, member, clean));
  }

  tick(now: number, timeout: number): void {
    for (const member of this.#members) member.tick(now, timeout);
    const old = this.#idle.filter(({ since }) => now - since > IDLE_MS);
    for (const { member } of old) member.destroy('idle');
  }

  /** Ends all of them but those to the server at `to`. */
  close(reason: string, to?: Endpoint): void {
    for (const member of [...this.#members])
      if (to === undefined || member.where !== nameOf(to)) member.destroy(reason);
  }

  #open(proto: 2 | 3, database: number): Member {
    if (this.#members.size >= this.#options.limit) {
      const oldest = this.#idle.shift();
      if (oldest === undefined) {
        throw new SluiceError(
          'OVERLOADED',
          `all ${this.#options.limit} connections for clients of their own are in use; raise upstream.dedicated`,
        );
      }
      oldest.member.destroy('idle');
    }
    const member = new Member({ ...this.#options, proto, database }, () => {
      this.#members.delete(member);
      this.#idle = this.#idle.filter((idle) => idle.member !== member);
    });
    this.#members.add(member);
    return member;
  }

  #giveBack(key: string, member: Member, clean: boolean): void {
    if (!clean || member.inFlight > 0 || this.#idle.length >= IDLE_CONNECTIONS) member.destroy('given back');
    else if (this.#members.has(member)) this.#idle.push({ key, member, since: this.#options.clock.monotonic() });
  }
}

/** One connection of the pool, and who has it. */
class Member {
  readonly #gone: () => void;
  readonly #queued: { text: ByteString; receiver: ReplyReceiver; replies: number }[] = [];
  #connection: LinkConnection | undefined;
  #owner: DedicatedOwner | undefined;
  #blocking = 0;
  #over: SluiceError | undefined;

  constructor(options: Omit<LinkConnectionOptions, 'endpoint'> & DedicatedPoolOptions, gone: () => void) {
    this.#gone = gone;
    options.locate().then(
      (endpoint) => {
        if (this.#over !== undefined) return;
        const connection = new LinkConnection(
          { ...options, endpoint, relays: true },
          {
            ready: () => undefined,
            pushed: (frame) => this.#owner?.pushed(frame),
            fault: (error) => options.onFault(error),
            closed: (reason) => this.#end(reason),
          },
        );
        this.#connection = connection;
        for (const { text, receiver, replies } of this.#queued.splice(0)) this.#send(text, receiver, replies);
      },
      (error: unknown) => this.#end((error as Error).message),
    );
  }

  /** HOST:PORT once it is known. */
  get where(): string | undefined {
    return this.#connection === undefined ? undefined : nameOf(this.#connection.endpoint);
  }

  get inFlight(): number {
    return this.#connection?.inFlight ?? this.#queued.length;
  }

  lend(owner: DedicatedOwner, giveBack: (clean: boolean) => void): DedicatedConnection {
    this.#owner = owner;
    return {
      send: (argv, route, receiver, replies = 1) => {
        if (this.#owner !== owner) return;
        const text = encodeCommand(argv);
        const wrapped = route.blocking === true ? this.#countBlocking(receiver) : receiver;
        if (this.#over !== undefined) {
          const error = this.#over;
          queueMicrotask(() => wrapped.failed(error));
        } else if (this.#connection === undefined) {
          this.#queued.push({ text, receiver: wrapped, replies });
        } else {
          this.#send(text, wrapped, replies);
        }
      },
      release: (clean) => {
        if (this.#owner !== owner) return;
        this.#owner = undefined;
        giveBack(clean);
      },
    };
  }

  tick(now: number, timeout: number): void {
    if (this.#blocking > 0 || this.#connection === undefined) return;
    if (this.#connection.silentFor(now) > timeout) this.#connection.destroy(`no answer within ${timeout} ms`);
  }

  destroy(reason: string): void {
    if (this.#connection === undefined) this.#end(reason);
    else this.#connection.destroy(reason);
  }

  #send(text: ByteString, receiver: ReplyReceiver, replies: number): void {
    this.#connection?.send(text, receiver, replies);
  }

  /** A blocking command may take as long as its client likes. */
  #countBlocking(receiver: ReplyReceiver): ReplyReceiver {
    this.#blocking++;
    return {
      replied: (frame) => {
        this.#blocking--;
        receiver.replied(frame);
      },
      failed: (error) => {
        this.#blocking--;
        receiver.failed(error);
      },
    };
  }

  #end(reason: string): void {
    if (this.#over !== undefined) return;
    this.#over = new SluiceError('STORE_UNAVAILABLE', `the server is away (${reason}); the command was not sent`);
    this.#gone();
    for (const { receiver } of this.#queued.splice(0)) receiver.failed(this.#over);
    const owner = this.#owner;
    owner?.lost(this.#over);
  }
}
