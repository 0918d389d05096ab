import { randomBytes } from 'node:crypto';
import { isSluiceError } from '../../errors.ts';
import { isUserName, UnmatchedParenthesis } from '../../guard/acl/account.ts';
import { categories } from '../../guard/acl/catalog.ts';
import { AclRuleError } from '../../guard/acl/rule-error.ts';
import { type Credentials, describeUser } from '../../guard/credentials.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { utf8ToBytes } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { requireInteger } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { helpCommand, needsSubcommand } from '../help.ts';
import { replyDryRun } from './acl-dry-run.ts';
import { replyLog } from './acl-log.ts';
import { replyUser } from './acl-user.ts';

const ADMIN = ['admin', 'noscript', 'loading', 'stale'] as const;
const PLAIN = ['noscript', 'loading', 'stale'] as const;
const MAX_PASSWORD_BITS = 4096n;
const DEFAULT_PASSWORD_BITS = 256n;
const NO_FILE =
  'ERR This node is not configured to use an ACL file (aclFile). Users of ACL SETUSER are gone when it stops; put them into `users` or an ACL file.';

/** ACL and its subcommands: about the users of Sluice, whatever store stands behind. */
export const aclCommand: Command = {
  name: 'acl',
  arity: -2,
  flags: [],
  group: 'server',
  summary: 'Groups the commands about users and what they may do.',
  run: needsSubcommand,
  subcommands: [
    {
      name: 'acl|cat',
      arity: -2,
      flags: PLAIN,
      group: 'server',
      summary: 'Names the categories of commands, or the commands of one.',
      run: cat,
    },
    {
      name: 'acl|deluser',
      arity: -3,
      flags: ADMIN,
      group: 'server',
      summary: 'Deletes users and closes their connections.',
      run: deleteUsers,
    },
    {
      name: 'acl|dryrun',
      arity: -4,
      flags: ADMIN,
      group: 'server',
      summary: 'Tells whether a user may run a command, without running it.',
      run: (context, argv, reply) => replyDryRun(context, usersOf(context), argv, reply),
    },
    {
      name: 'acl|genpass',
      arity: -2,
      flags: PLAIN,
      group: 'server',
      summary: 'Makes a random password.',
      run: makePassword,
    },
    {
      name: 'acl|getuser',
      arity: 3,
      flags: ADMIN,
      group: 'server',
      summary: 'Tells the rules of a user.',
      difference: 'commands are told by the rules as they were given; passwords kept as scrypt hashes are left out',
      run(context, argv, reply) {
        const user = usersOf(context).find(argv[2] as ByteString);
        if (user === undefined) reply.nil();
        else replyUser(user.account, reply);
      },
    },
    {
      name: 'acl|list',
      arity: 2,
      flags: ADMIN,
      group: 'server',
      summary: 'Tells the rules of all users.',
      difference: 'as ACL GETUSER',
      run(context, _argv, reply) {
        const users = usersOf(context).list();
        reply.array(users.length);
        for (const user of users) reply.bulk(describeUser(user));
      },
    },
    {
      name: 'acl|load',
      arity: 2,
      flags: ADMIN,
      group: 'server',
      summary: 'Reads the file of users again: all of it, or nothing.',
      difference: 'users of the configuration are not in the file and stay',
      run: (context, _argv, reply) => withFile(context, reply, (users) => users.load()),
    },
    {
      name: 'acl|log',
      arity: -2,
      flags: ADMIN,
      group: 'server',
      summary: 'Tells what users were refused lately.',
      difference: 'names that no user has are not told',
      run: log,
    },
    {
      name: 'acl|save',
      arity: 2,
      flags: ADMIN,
      group: 'server',
      summary: 'Writes the users to their file.',
      difference: 'users of the configuration are not written',
      run: (context, _argv, reply) => withFile(context, reply, (users) => users.save()),
    },
    {
      name: 'acl|setuser',
      arity: -3,
      flags: ADMIN,
      group: 'server',
      summary: 'Makes or changes a user by rules.',
      run: setUser,
    },
    {
      name: 'acl|users',
      arity: 2,
      flags: ADMIN,
      group: 'server',
      summary: 'Names the users.',
      run(context, _argv, reply) {
        const users = usersOf(context).list();
        reply.array(users.length);
        for (const { name } of users) reply.bulk(name);
      },
    },
    {
      name: 'acl|whoami',
      arity: 2,
      flags: PLAIN,
      group: 'server',
      summary: 'Names the user of the connection.',
      run: ({ client }, _argv, reply) => reply.bulk(utf8ToBytes(client.user?.name ?? 'default')),
    },
    helpCommand('acl', 'server', [
      'CAT [<category>]',
      '    List all commands that belong to <category>, or all command categories',
      '    when no category is specified.',
      'DELUSER <username> [<username> ...]',
      '    Delete a list of users.',
      'DRYRUN <username> <command> [<arg> ...]',
      '    Returns whether the user can execute the given command without executing the command.',
      'GETUSER <username>',
      "    Get the user's details.",
      'GENPASS [<bits>]',
      '    Generate a secure 256-bit user password. The optional `bits` argument can',
      '    be used to specify a different size.',
      'LIST',
      '    Show users details in config file format.',
      'LOAD',
      '    Reload users from the ACL file.',
      'LOG [<count> | RESET]',
      '    Show the ACL log entries.',
      'SAVE',
      '    Save the current config to the ACL file.',
      'SETUSER <username> <attribute> [<attribute> ...]',
      '    Create or modify a user with the specified attributes.',
      'USERS',
      '    List all the registered usernames.',
      'WHOAMI',
      '    Return the current connection username.',
    ]),
  ],
};

