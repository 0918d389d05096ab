import { recordCommand } from '../../command/audited.ts';
import type { Client, RemoteSession } from '../../command/client.ts';
import { CommandError, errorText } from '../../command/command-error.ts';
import type { CommandRule, CommandRules } from '../../command/command-rules.ts';
import { execute } from '../../command/execute.ts';
import { requirePermission, requireSortReads } from '../../command/permission.ts';
import type { PreparedCommand } from '../../command/prepared-command.ts';
import type { Server } from '../../command/server.ts';
import { SluiceError } from '../../errors.ts';
import type { CommandAccess, Permissions } from '../../guard/acl/permissions.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { answerFromCache, type CacheReads } from './cached-answer.ts';
import { answerManaged, type ManagedClient, type ManagedReads } from './managed-answer.ts';
import { OwnConnection, type OwnUpstream } from './own-connection.ts';
import { ReplyOrder } from './reply-order.ts';
import { answerRow, type RowClient, type Rows } from './row-answer.ts';
import { Slot } from './slot.ts';

/** Where commands go; `Upstream` of the link is one. */
export interface ProxyUpstream extends OwnUpstream {
  send(argv: readonly ByteString[], rule: CommandRule, proto: 2 | 3, receiver: Slot): void;
  barrier(done: (complete: boolean) => void): void;
}

/** Tokens of writes, see `SyncTokens` of the cache. */
export interface ReadTokens {
  issue(): string;
  isToken(text: string): boolean;
  honour(token: string, done: (current: boolean) => void): void;
}

/** What all sessions of a face share. */
export interface ProxyContext {
  readonly server: Server;
  readonly upstream: ProxyUpstream;
  readonly rules: CommandRules;
  /** Absent: nothing is cached. */
  readonly reads: CacheReads | undefined;
  /** Keys that are read through; absent where there are none. */
  readonly managed: ManagedReads | undefined;
  /** Keys that are written behind; absent where there are none. */
  readonly rows: Rows | undefined;
  /** The database that shared connections are in. */
  readonly database: number;
  /** Reading one's own writes from other nodes; absent without a cache. */
  readonly tokens: ReadTokens | undefined;
  /** Whether a key is not for this client. */
  readonly isReserved: (client: Client, key: ByteString) => boolean;
  /** Monotonic, ms. */
  readonly now: () => number;
}

/** Replies a client may have under way; more of its commands wait in the socket. */
const MAX_OWED = 4096;
/** What concerns the connection to Sluice cannot be queued with the server; these act at once in a transaction, as there. */
const actInTransaction: ReadonlySet<string> = new Set(['ping', 'echo', 'quit', 'reset']);
/** What changes the connection comes after everything before it. */
const waitsForAll: ReadonlySet<string> = new Set(['hello', 'reset']);
/** The same in bytes of those commands. */
const MAX_BYTES = 1024 * 1024;

/**
 * The commands of one client, passed on to the store behind Sluice: the whole path of the RESP face over Redis.
 *
 * Every command gets a slot; slots are answered in any order and given out in the order of the commands. Commands of a client take
 * effect in their order although they travel over several connections: what is under way there is waited for where it matters (a
 * write after reads that fill the cache, a read after writes, a change to a connection of its own).
 */
export class ProxySession implements RemoteSession, ManagedClient, RowClient {
  readonly #context: ProxyContext;
  readonly #client: Client;
  readonly #own: OwnConnection;
  /** The number of the database that shared connections are in. */
  readonly #database: ByteString;
  readonly #order: ReplyOrder;
  /** On the shared connections: writes, and reads that fill the cache. */
  #writes = 0;
  #fills = 0;
  /** Commands under way over shared connections, of any kind. */
  #shared = 0;
  /** Places of changes to rows that are under way, over a connection of the store's driver. */
  readonly #rowWrites = new Set<Slot>();
  #changesRow = false;
  /** When the command at hand began, for the cache; monotonic, ms. */
  now = 0;
  /** What the user was allowed when the transaction began; undefined: everything. */
  #queuedWith: Permissions | undefined;
  /** Bytes of commands under way. */
  #bytes = 0;
  /** The command that waits for others to end. */
  #held: readonly ByteString[] | undefined;
  /** Its name. */
  #holds = '';
  /** Commands may wait for this session to take them. */
  #wasFull = false;
  #closed = false;

