import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Transaction } from '../client.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, errorText } from '../command-error.ts';
import { leaveTransaction } from '../leave.ts';
import { requireStillPermitted } from '../permission.ts';
import { runCommand } from '../run-command.ts';

export const transactionCommands: readonly Command[] = [
  {
    name: 'multi',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    group: 'transactions',
    summary: 'Starts a transaction.',
    run({ client }, _argv, reply) {
      if (client.transaction !== undefined) throw new CommandError('ERR MULTI calls can not be nested');
      client.transaction = { queue: [], refused: false, running: false, bytes: 0 };
      reply.ok();
    },
  },
  {
    name: 'exec',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
    group: 'transactions',
    summary: 'Runs the commands of the transaction.',
    run: exec,
  },
  {
    name: 'discard',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    group: 'transactions',
    summary: 'Ends the transaction without running it.',
    run({ server, client }, _argv, reply) {
      if (client.transaction === undefined) throw new CommandError('ERR DISCARD without MULTI');
      leaveTransaction(server, client);
      reply.ok();
    },
  },
  {
    name: 'watch',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    group: 'transactions',
    summary: 'Makes the next transaction depend on keys not changing.',
    keys: [1, -1, 1],
    run({ server, client }, argv, reply) {
      if (client.transaction !== undefined) throw new CommandError('ERR WATCH inside MULTI is not allowed');
      for (let i = 1; i < argv.length; i++) {
        const key = argv[i] as ByteString;
        // The look makes a key that has already expired leave now, and not as a change later.
        server.watches.watch(client, key, client.keyspace(key).has(key));
      }
      reply.ok();
    },
  },
  {
    name: 'unwatch',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    group: 'transactions',
    summary: 'Forgets the keys under WATCH.',
    run({ server, client }, _argv, reply) {
      server.watches.forget(client);
      reply.ok();
    },
  },
];

function exec(context: Context, _argv: readonly ByteString[], reply: Reply): void {
  const { server, client } = context;
  const { transaction } = client;
  if (transaction === undefined) throw new CommandError('ERR EXEC without MULTI');
  // A watched key whose instant has passed leaves now, which breaks the watch.
  for (const key of client.watched.keys()) client.keyspace(key).has(key);
  const broken = client.watchBroken;
  server.watches.forget(client);
  if (transaction.refused) {
    client.transaction = undefined;
    throw new CommandError('EXECABORT Transaction discarded because of previous errors.');
  }
  if (broken) {
    client.transaction = undefined;
    reply.nilArray();
    return;
  }
  runQueue(context, transaction, reply);
  client.endDeferral();
}

/** Each command replies into the array; an error of one stops none of the others. */
function runQueue({ server, client }: Context, transaction: Transaction, reply: Reply): void {
  const { queue } = transaction;
  transaction.running = true;
  try {
    reply.array(queue.length);
    for (const { command, argv } of queue) {
      const replyFrom = reply.size;
      server.counters.commands++;
      try {
        const permissions = client.user?.permissions;
        if (permissions !== undefined) requireStillPermitted(server, client, permissions, command.access, argv);
        runCommand(server, client, command, argv);
      } catch (error) {
        reply.drop(replyFrom);
        server.countError(error);
        reply.error(errorText(error));
      }
    }
  } finally {
    client.transaction = undefined;
  }
}
