import type { ByteString } from '../kernel/bytes.ts';
import type { Client } from './client.ts';
import type { PreparedCommand } from './prepared-command.ts';
import type { Server } from './server.ts';

/** Runs a command that was found and allowed; EXEC does it for each queued one. @throws CommandError, SluiceError */
export function runCommand(
  server: Server,
  client: Client,
  command: PreparedCommand,
  argv: readonly ByteString[],
): void {
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
