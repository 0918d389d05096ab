import { isSluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Client } from './client.ts';
import type { Command } from './command.ts';
import { CommandError, wrongArity } from './command-error.ts';
import type { Server } from './server.ts';
import { findCommand, unknownCommand } from './table.ts';

/**
 * One command of one client, from its words to its reply: the whole path of the RESP face. Writes the reply to `client.reply` and
 * raises `client.revealed` to the write that must be durable before it may be sent.
 */
export function execute(server: Server, client: Client, argv: readonly ByteString[]): void {
  const { engine, counters } = server;
  engine.begin();
  client.lastActiveAt = engine.turn.time;
  counters.commands++;
  const replyFrom = client.reply.size;
  try {
    const command = findCommand(argv);
    if (command === undefined) throw unknownCommand(argv);
    client.lastCommand = command.name;
    if (command.arity > 0 ? argv.length !== command.arity : argv.length < -command.arity)
      throw wrongArity(command.name);
    requireAllowed(server, client, command);
    if (client.transaction !== undefined && !runsInsideMulti(command)) {
      requireRoom(server, command);
      client.transaction.queue.push({ command, argv });
      client.reply.simple('QUEUED');
    } else {
      run(server, client, command, argv);
    }
  } catch (error) {
    if (client.transaction !== undefined && isRefusal(error)) client.transaction.refused = true;
    counters.errors++;
    client.reply.error(errorText(error));
  }
  client.revealed = Math.max(client.revealed, engine.revealed);
  if (client.replyMode !== 'on') applyReplyMode(client, replyFrom);
  if (server.blocked.anyReady) server.blocked.serve();
  if (server.tracking.anyPending) server.tracking.deliver();
}

/** Runs a command that was found and allowed; EXEC does it for each queued one. @throws CommandError, SluiceError */
export function run(server: Server, client: Client, command: Command, argv: readonly ByteString[]): void {
  requireRoom(server, command);
  if (server.tracking.active) {
    server.tracking.begin(client);
    if (client.tracking !== undefined && command.flags.includes('readonly'))
      server.tracking.remember(client, keysOf(command, argv));
  }
  command.run({ server, client }, argv, client.reply);
  if (client.tracking?.caching !== undefined && command.name !== 'client|caching') client.tracking.caching = undefined;
}

/** The keys a command names, in order. */
export function keysOf(command: Command, argv: readonly ByteString[]): ByteString[] {
  if (command.findKeys !== undefined) return command.findKeys(argv).map((position) => argv[position] as ByteString);
  if (command.keys === undefined) return [];
  const [first, last, step] = command.keys;
  const end = last < 0 ? argv.length + last : last;
  const keys: ByteString[] = [];
  for (let i = first; i <= end && i < argv.length; i += step) keys.push(argv[i] as ByteString);
  return keys;
}

/** The error reply of anything a command throws. A bug says so and does not take the process down with it. */
export function errorText(error: unknown): string {
  if (error instanceof CommandError) return error.message;
  if (isSluiceError(error)) {
    switch (error.code) {
      case 'WRONG_TYPE':
        return 'WRONGTYPE Operation against a key holding the wrong kind of value';
      case 'OUT_OF_MEMORY':
        return "OOM command not allowed when used memory > 'maxmemory'.";
      case 'STORE_LOADING':
        return 'LOADING Sluice is loading the dataset in memory';
      case 'STORE_READ_ONLY':
        return `MISCONF Errors writing to the journal: ${error.message}`;
      default:
        return `ERR ${error.message}`;
    }
  }
  throw error;
}

const insideMulti = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);

function runsInsideMulti(command: Command): boolean {
  return insideMulti.has(command.name);
}

function requireAllowed(server: Server, client: Client, command: Command): void {
  if (client.user === undefined && !command.flags.includes('no_auth'))
    throw new CommandError('NOAUTH Authentication required.');
  if (client.subscribed && client.reply.proto === 2 && !allowedWhileSubscribed(command)) {
    throw new CommandError(
      `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
    );
  }
  if (server.engine.state === 'loading' && !command.flags.includes('loading')) server.engine.requireWritable();
  if (client.transaction !== undefined && command.flags.includes('no_multi')) {
    throw new CommandError('ERR Command not allowed inside a transaction');
  }
}

function allowedWhileSubscribed(command: Command): boolean {
  return (
    command.flags.includes('pubsub') || command.name === 'ping' || command.name === 'quit' || command.name === 'reset'
  );
}

/** @throws SluiceError STORE_READ_ONLY, OUT_OF_MEMORY */
function requireRoom(server: Server, command: Command): void {
  if (!command.flags.includes('write')) return;
  server.engine.requireWritable();
  if (command.flags.includes('denyoom')) server.engine.requireMemory();
}

/** Errors while queueing abort the transaction, except those of commands that act at once. */
function isRefusal(error: unknown): boolean {
  return !(error instanceof CommandError) || !error.message.includes('MULTI');
}

function applyReplyMode(client: Client, replyFrom: number): void {
  if (client.replyMode === 'skip-next') {
    client.replyMode = 'skip';
    return;
  }
  client.reply.drop(replyFrom);
  if (client.replyMode === 'skip') client.replyMode = 'on';
}
