import type { Permissions } from '../guard/acl/permissions.ts';
import type { Client, ClientUser } from './client.ts';
import type { Server } from './server.ts';

/**
 * The rights of a user have changed. Every command asks for them anew; what goes on without commands ends here: connections of a user who
 * was deleted, and those that listen to what the user may no longer hear.
 * @param before what the user was allowed; undefined: everything
 */
export function endRevoked(
  server: Server,
  user: ClientUser,
  change: 'changed' | 'deleted',
  before: Permissions | undefined,
): void {
  for (const client of [...server.clients.values()]) {
    if (client.user !== user || (change === 'changed' && mayGoOn(client, user.permissions, before))) continue;
    if (client === server.acting) {
      client.closing = true;
      continue;
    }
    server.remove(client);
    client.connection.kill();
  }
}

function mayGoOn(client: Client, now: Permissions | undefined, before: Permissions | undefined): boolean {
  if (now === undefined) return true;
  const isAllowed =
    [...client.channels].every((channel) => now.allowsChannel(channel, false)) &&
    [...client.patterns].every((pattern) => now.allowsChannel(pattern, true));
  // What it listens to at the server behind is not known here.
  return isAllowed && (client.remote?.listening !== true || now.keepsListening(before));
}
