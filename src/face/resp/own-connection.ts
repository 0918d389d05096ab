import type { CommandRule } from '../../command/command-rules.ts';
import type { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Slot } from './slot.ts';

interface OwnReceiver {
  replied(frame: ByteString): void;
  failed(error: SluiceError): void;
}

/** A connection that serves one client. */
export interface OwnLink {
  send(argv: readonly ByteString[], rule: CommandRule, receiver: OwnReceiver, replies?: number): void;
  release(clean: boolean): void;
}

/** Where such connections come from. */
export interface OwnUpstream {
  /** @throws SluiceError OVERLOADED */
  dedicate(
    proto: 2 | 3,
    database: number,
    owner: { pushed(frame: ByteString): void; lost(error: SluiceError): void },
  ): OwnLink;
}

export interface OwnOwner {
  /** What answers no command: messages, invalidations, lines of MONITOR. @param after whose reply was the last before it */
  pushed(frame: ByteString, after: Slot | undefined): void;
  /** Nothing binds the client to a connection of its own any more. */
  ended(): void;
  /** The state it had there is lost and it cannot be told otherwise. */
  closeClient(): void;
}

/** Keys written in one transaction that are remembered; beyond that everything kept of the store is asked anew. */
const MAX_NOTED = 10_000;
const MINUS = 0x2d;
const ABORTED = '-EXECABORT Transaction discarded because of previous errors.\r\n';
const discard: readonly ByteString[] = ['DISCARD'];
const ping: readonly ByteString[] = ['PING'];
const reset: readonly ByteString[] = ['RESET'];
/** Servers before 6.2 do not have it. What the client asked for before may have answers like it, still to come. */
const answersReset = /^(?:\+RESET\r\n|-ERR unknown command ['`]RESET['`])/;
const waits: ReadonlySet<string> = new Set(['wait', 'waitaof']);
/** Between MULTI and its end these act at once. */
const endsTransaction = new Set(['exec', 'discard']);

/**
 * The part of a client that needs a connection of its own to the store: transactions, WATCH, blocking commands, subscriptions,
 * MONITOR, client tracking, another database. While it lasts every command of the client goes there.
 */
export class OwnConnection {
  readonly #upstream: OwnUpstream;
  readonly #database: number;
  readonly #owner: OwnOwner;
  #link: OwnLink | undefined;
  /** Replies still to come over it. */
  #owed = 0;
  /** The last one that got its reply. */
  #last: Slot | undefined;
  #blocking = 0;
  #multi = false;
  #watching = false;
  /** What came to be of subscriptions, MONITOR, tracking, other databases: while there is any, until the client leaves or resets. */
  #sticky = 0;
  #listening = false;
  /** In another database than shared connections are, or asked for one. */
  #elsewhere = false;
  #tracking = false;
  /** RESET is under way. */
  #draining = false;
  /** The connection was lost in a transaction: its commands are refused until the client ends it. */
  #broken: SluiceError | undefined;
  #noted: Set<ByteString> = new Set();
  #notedOpaque = false;
  /** Databases were swapped. */
  #notedAll = false;
  /** A command of the transaction was refused here. */
  #refused = false;

  constructor(upstream: OwnUpstream, database: number, owner: OwnOwner) {
    this.#upstream = upstream;
    this.#database = database;
    this.#owner = owner;
  }

  /** Whether commands of the client go here. */
  get active(): boolean {
    return this.#link !== undefined || this.#broken !== undefined;
  }

  /** It lasts only until the commands under way are answered. */
  get passing(): boolean {
    return this.#link !== undefined && !this.#multi && !this.#watching && this.#sticky === 0;
  }

  get inTransaction(): boolean {
    return this.#multi;
  }

  /** Messages may come at any time. */
  get listening(): boolean {
    return this.#listening;
  }

  /** The server shall tell of changes to what is read over it. */
  get tracking(): boolean {
    return this.#tracking;
  }

  /** In another database than that of the node. */
  get elsewhere(): boolean {
    return this.#elsewhere;
  }

  /** It waits for something that may never come. */
  get blocking(): boolean {
    return this.#blocking > 0;
  }

  /** Whether a command that otherwise concerns the connection to Sluice goes here too. */
  takes(rule: CommandRule): boolean {
    return this.active && (rule.name === 'ping' || rule.name === 'echo');
  }

  /** What a subscription answers comes as a message. */
  expectsReply(rule: CommandRule): boolean {
    // In a transaction it is queued as any other.
    return rule.pin !== 'listen' || rule.name === 'monitor' || this.#multi;
  }

  /** @throws SluiceError OVERLOADED */
  send(argv: readonly ByteString[], rule: CommandRule, proto: 2 | 3, slot: Slot | undefined): void {
    if (this.#broken !== undefined) {
      this.#sendBroken(rule, slot);
      return;
    }
    if (this.#link === undefined) {
      this.#link = this.#upstream.dedicate(proto, this.#database, {
        pushed: (frame) => (this.#draining ? this.#drained(frame) : this.#owner.pushed(frame, this.#last)),
        lost: (error) => this.#lost(error),
      });
      // A server waits for what the connection that asks has seen: by this it has seen what the client wrote over others.
      if (waits.has(rule.name)) this.#link.send(ping, rule, { replied: () => undefined, failed: () => undefined });
    }
    const isRefused = this.#refused && rule.name === 'exec' && argv.length === 1;
    const binds = this.#note(rule, argv);
    if (slot === undefined) {
      this.#link.send(argv, rule, { replied: () => undefined, failed: () => undefined }, 0);
      return;
    }
    this.#owed++;
    const isBlocking = rule.blocking;
    if (isBlocking) this.#blocking++;
    const link = this.#link;
    // A refused one changed nothing. Beside subscriptions what answers may be a message.
    const staysIfDone = binds && rule.pin !== 'listen' && !this.#listening && !this.#multi;
    const over = (): void => {
      // Given back meanwhile: the counts are those of another connection.
      if (this.#link !== link) return;
      this.#owed--;
      if (isBlocking) this.#blocking--;
    };
    // A transaction in which something was refused here must not take place, as it would not where it was refused by the server.
    link.send(isRefused ? discard : argv, rule, {
      replied: (frame) => {
        over();
        this.#last = slot;
        if (staysIfDone && this.#link === link && frame.charCodeAt(0) === MINUS) this.#sticky--;
        slot.replied(isRefused ? ABORTED : frame);
        this.#releaseIfClean();
      },
      failed: (error) => {
        over();
        slot.failed(error);
      },
    });
  }

  /** A command was refused between MULTI and EXEC: EXEC will abort. */
  refuse(): void {
    this.#refused = true;
  }

  /** A write between MULTI and EXEC. */
  noteWrite(argv: readonly ByteString[], rule: CommandRule): void {
    if (rule.name === 'swapdb') this.#notedAll = true;
    if (rule.opaque || this.#noted.size > MAX_NOTED) this.#notedOpaque = true;
    else for (const position of rule.keyPositions(argv)) this.#noted.add(argv[position] as ByteString);
  }

  takeWrites(): { readonly keys: Iterable<ByteString>; readonly opaque: boolean; readonly all: boolean } {
    const taken = { keys: this.#noted, opaque: this.#notedOpaque, all: this.#notedAll };
    this.#noted = new Set();
    this.#notedOpaque = false;
    this.#notedAll = false;
    return taken;
  }

  /**
   * Before RESET: what answers subscriptions is counted by nobody, so the server's own answer to RESET says that all of it is here.
   * @returns whether that is waited for; `ended` is called then
   */
  drain(rule: CommandRule): boolean {
    if (!this.#listening || this.#link === undefined) return false;
    if (this.#draining) return true;
    this.#draining = true;
    this.#link.send(reset, rule, { replied: (frame) => this.#drained(frame), failed: () => undefined });
    return true;
  }

  /** RESET: back to a plain client. */
  reset(): void {
    this.abandon();
  }

  /** The client is gone, or starts anew. */
  abandon(): void {
    const link = this.#link;
    this.#forget();
    link?.release(false);
  }

  /**
   * What the command makes of the connection. Known when it is sent: what follows it is sent before its reply is here.
   * @returns whether it binds the client to the connection for good
   */
  #note({ name, pin }: CommandRule, argv: readonly ByteString[]): boolean {
    const words = argv.length;
    if (words === 1 && name === 'multi') {
      this.#multi = true;
    } else if (this.#multi && words === 1 && endsTransaction.has(name)) {
      this.#multi = false;
      this.#refused = false;
      this.#watching = false;
      this.takeWrites();
    } else if (!this.#multi && name === 'unwatch') {
      this.#watching = false;
    } else if (!this.#multi && name === 'watch') {
      this.#watching = true;
    } else if (pin === 'listen') {
      this.#sticky++;
      this.#listening = true;
      return true;
    } else if (name === 'client|tracking' && !this.#multi) {
      this.#tracking = argv[2]?.toLowerCase() === 'on' && !argv.some((word) => word.toLowerCase() === 'bcast');
      this.#sticky++;
      return true;
    } else if (pin === 'state' || (pin === 'database' && this.#leaves(argv))) {
      this.#sticky++;
      return true;
    }
    return false;
  }

  /** Whether the connection may be in another database from now on. */
  #leaves(argv: readonly ByteString[]): boolean {
    if (argv.length !== 2 || argv[1] !== String(this.#database)) this.#elsewhere = true;
    return this.#elsewhere;
  }

  #drained(frame: ByteString): void {
    if (!answersReset.test(frame)) {
      this.#owner.pushed(frame, this.#last);
      return;
    }
    this.abandon();
    this.#owner.ended();
  }

  #releaseIfClean(): void {
    const link = this.#link;
    if (link === undefined || this.#owed > 0 || this.#multi || this.#watching || this.#sticky > 0) return;
    this.#forget();
    link.release(true);
    this.#owner.ended();
  }

  #lost(error: SluiceError): void {
    if (this.#link === undefined) return;
    const { sticky, state } = { sticky: this.#sticky > 0 && !this.#draining, state: this.#multi || this.#watching };
    this.#forget();
    // A client that listens learns by its connection that it may have missed something, as it would from Redis itself.
    if (sticky) this.#owner.closeClient();
    else if (state) this.#broken = error;
    this.#owner.ended();
  }

  #sendBroken({ name }: CommandRule, slot: Slot | undefined): void {
    const error = this.#broken as SluiceError;
    const isEnd = endsTransaction.has(name) || name === 'unwatch';
    if (isEnd) this.#broken = undefined;
    queueMicrotask(() => {
      if (name === 'exec') slot?.replied(ABORTED);
      else if (isEnd) slot?.replied('+OK\r\n');
      else slot?.failed(error);
    });
  }

  #forget(): void {
    this.#link = undefined;
    this.#broken = undefined;
    this.#owed = 0;
    this.#last = undefined;
    this.#blocking = 0;
    this.#multi = false;
    this.#refused = false;
    this.#watching = false;
    this.#sticky = 0;
    this.#listening = false;
    this.#elsewhere = false;
    this.#tracking = false;
    this.#draining = false;
    this.takeWrites();
  }
}
