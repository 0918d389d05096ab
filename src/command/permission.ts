import type { CommandAccess, Denial, Permissions } from '../guard/acl/permissions.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Client, ClientUser } from './client.ts';
import { clientLine } from './client-line.ts';
import { CommandError } from './command-error.ts';
import type { Server } from './server.ts';

/** Who may do everything where nobody is configured. */
const OPEN_USER: ClientUser = { name: 'default', compat: false };

/** Who a connection begins as; undefined: nobody, until it authenticates. */
export function guestOf({ authenticator }: Server): ClientUser | undefined {
  return authenticator.required ? undefined : (authenticator.guest ?? OPEN_USER);
}

/** What a user who may not do everything is allowed. @throws CommandError NOPERM */
export function requirePermission(
  server: Server,
  client: Client,
  permissions: Permissions,
  access: CommandAccess,
  argv: readonly ByteString[],
): void {
  const denial = permissions.check(access, argv);
  if (denial === undefined) return;
  noteDenial(server, client, denial, access.name, argv);
  switch (denial.kind) {
    case 'command':
      throw new CommandError(
        access.hidden === 'everything' && permissions.allowsCommand(access.name)
          ? `NOPERM this user may not run '${access.name}': what a script does at the server behind is seen by nobody here, so it takes a user who may do everything`
          : `NOPERM this user has no permissions to run the '${access.name}' command`,
      );
    case 'key':
      throw new CommandError('NOPERM this user has no permissions to access one of the keys used as arguments');
    case 'channel':
      throw new CommandError('NOPERM this user has no permissions to access one of the channels used as arguments');
  }
}

/** The same at EXEC, for what was allowed when it was queued. @throws CommandError NOPERM */
export function requireStillPermitted(
  server: Server,
  client: Client,
  permissions: Permissions,
  access: CommandAccess,
  argv: readonly ByteString[],
): void {
  const denial = permissions.check(access, argv);
  if (denial === undefined) return;
  noteDenial(server, client, denial, access.name, argv);
  const reasons: Readonly<Record<Denial['kind'], string>> = {
    command: 'no permission to execute the command or subcommand',
    key: 'no permission to touch the specified keys',
    channel: 'no permission to access one of the channels used as arguments to the command',
  };
  throw new CommandError(
    `NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ${reasons[denial.kind]}`,
  );
}

/** SORT reads keys that its words only describe. @throws CommandError */
export function requireSortReads(permissions: Permissions, name: string, argv: readonly ByteString[]): void {
  if (permissions.readsAllKeys(name)) return;
  for (let at = 2; at < argv.length - 1; at++) {
    const word = (argv[at] as ByteString).toLowerCase();
    if (word === 'by' && (argv[at + 1] as ByteString).includes('*')) throw sortDenied('BY');
    if (word === 'get') throw sortDenied('GET');
    if (word === 'by' || word === 'store') at++;
    else if (word === 'limit') at += 2;
  }
}

function sortDenied(option: string): CommandError {
  return new CommandError(`ERR ${option} option of SORT denied due to insufficient ACL permissions.`);
}

function noteDenial(
  server: Server,
  client: Client,
  { kind, position }: Denial,
  name: string,
  argv: readonly ByteString[],
): void {
  const { engine, authenticator } = server;
  authenticator.acl?.log.add({
    reason: kind,
    context: client.transaction === undefined ? 'toplevel' : 'multi',
    object: kind === 'command' || position === 0 ? name : (argv[position] as ByteString),
    username: client.user?.name ?? '',
    clientInfo: clientLine(client, engine.clock.now()),
    at: engine.clock.now(),
  });
}
