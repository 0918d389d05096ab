import type { CommandAccess } from '../guard/acl/permissions.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Reply } from '../resp/reply.ts';
import { type AuditTarget, auditTargetOf } from './audited.ts';
import type { Command, Context } from './command.ts';
import { accessOfRow } from './command-access.ts';

/** Commands that act at once between MULTI and EXEC instead of being queued. */
const actInMulti = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);

/** All that a subscribed RESP2 client may send. */
const allowedSubscribed = new Set(['ping', 'subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'quit', 'reset']);

/** A row of the table with what the execution asks of it at every call, worked out once. */
export class PreparedCommand {
  readonly row: Command;
  readonly name: string;
  readonly run: (context: Context, argv: readonly ByteString[], reply: Reply) => void;
  readonly minWords: number;
  readonly maxWords: number;
  readonly writes: boolean;
  readonly needsMemory: boolean;
  readonly reads: boolean;
  readonly whileLoading: boolean;
  readonly beforeAuth: boolean;
  readonly notInMulti: boolean;
  readonly actsInMulti: boolean;
  readonly whileSubscribed: boolean;
  /** Its output is made of pushes, which CLIENT REPLY does not silence. */
  readonly answersByPush: boolean;
  /** What the audit log says it is about; undefined where it has no place there. */
  readonly auditTarget: AuditTarget | undefined;
  /** What the permissions of a user are asked about it. */
  readonly access: CommandAccess;
  /** By lower case name without the container's: `id` of `client|id`. */
  readonly subcommands: ReadonlyMap<string, PreparedCommand> | undefined;

  constructor(row: Command) {
    const has = (flag: Command['flags'][number]): boolean => row.flags.includes(flag);
    this.row = row;
    this.name = row.name;
    this.run = row.run;
    this.minWords = Math.abs(row.arity);
    this.maxWords = row.arity > 0 ? row.arity : Number.POSITIVE_INFINITY;
    this.writes = has('write');
    this.needsMemory = has('denyoom');
    this.reads = has('readonly');
    this.whileLoading = has('loading');
    this.beforeAuth = has('no_auth');
    this.notInMulti = has('no_multi');
    this.actsInMulti = actInMulti.has(row.name);
    this.whileSubscribed = allowedSubscribed.has(row.name);
    this.auditTarget = auditTargetOf(row.name);
    this.answersByPush = this.whileSubscribed && row.group === 'pubsub';
    this.access = accessOfRow(row, (argv) => this.keyPositions(argv));
    this.subcommands =
      row.subcommands === undefined
        ? undefined
        : new Map(row.subcommands.map((sub) => [sub.name.slice(row.name.length + 1), new PreparedCommand(sub)]));
  }

  /** The keys it names, in order. */
  keysOf(argv: readonly ByteString[]): ByteString[] {
    return this.keyPositions(argv).map((position) => argv[position] as ByteString);
  }

  /** Where they are. */
  keyPositions(argv: readonly ByteString[]): number[] {
    const { row } = this;
    if (row.findKeys !== undefined) return row.findKeys(argv);
    if (row.keys === undefined) return [];
    const [first, last, step] = row.keys;
    const end = last < 0 ? argv.length + last : last;
    const positions: number[] = [];
    for (let i = first; i <= end && i < argv.length; i += step) positions.push(i);
    return positions;
  }
}
