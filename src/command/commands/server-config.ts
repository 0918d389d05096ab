import { type ByteString, bytesToUtf8, utf8ToBytes } from '../../kernel/bytes.ts';
import { matchGlob } from '../../kernel/glob.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, quoted, syntaxError } from '../command-error.ts';
import { helpCommand, needsSubcommand } from '../help.ts';

const FLAGS = ['admin', 'noscript', 'loading', 'stale'] as const;

/** CONFIG and its subcommands. */
export const configCommand: Command = {
  name: 'config',
  arity: -2,
  flags: [],
  group: 'server',
  summary: 'Groups the commands about settings.',
  run: needsSubcommand,
  subcommands: [
    {
      name: 'config|get',
      arity: -3,
      flags: FLAGS,
      group: 'server',
      summary: 'Tells the settings whose names match.',
      difference: 'knows the parameters that have a meaning here',
      run: ({ server }, argv, reply) => {
        const chosen = new Map<string, string>();
        for (const pattern of argv.slice(2)) {
          for (const [name, value] of select(server.settings, pattern)) chosen.set(name, value);
        }
        reply.map(chosen.size);
        for (const [name, value] of chosen) {
          reply.bulk(utf8ToBytes(name));
          reply.bulk(utf8ToBytes(value));
        }
      },
    },
    {
      name: 'config|set',
      arity: -4,
      flags: FLAGS,
      group: 'server',
      summary: 'Changes settings, all of them or none.',
      difference: 'holds until the process ends; see the settings that may be changed while running',
      run: set,
    },
    {
      name: 'config|resetstat',
      arity: 2,
      flags: FLAGS,
      group: 'server',
      summary: 'Sets the counters of INFO to zero.',
      run({ server }, _argv, reply) {
        server.resetStatistics();
        reply.ok();
      },
    },
    helpCommand('config', 'server', [
      'GET <pattern>',
      '    Return parameters matching the glob-like <pattern> and their values.',
      'SET <directive> <value>',
      '    Set the configuration <directive> to <value>.',
      'RESETSTAT',
      '    Reset statistics reported by the INFO command.',
    ]),
  ],
};

/** As Redis: a plain name comes back as it was written, a pattern gives the names as they are. */
function* select(
  settings: Context['server']['settings'],
  pattern: ByteString,
): Generator<readonly [name: string, value: string]> {
  if (!/[*?[]/.test(pattern)) {
    const value = settings.get(pattern.toLowerCase());
    if (value !== undefined) yield [bytesToUtf8(pattern), value];
    return;
  }
  for (const name of settings.names()) {
    if (matchGlob(pattern, name, { ignoreCase: true })) yield [name, settings.get(name) ?? ''];
  }
}

/** All pairs or none. @throws CommandError */
function set({ server }: Context, argv: readonly ByteString[], reply: Reply): void {
  const { settings } = server;
  if (argv.length % 2 !== 0) throw syntaxError();
  const wanted = new Map<string, string>();
  for (let i = 2; i < argv.length; i += 2) {
    const name = (argv[i] as ByteString).toLowerCase();
    if (settings.get(name) === undefined) {
      throw new CommandError(
        `ERR Unknown option or number of arguments for CONFIG SET - '${quoted(argv[i] as ByteString)}'`,
      );
    }
    if (wanted.has(name)) throw failed(name, 'duplicate parameter');
    wanted.set(name, bytesToUtf8(argv[i + 1] as ByteString));
  }
  const before: (readonly [name: string, value: string])[] = [];
  try {
    for (const [name, value] of wanted) {
      before.push([name, settings.get(name) as string]);
      settings.set(name, value);
    }
  } catch (error) {
    // The last one did not take effect.
    for (const [name, value] of before.slice(0, -1).reverse()) settings.set(name, value);
    throw error;
  }
  reply.ok();
}

function failed(name: string, why: string): CommandError {
  return new CommandError(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}`);
}
