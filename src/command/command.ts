import type { ByteString } from '../kernel/bytes.ts';
import type { Reply } from '../resp/reply.ts';
import type { Client } from './client.ts';
import type { Server } from './server.ts';

/**
 * Redis's command flags, as COMMAND INFO gives them. Those the execution looks at: `write` (refused while read-only), `denyoom`
 * (needs memory), `loading` (allowed while loading), `no_auth` (before AUTH), `no_multi` (not inside MULTI), `pubsub` (allowed to
 * a subscribed RESP2 client), `blocking`.
 */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'fast'
  | 'no_auth'
  | 'no_multi'
  | 'movablekeys'
  | 'no_mandatory_keys'
  | 'allow_busy'
  | 'random'
  | 'sort_for_script';

export type CommandGroup =
  | 'generic'
  | 'string'
  | 'hash'
  | 'list'
  | 'set'
  | 'sorted-set'
  | 'transactions'
  | 'scripting'
  | 'pubsub'
  | 'connection'
  | 'server';

/** What a command works with. */
export interface Context {
  readonly server: Server;
  readonly client: Client;
}

/** One row of the command table. */
export interface Command {
  /** Lower case; a subcommand has the form `client|id`. */
  readonly name: string;
  /** Number of words, the name included; negative: at least so many. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly group: CommandGroup;
  /** One sentence, for COMMAND DOCS and the reference page. */
  readonly summary: string;
  /** First key, last key (negative: from the end), step; absent when there are no keys at fixed places. */
  readonly keys?: readonly [first: number, last: number, step: number];
  /** Positions of the keys where they depend on the arguments. */
  readonly findKeys?: (argv: readonly ByteString[]) => number[];
  /** Where it differs from Redis 7.0, for the reference page. */
  readonly difference?: string;
  readonly subcommands?: readonly Command[];
  /**
   * Does it and writes exactly one reply (subscriptions: one per channel). Checks everything before it writes anything.
   * @throws CommandError, SluiceError as error replies
   */
  readonly run: (context: Context, argv: readonly ByteString[], reply: Reply) => void;
}
