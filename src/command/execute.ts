import type { ByteString } from '../kernel/bytes.ts';
import { recordCommand } from './audited.ts';
import type { Client, Transaction } from './client.ts';
import { CommandError, errorText, wrongArity } from './command-error.ts';
import { requirePermission } from './permission.ts';
import type { PreparedCommand } from './prepared-command.ts';
import { runCommand } from './run-command.ts';
import type { Server } from './server.ts';
import { findCommand } from './table.ts';

/** What one client may queue between MULTI and EXEC. */
const MAX_QUEUED_COMMANDS = 1_000_000;
const MAX_QUEUED_BYTES = 512 * 1024 * 1024;

/**
 * One command of one client, from its words to its reply: the whole path of the RESP face. Writes the reply to `client.reply` and
 * raises `client.revealed` to the write that must be durable before it may be sent.
 *
 * @param sameInstant the turn takes place at the time of the one before, which the caller knows to be no longer ago than it cares
 * @returns the command, or undefined when there is none of that name
 */
export function execute(
  server: Server,
  client: Client,
  argv: readonly ByteString[],
  sameInstant = false,
): PreparedCommand | undefined {
  const { engine } = server;
  const { reply } = client;
  if (sameInstant) engine.turn.revealed = 0;
  else engine.begin();
  client.lastActiveAt = engine.turn.time;
  server.countCommand(engine.turn.time);
  const replyFrom = reply.size;
  const wasTracking = client.tracking;
  let command: PreparedCommand | undefined;
  let admitted = false;
  try {
    command = findCommand(argv);
    client.lastCommand = command.name;
    if (client.refusal !== undefined) throw client.refusal;
    if (argv.length < command.minWords || argv.length > command.maxWords) throw wrongArity(command.name);
    requireAllowed(server, client, command, argv);
    const isAnswered = client.remote?.intercept?.(command, argv) === true;
    admitted = true;
    if (isAnswered) {
      // Or will be.
      if (command.auditTarget !== undefined) recordCommand(server.audit, client, command, argv, 'sent');
    } else if (client.transaction !== undefined && !command.actsInMulti) {
      enqueue(client.transaction, command, argv);
      reply.simple('QUEUED');
    } else {
      runCommand(server, client, command, argv);
    }
  } catch (error) {
    if (command === undefined) client.lastCommand = 'NULL';
    reply.drop(replyFrom);
    server.countError(error);
    // Strangers are not written down: they could fill the disk.
    if (!admitted && command?.auditTarget !== undefined && client.user !== undefined)
      recordCommand(server.audit, client, command, argv, 'refused', errorText(error));
    reply.error(admitted ? errorText(error) : refuse(server, client, command, errorText(error)));
  }
  if (engine.revealed > client.revealed) client.revealed = engine.revealed;
  if (client.tracking !== undefined && client.tracking === wasTracking) endCaching(client, command);
  if (client.replyMode !== 'on') applyReplyMode(client, command, replyFrom);
  if (server.blocked.anyReady) server.blocked.serve();
  if (server.tracking.anyPending) server.tracking.deliver();
  return command;
}

/** In the order of Redis's processCommand. @throws CommandError, SluiceError */
function requireAllowed(server: Server, client: Client, command: PreparedCommand, argv: readonly ByteString[]): void {
  const { engine } = server;
  const { transaction } = client;
  if (client.user === undefined && !command.beforeAuth) throw new CommandError('NOAUTH Authentication required.');
  const permissions = client.user?.permissions;
  if (permissions !== undefined) requirePermission(server, client, permissions, command.access, argv);
  if (transaction === undefined) {
    if (command.needsMemory) engine.requireMemory();
    if (command.writes) engine.requireWritable();
  } else {
    requireAllowedInMulti(server, client, command);
  }
  if (!command.whileSubscribed && client.subscribed && client.reply.proto === 2) {
    throw new CommandError(
      `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
    );
  }
  if (!command.whileLoading && engine.state === 'loading') engine.requireWritable();
}

/** Room and durability are asked for when a command is queued and once more for all of them at EXEC, never in between. */
function requireAllowedInMulti(server: Server, client: Client, command: PreparedCommand): void {
  const { engine } = server;
  const queue = client.transaction?.queue ?? [];
  if (command.notInMulti) throw new CommandError('ERR Command not allowed inside a transaction');
  const exec = command.name === 'exec';
  // Queueing takes memory too, so at the bound nothing more may be queued.
  if (!command.actsInMulti || (exec && queue.some((queued) => queued.command.needsMemory))) engine.requireMemory();
  if (command.writes || (exec && queue.some((queued) => queued.command.writes))) engine.requireWritable();
  if (exec && engine.state === 'loading' && queue.some((queued) => !queued.command.whileLoading))
    engine.requireWritable();
}

/** @throws CommandError when the transaction has grown too large. */
function enqueue(transaction: Transaction, command: PreparedCommand, argv: readonly ByteString[]): void {
  for (const word of argv) transaction.bytes += word.length;
  if (transaction.queue.length >= MAX_QUEUED_COMMANDS || transaction.bytes > MAX_QUEUED_BYTES) {
    transaction.refused = true;
    transaction.queue.length = 0;
    throw new CommandError('ERR the transaction is too large');
  }
  transaction.queue.push({ command, argv });
}

/** A command refused before it ran or was queued: EXEC will abort; a refused EXEC does so at once. @returns the error reply. */
function refuse(server: Server, client: Client, command: PreparedCommand | undefined, text: string): string {
  if (client.transaction !== undefined) client.transaction.refused = true;
  if (command?.name !== 'exec') return text;
  client.transaction = undefined;
  server.watches.forget(client);
  return `EXECABORT Transaction discarded because of: ${text.replace(/^ERR /, '')}`;
}

/** CLIENT CACHING holds for the next command, or for the next transaction as a whole. */
function endCaching(client: Client, command: PreparedCommand | undefined): void {
  if (client.tracking === undefined || client.transaction !== undefined) return;
  if (command?.name.startsWith('client|') === true) return;
  client.tracking.caching = undefined;
}

function applyReplyMode(client: Client, command: PreparedCommand | undefined, replyFrom: number): void {
  if (client.replyMode === 'skip-next') {
    client.replyMode = 'skip';
    return;
  }
  if (command?.answersByPush !== true) client.reply.drop(replyFrom);
  // A command that waits is silenced when it is answered.
  if (client.replyMode === 'skip' && client.blocked === undefined) client.replyMode = 'on';
}