function usersOf({ server }: Context): Credentials {
  const { acl } = server.authenticator;
  if (acl === undefined) throw new CommandError('ERR this node has no users');
  return acl;
}

function cat(context: Context, argv: readonly ByteString[], reply: Reply): void {
  if (argv.length > 3) throw tryHelp(argv);
  const category = argv[2]?.toLowerCase();
  const names = category === undefined ? categories : usersOf(context).catalog.answeredIn(category);
  if (names === undefined) throw new CommandError(`ERR Unknown category '${argv[2]}'`);
  reply.array(names.length);
  for (const name of names) reply.bulk(name);
}

function setUser(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const name = argv[2] as ByteString;
  if (!isUserName(name)) throw new CommandError("ERR Usernames can't contain spaces or null characters");
  acting(context, () => {
    try {
      usersOf(context).setUser(name, argv.slice(3));
    } catch (error) {
      if (error instanceof AclRuleError || error instanceof UnmatchedParenthesis)
        throw new CommandError(`ERR ${error.message}`);
      throw error;
    }
  });
  reply.ok();
}

function deleteUsers(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const users = usersOf(context);
  const names = argv.slice(2);
  let deleted = 0;
  acting(context, () => {
    for (const name of names) {
      if (name === 'default') throw new CommandError("ERR The 'default' user cannot be removed");
      if (users.deleteUser(name)) deleted++;
    }
  });
  reply.int(deleted);
}

function withFile(context: Context, reply: Reply, use: (users: Credentials) => void): void {
  const users = usersOf(context);
  if (!users.hasFile) throw new CommandError(NO_FILE);
  acting(context, () => {
    try {
      use(users);
    } catch (error) {
      // What is wrong with the file is the business of whoever may load it.
      if (isSluiceError(error)) throw new CommandError(`ERR ${utf8ToBytes(error.message)}`);
      throw error;
    }
  });
  reply.ok();
}

function log(context: Context, argv: readonly ByteString[], reply: Reply): void {
  const users = usersOf(context);
  if (argv.length > 3) throw tryHelp(argv);
  if (argv[2]?.toLowerCase() === 'reset') {
    users.log.clear();
    reply.ok();
    return;
  }
  const count = argv[2] === undefined ? 10 : Math.max(0, Number(requireInteger(argv[2])));
  replyLog(users.log.latest(count), context.server.engine.turn.time, reply);
}

function makePassword(_context: Context, argv: readonly ByteString[], reply: Reply): void {
  if (argv.length > 3) throw tryHelp(argv);
  const bits = argv[2] === undefined ? DEFAULT_PASSWORD_BITS : requireInteger(argv[2]);
  if (bits <= 0n || bits > MAX_PASSWORD_BITS) {
    throw new CommandError(
      `ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${MAX_PASSWORD_BITS}`,
    );
  }
  const digits = Math.ceil(Number(bits) / 4);
  reply.bulk(
    randomBytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits),
  );
}

/** Runs what may close connections, that of the client itself after its reply. */
function acting({ server, client }: Context, work: () => void): void {
  server.acting = client;
  try {
    work();
  } finally {
    server.acting = undefined;
  }
}

function tryHelp([, subcommand = '']: readonly ByteString[]): CommandError {
  return new CommandError(`ERR unknown subcommand or wrong number of arguments for '${subcommand}'. Try ACL HELP.`);
}
