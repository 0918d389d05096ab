import type { ByteString } from '../../kernel/bytes.ts';
import { compileGlob } from '../../kernel/glob.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, syntaxError } from '../command-error.ts';
import { aclCategories, replyCommandDocs, replyCommandInfo } from '../command-facts.ts';
import { helpCommand } from '../help.ts';
import type { PreparedCommand } from '../prepared-command.ts';
import type { Server } from '../server.ts';

const FLAGS = ['loading', 'stale'] as const;

/** COMMAND and its subcommands: what the table says about itself. */
export const commandCommand: Command = {
  name: 'command',
  arity: -1,
  flags: FLAGS,
  group: 'server',
  summary: 'Describes all commands.',
  run: ({ server }, _argv, reply) => {
    reply.array(server.commands.all.length);
    for (const row of server.commands.all) replyCommandInfo(row, reply);
  },
  subcommands: [
    {
      name: 'command|count',
      arity: 2,
      flags: FLAGS,
      group: 'server',
      summary: 'Counts the commands.',
      run: ({ server }, _argv, reply) => reply.int(server.commands.all.length),
    },
    {
      name: 'command|info',
      arity: -2,
      flags: FLAGS,
      group: 'server',
      summary: 'Describes commands: arity, flags, keys.',
      run({ server }, argv, reply) {
        const rows =
          argv.length === 2 ? server.commands.all : argv.slice(2).map((name) => server.commands.named(name)?.row);
        reply.array(rows.length);
        for (const row of rows) {
          if (row === undefined) reply.nil();
          else replyCommandInfo(row, reply);
        }
      },
    },
    {
      name: 'command|list',
      arity: -2,
      flags: FLAGS,
      group: 'server',
      summary: 'Names the commands, all or filtered.',
      run: list,
    },
    {
      name: 'command|docs',
      arity: -2,
      flags: FLAGS,
      group: 'server',
      summary: 'Documents commands.',
      difference: 'without history and arguments',
      run({ server }, argv, reply) {
        const rows =
          argv.length === 2
            ? server.commands.all
            : argv.slice(2).flatMap((name) => server.commands.named(name)?.row ?? []);
        reply.map(rows.length);
        for (const row of rows) replyCommandDocs(row, reply);
      },
    },
    {
      name: 'command|getkeys',
      arity: -4,
      flags: FLAGS,
      group: 'server',
      summary: 'Names the keys of a whole command.',
      run: getKeys,
    },
    helpCommand('command', 'server', [
      '(no subcommand)',
      '    Return details about all Redis commands.',
      'COUNT',
      '    Return the total number of commands in this Redis server.',
      'LIST',
      '    Return a list of all commands in this Redis server.',
      'INFO [<command-name> ...]',
      '    Return details about multiple Redis commands.',
      '    If no command names are given, documentation details for all',
      '    commands are returned.',
      'DOCS [<command-name> ...]',
      '    Return documentation details about multiple Redis commands.',
      '    If no command names are given, documentation details for all',
      '    commands are returned.',
      'GETKEYS <full-command>',
      '    Return the keys from a full Redis command.',
    ]),
  ],
};

function list({ server }: Context, argv: readonly ByteString[], reply: Reply): void {
  let names: readonly string[];
  if (argv.length === 2) {
    names = server.commands.all.map((row) => row.name);
  } else {
    if (argv.length !== 5 || (argv[2] as ByteString).toLowerCase() !== 'filterby') throw syntaxError();
    names = filtered(server, (argv[3] as ByteString).toLowerCase(), argv[4] as ByteString);
  }
  reply.array(names.length);
  for (const name of names) reply.bulk(name);
}

function filtered(server: Server, filter: string, value: ByteString): readonly string[] {
  const rows = server.commands.all.flatMap((row) => [row, ...(row.subcommands ?? [])]);
  switch (filter) {
    case 'module':
      return [];
    case 'aclcat': {
      const category = `@${value.toLowerCase()}`;
      return rows.filter((row) => aclCategories(row).includes(category)).map((row) => row.name);
    }
    case 'pattern':
      return rows.map((row) => row.name).filter(compileGlob(value));
    default:
      throw syntaxError();
  }
}

function getKeys({ server }: Context, argv: readonly ByteString[], reply: Reply): void {
  const words = argv.slice(2);
  const command = findOrUndefined(server, words);
  if (command === undefined) throw new CommandError('ERR Invalid command specified');
  if (command.row.keys === undefined && command.row.findKeys === undefined)
    throw new CommandError('ERR The command has no key arguments');
  if (words.length < command.minWords || words.length > command.maxWords)
    throw new CommandError('ERR Invalid number of arguments specified for command');
  const keys = command.keysOf(words);
  if (keys.length === 0) throw new CommandError('ERR Invalid arguments specified for command');
  reply.array(keys.length);
  for (const key of keys) reply.bulk(key);
}

function findOrUndefined(server: Server, words: readonly ByteString[]): PreparedCommand | undefined {
  try {
    return server.commands.find(words);
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
