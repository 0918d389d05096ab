import type { ByteString } from '../kernel/bytes.ts';
import { recordCommand } from './audited.ts';
import type { Client } from './client.ts';
import { errorText } from './command-error.ts';
import type { PreparedCommand } from './prepared-command.ts';
import type { Server } from './server.ts';

/** Runs a command that was found and allowed; EXEC does it for each queued one. @throws CommandError, SluiceError */
export function runCommand(
  server: Server,
  client: Client,
  command: PreparedCommand,
  argv: readonly ByteString[],
): void {
  if (command.auditTarget !== undefined) runAudited(server, client, command, argv);
  else runUnnoticed(server, client, command, argv);
}

function runAudited(server: Server, client: Client, command: PreparedCommand, argv: readonly ByteString[]): void {
  try {
    runUnnoticed(server, client, command, argv);
  } catch (error) {
    recordCommand(server.audit, client, command, argv, 'refused', errorText(error));
    throw error;
  }
  recordCommand(server.audit, client, command, argv, 'done');
}

function runUnnoticed(server: Server, client: Client, command: PreparedCommand, argv: readonly ByteString[]): void {
  const { tracking } = server;
  if (!tracking.active) {
    command.run(client.contextOf(server), argv, client.reply);
    return;
  }
  tracking.begin(client);
  try {
    command.run(client.contextOf(server), argv, client.reply);
  } finally {
    tracking.begin(undefined);
    // After the run, as an expiry that the read itself notices must not count as a change after the read.
    if (client.tracking !== undefined && command.reads) tracking.remember(client, command.keysOf(argv));
  }
}
