import type { Credentials } from '../../guard/credentials.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Context } from '../command.ts';
import { CommandError, wrongArity } from '../command-error.ts';
import type { PreparedCommand } from '../prepared-command.ts';

/** ACL DRYRUN: what the user would be told. */
export function replyDryRun(context: Context, users: Credentials, argv: readonly ByteString[], reply: Reply): void {
  const [, , name = '', ...words] = argv;
  const user = users.find(name);
  if (user === undefined) throw new CommandError(`ERR User '${name}' not found`);
  const access = accessOf(context, words);
  const denial = user.permissions?.check(access, words);
  if (denial === undefined) {
    reply.ok();
    return;
  }
  const object = words[denial.position] as ByteString;
  if (denial.kind === 'command') reply.bulk(`This user has no permissions to run the '${access.name}' command`);
  else reply.bulk(`This user has no permissions to access the '${object}' ${denial.kind}`);
}

/** Of a command of this node, or of the server behind, which alone knows how many words it takes. */
function accessOf({ server, client }: Context, words: readonly ByteString[]): PreparedCommand['access'] {
  const known = client.remote?.accessOf?.(words);
  if (known !== undefined) return known;
  let command: PreparedCommand;
  try {
    command = server.commands.find(words);
  } catch (error) {
    if (error instanceof CommandError) throw new CommandError(`ERR Command '${words[0]}' not found`);
    throw error;
  }
  if (words.length < command.minWords || words.length > command.maxWords) throw wrongArity(command.name);
  return command.access;
}