  constructor(context: ProxyContext, client: Client) {
    this.#context = context;
    this.#client = client;
    this.#database = String(context.database);
    this.#order = new ReplyOrder(client, this);
    this.#own = new OwnConnection(context.upstream, context.database, {
      pushed: (frame, after) => this.#relay(frame, after),
      ended: () => this.#wake(),
      closeClient: () => client.connection.kill(),
    });
  }

  get owed(): number {
    return this.#order.owed;
  }

  get stalled(): boolean {
    return this.#held !== undefined || this.owed >= MAX_OWED || this.#bytes > MAX_BYTES;
  }

  get listening(): boolean {
    return this.#own.listening;
  }

  get blocking(): boolean {
    return this.#own.blocking;
  }

  /** One command of the client. @returns its row in Sluice's own table, where it has one */
  run(argv: readonly ByteString[], sameInstant: boolean): PreparedCommand | undefined {
    const command = this.#run(argv, sameInstant);
    if (this.owed >= MAX_OWED || this.#bytes > MAX_BYTES) this.#wasFull = true;
    return command;
  }

  #run(argv: readonly ByteString[], sameInstant: boolean): PreparedCommand | undefined {
    const { server, rules, upstream } = this.#context;
    const client = this.#client;
    const rule = rules.find(argv);
    if (rule.name === 'reset' && (this.owed > 0 || this.#own.drain(rule))) {
      // It ends what it would otherwise overtake.
      this.#hold(argv);
      return rule.command;
    }
    if (rule.handling === 'local' && this.#own.inTransaction && !actInTransaction.has(rule.name)) {
      this.#own.refuse();
      this.error(`ERR ${(argv[0] as ByteString).toUpperCase()} is not allowed in a transaction`);
      return rule.command;
    }
    if (rule.name === 'hello' && argv[1] === (client.reply.proto === 2 ? '3' : '2')) {
      if (this.owed > 0 || this.#own.passing) {
        // Each protocol has connections of its own: what comes after must not overtake what is under way.
        this.#hold(argv);
        return rule.command;
      }
      if (this.#own.active) {
        this.error('ERR HELLO cannot change the protocol while the connection has state in the store; RESET first');
        return rule.command;
      }
    }
    if (client.user === undefined || (rule.handling === 'local' && !this.#own.takes(rule))) {
      return this.#runHere(argv, sameInstant);
    }
    if (!sameInstant) client.lastActiveAt = server.engine.clock.now();
    server.countCommand(client.lastActiveAt);
    client.lastCommand = rule.name;
    try {
      if (client.refusal !== undefined) {
        // A transaction does not stay open without the command that was to end it.
        if (rule.name !== 'exec' || !this.#own.inTransaction) throw client.refusal;
        this.#own.refuse();
      }
      // What was queued was allowed by rules that hold no longer: none of it is done.
      if (rule.name === 'exec' && this.#own.inTransaction && client.user.permissions !== this.#queuedWith)
        this.#own.refuse();
      if (rule.handling === 'refused') {
        throw new CommandError(
          `ERR ${rule.name.toUpperCase()} is not passed on; replicas connect to the server itself`,
        );
      }
      const { permissions } = client.user;
      if (rule.name === 'multi' && !this.#own.inTransaction) this.#queuedWith = permissions;
      if (permissions !== undefined) this.#requirePermitted(permissions, argv, rule);
      this.#checkKeys(argv, rule);
      if (!rule.idempotent && this.#fills > 0) {
        this.#hold(argv);
      } else if (this.#isAnsweredHere(argv, rule)) {
        // Answered, or being fetched.
      } else if (this.#comesAfterRows(rule)) {
        this.#hold(argv);
      } else if (rule.name === 'sluice') {
        this.#tokens(argv);
      } else if (rule.pin === 'database' && !this.#own.active && argv[1] === this.#database && argv.length === 2) {
        this.answer('+OK\r\n');
      } else if (this.#own.active || rule.handling === 'own') {
        // What answers a subscription comes as a message, which keeps no place among replies.
        if (this.#shared > 0 || (rule.pin === 'listen' && this.owed > 0)) this.#hold(argv);
        else this.#sendOwn(argv, rule);
      } else if (
        rule.handling === 'cached' &&
        this.#mayUseCache(sameInstant) &&
        answerFromCache(this, argv, rule.name)
      ) {
        // Answered, or being read.
      } else {
        upstream.send(argv, rule, client.reply.proto, this.#share(argv, rule));
      }
    } catch (error) {
      server.countError(error);
      this.#audit(argv, rule, 'refused', errorText(error));
      if (this.#own.inTransaction) this.#own.refuse();
      this.error(errorText(error));
    }
    if (client.replyMode !== 'on' && this.#held !== argv) this.#applyReplyMode();
    return rule.command;
  }

  /** For ACL DRYRUN. */
  accessOf(argv: readonly ByteString[]): CommandAccess | undefined {
    const { command, access } = this.#context.rules.find(argv);
    return command === undefined && access.hidden !== 'unknown' ? access : undefined;
  }

  /** Slots that are answered already, for the cache. */
  get reads(): CacheReads {
    return this.#context.reads as CacheReads;
  }

  get proto(): 2 | 3 {
    return this.#client.reply.proto;
  }

  get managed(): ManagedReads {
    return this.#context.managed as ManagedReads;
  }

  get rows(): Rows {
    return this.#context.rows as Rows;
  }

  /** A command on one key, over the connections that all clients share. */
  runPlain(argv: readonly ByteString[]): Promise<ByteString> {
    const { upstream, rules, reads } = this.#context;
    const rule = rules.find(argv);
    const writes = rule.idempotent ? 0 : 1;
    this.#shared++;
    this.#writes += writes;
    return new Promise((resolve) => {
      const settled = ({ text = '' }: Slot): void => {
        this.#shared--;
        this.#writes -= writes;
        resolve(text);
      };
      const slot = new Slot({ settled }, 'none', 0, (done) => {
        if (!rule.idempotent) reads?.written(argv[1] as ByteString);
        done();
      });
      upstream.send(argv, rule, this.proto, slot);
    });
  }

  /** The server tells of changes to what it was asked for over the client's own connection, and of nothing else. */
  remember(keys: readonly ByteString[]): undefined {
    if (!this.#own.tracking || keys.length === 0) return;
    throw new SluiceError(
      'MANAGED_KEY',
      'a client that tracks what it reads cannot read keys that come from an origin; use CLIENT TRACKING with BCAST, or another connection',
    );
  }

  /** A reply that is known at once. */
  answer(text: ByteString): void {
    this.#order.answer(text);
  }

  answerBulk(value: ByteString | null): void {
    this.#order.answerBulk(value);
  }

  answerBulks(values: readonly (ByteString | null)[]): void {
    this.#order.answerBulks(values);
  }

  error(message: string): void {
    this.#order.error(message);
  }

  /** Takes the slot of a read that fills the cache, or of what an origin or a row answers. */
  await(slot: Slot): void {
    if (this.#changesRow) this.#rowWrites.add(slot);
    if (slot.work === 'fill') {
      this.#fills++;
      this.#shared++;
    }
    this.#push(slot);
  }

  /** A slot has its reply. */
  settled(slot: Slot): void {
    const { work, bytes } = slot;
    this.#bytes -= bytes;
    if (this.#rowWrites.size > 0) this.#rowWrites.delete(slot);
    if (work !== 'none') this.#shared--;
    if (work === 'fill') this.#fills--;
    else if (work === 'write') this.#writes--;
    if (this.#closed) return;
    if (!this.#order.give()) return;
    this.#client.connection.flush();
    this.#wake();
  }

  /** The socket is gone. */
  closed(): void {
    this.#closed = true;
    this.#held = undefined;
    this.#own.abandon();
  }

  /** `SLUICE TOKEN`, `SLUICE SYNC token`: what this client wrote is seen by whoever brings the token to another node. */
  #tokens(argv: readonly ByteString[]): void {
    const { tokens, reads } = this.#context;
    const [, action = '', token = ''] = argv;
    const isSync = action.toLowerCase() === 'sync' && argv.length === 3;
    if (!isSync && !(action.toLowerCase() === 'token' && argv.length === 2))
      throw new CommandError('ERR Try SLUICE TOKEN or SLUICE SYNC token.');
    // Without a cache every read sees every write.
    if (tokens === undefined) {
      if (isSync) this.answer('+OK\r\n');
      else this.answerBulk('none.0');
      return;
    }
    if (isSync && !tokens.isToken(token)) throw new CommandError('ERR not a token that SLUICE TOKEN gave out');
    // As a write: what comes before it has its reply by then, and what comes after it is not answered from the cache yet.
    this.#shared++;
    this.#writes++;
    const slot = this.#push(new Slot(this, 'write'));
    if (!isSync) {
      const issued = tokens.issue();
      slot.settle(`$${issued.length}\r\n${issued}\r\n`);
      return;
    }
    tokens.honour(token, (current) => {
      if (!current) reads?.forgetAll();
      slot.settle('+OK\r\n');
    });
  }

  /** What is kept of a key must not outlive a write to it by this client. */
  #share(argv: readonly ByteString[], rule: CommandRule): Slot {
    this.#audit(argv, rule, 'sent');
    this.#shared++;
    if (rule.idempotent) return this.#push(new Slot(this, 'plain', sizeOf(argv)));
    this.#writes++;
    return this.#push(new Slot(this, 'write', sizeOf(argv), this.#effects(argv, rule)));
  }

  #audit(argv: readonly ByteString[], { command }: CommandRule, outcome: 'sent' | 'refused', reason?: string): void {
    if (command?.auditTarget !== undefined)
      recordCommand(this.#context.server.audit, this.#client, command, argv, outcome, reason);
  }

  #sendOwn(argv: readonly ByteString[], rule: CommandRule): void {
    const slot = this.#own.expectsReply(rule)
      ? new Slot(this, 'none', sizeOf(argv), this.#effects(argv, rule))
      : undefined;
    // Refused when the pool is used up: before the slot stands in the queue.
    this.#own.send(argv, rule, this.#client.reply.proto, slot);
    this.#audit(argv, rule, 'sent');
    if (slot !== undefined) this.#push(slot);
  }

  /** What has to happen between a write's reply and its being passed on. @returns undefined when nothing is cached */
  #effects(argv: readonly ByteString[], rule: CommandRule): ((done: () => void) => void) | undefined {
    const { reads, upstream } = this.#context;
    if (reads === undefined || rule.idempotent) return undefined;
    const inTransaction = this.#own.inTransaction;
    if (inTransaction && rule.name !== 'exec') {
      this.#own.noteWrite(argv, rule);
      return undefined;
    }
    const noted = rule.name === 'exec' ? this.#own.takeWrites() : undefined;
    const all = rule.name === 'swapdb' || noted?.all === true;
    return (done) => {
      // Until then nothing is answered from the cache: the reply may be passed on only after the keys are dropped.
      this.#writes++;
      const end = (): void => {
        this.#writes--;
        done();
      };
      for (const position of rule.keyPositions(argv)) reads.written(argv[position] as ByteString);
      for (const key of noted?.keys ?? []) reads.written(key);
      // The server tells of everything a script does, but not of this.
      if (all) reads.forgetAll();
      if (!rule.opaque && noted?.opaque !== true) {
        end();
        return;
      }
      upstream.barrier((complete) => {
        if (!complete) reads.forgetAll();
        end();
      });
    };
  }

  /** Whether the command is for keys that are read through or written behind, and so answered here. @throws SluiceError MANAGED_KEY */
  #isAnsweredHere(argv: readonly ByteString[], rule: CommandRule): boolean {
    const { managed, rows } = this.#context;
    // Keyspaces are of the database of this node.
    if ((managed === undefined && rows === undefined) || this.#own.elsewhere) return false;
    // Where only subscriptions are allowed the server says so.
    if (this.#own.listening && this.proto === 2) return false;
    // Rows that wait lie in the same database.
    if (rows !== undefined && (rule.name === 'flushall' || rule.name === 'flushdb'))
      throw new SluiceError('MANAGED_KEY', `'${rule.name}' would remove what waits to be written; remove keys by name`);
    const positions = rule.keyPositions(argv);
    const isRow = rows !== undefined && positions.some((at) => rows.find(argv[at] as ByteString) !== undefined);
    const isOther = isRow || positions.some((at) => managed?.find(argv[at] as ByteString) !== undefined);
    if (!isOther) return false;
    // What it did over its own connection comes first, and what it writes over that of its protocol before what it writes to rows.
    const isLate = isRow && !rule.idempotent && this.proto === 2 && this.#writes > 0;
    if (isLate || (this.#own.active && this.owed > 0)) {
      this.#hold(argv);
      return true;
    }
    const { inTransaction } = this.#own;
    if (!isRow) return answerManaged(this, argv, rule.name, positions, inTransaction);
    this.#changesRow = !rule.idempotent;
    try {
      return answerRow(this, argv, rule.name, positions, inTransaction);
    } finally {
      this.#changesRow = false;
    }
  }

  /** Rows are changed over the connection that RESP3 clients share. What could overtake that waits. */
  #comesAfterRows({ idempotent, handling }: CommandRule): boolean {
    if (this.#rowWrites.size === 0) return false;
    return this.#own.active || handling === 'own' || (!idempotent && this.proto === 2);
  }

  /** The rules of the user, which the server behind knows nothing of. @throws CommandError NOPERM */
  #requirePermitted(permissions: Permissions, argv: readonly ByteString[], { name, access }: CommandRule): void {
    if (access.hidden === 'unknown' && !this.#context.rules.told && permissions.check(access, argv) !== undefined)
      throw new CommandError('LOADING the server behind has not told of its commands yet');
    requirePermission(this.#context.server, this.#client, permissions, access, argv);
    if (name === 'sort' || name === 'sort_ro') requireSortReads(permissions, name, argv);
  }

  /** @throws CommandError */
  #checkKeys(argv: readonly ByteString[], rule: CommandRule): void {
    const { isReserved } = this.#context;
    const refuse = (): never => {
      throw new CommandError('NOPERM No permissions to access a key');
    };
    if (rule.singleKey) {
      if (argv.length > 1 && isReserved(this.#client, argv[1] as ByteString)) refuse();
      return;
    }
    for (const position of rule.keyPositions(argv)) {
      const key = argv[position];
      if (key !== undefined && isReserved(this.#client, key)) refuse();
    }
  }

  #mayUseCache(sameInstant: boolean): boolean {
    if (!sameInstant) this.now = this.#context.now();
    return this.#context.reads !== undefined && this.#writes === 0;
  }

  #runHere(argv: readonly ByteString[], sameInstant: boolean): PreparedCommand | undefined {
    const { server } = this.#context;
    const client = this.#client;
    const command = this.#order.place(() => execute(server, client, argv, sameInstant));
    this.#afterLocal(command);
    return command;
  }

  #afterLocal(command: PreparedCommand | undefined): void {
    if (command?.name === 'reset') this.#own.reset();
  }

  #push(slot: Slot): Slot {
    this.#order.push(slot);
    this.#bytes += slot.bytes;
    return slot;
  }

  #hold(argv: readonly ByteString[]): void {
    this.#held = argv;
    this.#holds = (argv[0] as ByteString).toLowerCase();
  }

  /** Something ended: what waited for it may go on. */
  #wake(): void {
    const held = this.#held;
    if (held !== undefined && this.#shared === 0 && (!waitsForAll.has(this.#holds) || this.owed === 0)) {
      this.#held = undefined;
      this.run(held, false);
      this.#wasFull = true;
    }
    if (!this.#wasFull || this.stalled) return;
    this.#wasFull = false;
    this.#client.connection.resume();
  }

  /** @param after the last reply before it */
  #relay(frame: ByteString, after: Slot | undefined): void {
    if (this.#closed) return;
    if (this.proto === 2 && after?.given === false) {
      // In RESP2 a message cannot be told from a reply: it keeps its place.
      after.tail += frame;
      return;
    }
    this.#client.reply.raw(frame);
    this.#client.connection.flush();
  }

  #applyReplyMode(): void {
    const client = this.#client;
    if (client.replyMode === 'skip-next') client.replyMode = 'skip';
    else if (client.replyMode === 'skip') client.replyMode = 'on';
  }
}

function sizeOf(argv: readonly ByteString[]): number {
  let bytes = 0;
  for (let i = 0; i < argv.length; i++) bytes += (argv[i] as ByteString).length;
  return bytes;
}
