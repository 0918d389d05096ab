import type { ByteString } from '../kernel/bytes.ts';
import type { Reply } from '../resp/reply.ts';
import type { Command, CommandGroup } from './command.ts';

/** What stands in the way of the run of a container command that needs a subcommand: the arity refuses it before. */
export function needsSubcommand(): never {
  throw new Error('a container command was run without its subcommand');
}

/** The HELP subcommand of a container. @param lines usage, each followed by its indented explanation. */
export function helpCommand(container: string, group: CommandGroup, lines: readonly string[]): Command {
  return {
    name: `${container}|help`,
    arity: 2,
    flags: ['loading', 'stale'],
    group,
    summary: 'Lists the subcommands.',
    run: (_context, _argv, reply) => replyHelp(container, lines, reply),
  };
}

function replyHelp(container: string, lines: readonly ByteString[], reply: Reply): void {
  reply.array(lines.length + 3);
  reply.simple(`${container.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  for (const line of lines) reply.simple(line);
  reply.simple('HELP');
  reply.simple('    Prints this help.');
}
