import type { Client, RemoteSession } from '../../command/client.ts';
import { execute } from '../../command/execute.ts';
import type { PreparedCommand } from '../../command/prepared-command.ts';
import { runCommand } from '../../command/run-command.ts';
import type { Server } from '../../command/server.ts';
import { commandNamed, findCommand } from '../../command/table.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { answerManaged, type ManagedClient, type ManagedReads } from './managed-answer.ts';
import { ReplyOrder } from './reply-order.ts';
import { answerRow, type RowClient, type Rows } from './row-answer.ts';
import { errorFrame, type Slot } from './slot.ts';

/** Replies a client may have under way; more of its commands wait in the socket. */
const MAX_OWED = 4096;

/** Keys that are not simply those of the engine. */
export interface OtherKeys {
  /** @default none is read through */
  readonly managed?: ManagedReads | undefined;
  /** @default none is written behind */
  readonly rows?: Rows | undefined;
}

const never = (): never => {
  throw new Error('there are no such keys');
};
const nothing: ManagedReads & Rows = { find: () => undefined, read: never, purge: never, put: never, append: never };

/**
 * The commands of one client on the embedded engine, where some keys are read through or written behind: these may take their time, and their replies keep
 * their places; all others are executed at once, but for those that change how replies come.
 */
export class EngineSession implements RemoteSession, ManagedClient, RowClient {
  readonly listening = false;
  readonly blocking = false;
  readonly managed: ManagedReads;
  readonly rows: Rows;
  readonly #server: Server;
  readonly #client: Client;
  readonly #order: ReplyOrder;
  /** The command that waits for all replies before it. */
  #held: readonly ByteString[] | undefined;
  #wasFull = false;
  #closed = false;

  constructor(server: Server, client: Client, { managed = nothing, rows = nothing }: OtherKeys) {
    this.#server = server;
    this.#client = client;
    this.managed = managed;
    this.rows = rows;
    this.#order = new ReplyOrder(client, this);
  }

  get owed(): number {
    return this.#order.owed;
  }

  get stalled(): boolean {
    return this.#held !== undefined || this.owed >= MAX_OWED;
  }

  get proto(): 2 | 3 {
    return this.#client.reply.proto;
  }

  /** The command at hand may have its reply later. */
  run(argv: readonly ByteString[], sameInstant: boolean): PreparedCommand | undefined {
    if (this.owed > 0 && !isOrdinary(argv)) {
      this.#held = argv;
      return undefined;
    }
    const command = this.#order.place(() => execute(this.#server, this.#client, argv, sameInstant));
    if (this.owed >= MAX_OWED) this.#wasFull = true;
    return command;
  }

  /** Called by the execution of a command that may run. @throws SluiceError MANAGED_KEY */
  intercept(command: PreparedCommand, argv: readonly ByteString[]): boolean {
    const { row } = command;
    if (row.keys === undefined && row.findKeys === undefined) return false;
    const inTransaction = this.#client.transaction !== undefined;
    const positions = command.keyPositions(argv);
    return (
      answerRow(this, argv, command.name, positions, inTransaction) ||
      answerManaged(this, argv, command.name, positions, inTransaction)
    );
  }

  answer(text: ByteString): void {
    this.#order.answer(text);
  }

  answerBulk(value: ByteString | null): void {
    this.#order.answerBulk(value);
  }

  remember(keys: readonly ByteString[]): (() => void) | undefined {
    const client = this.#client;
    const { tracking } = this.#server;
    if (client.tracking === undefined || keys.length === 0) return undefined;
    const { caching } = client.tracking;
    const remember = (): void => tracking.remember(client, keys, caching);
    remember();
    return remember;
  }

  error(message: string): void {
    this.#order.error(message);
  }

  await(slot: Slot): void {
    this.#order.push(slot);
  }

  /** A key of its own dictionary: at once, in a reply of its own. What it reveals must be durable before any reply of this turn leaves. */
  async runPlain(argv: readonly ByteString[]): Promise<ByteString> {
    const { reply } = this.#client;
    const before = reply.take();
    const command = findCommand(argv);
    try {
      runCommand(this.#server, this.#client, command, argv);
      return reply.take();
    } catch (error) {
      reply.take();
      return errorFrame(error);
    } finally {
      reply.raw(before);
      const { revealed } = this.#server.engine;
      if (revealed > this.#client.revealed) this.#client.revealed = revealed;
    }
  }

  settled(): void {
    if (this.#closed || !this.#order.give()) return;
    this.#client.connection.flush();
    const held = this.#held;
    if (held !== undefined && this.owed === 0) {
      this.#held = undefined;
      this.run(held, false);
      this.#wasFull = true;
    }
    if (!this.#wasFull || this.stalled) return;
    this.#wasFull = false;
    this.#client.connection.resume();
  }

  closed(): void {
    this.#closed = true;
    this.#held = undefined;
  }
}

const ordinaryGroups: ReadonlySet<string> = new Set([
  'generic',
  'string',
  'hash',
  'list',
  'set',
  'sorted-set',
  'scripting',
]);

/** Neither waits nor changes how replies come: it may be executed before the replies of others are known. */
function isOrdinary(argv: readonly ByteString[]): boolean {
  const row = commandNamed(argv[0] as ByteString)?.row;
  return row !== undefined && ordinaryGroups.has(row.group) && !row.flags.includes('blocking');
}
