import type { ByteString } from '../kernel/bytes.ts';
import type { Command } from './command.ts';
import { CommandError, quoted } from './command-error.ts';
import { connectionCommands } from './commands/connection.ts';
import { genericCommands } from './commands/generic.ts';
import { hashCommands } from './commands/hash.ts';
import { listCommands } from './commands/list.ts';
import { pubSubCommands } from './commands/pub-sub.ts';
import { scriptingCommands } from './commands/scripting.ts';
import { serverCommands } from './commands/server.ts';
import { setCommands } from './commands/set.ts';
import { sortedSetCommands } from './commands/sorted-set.ts';
import { stringCommands } from './commands/string.ts';
import { transactionCommands } from './commands/transaction.ts';
import { PreparedCommand } from './prepared-command.ts';

/** Every command Sluice answers, in the order of the reference page. */
export const commandTable: readonly Command[] = [
  ...connectionCommands,
  ...serverCommands,
  ...genericCommands,
  ...stringCommands,
  ...hashCommands,
  ...listCommands,
  ...setCommands,
  ...sortedSetCommands,
  ...transactionCommands,
  ...scriptingCommands,
  ...pubSubCommands,
];

const byName: ReadonlyMap<string, PreparedCommand> = new Map(
  commandTable.flatMap((row) => {
    const command = new PreparedCommand(row);
    return [
      [row.name, command],
      [row.name.toUpperCase(), command],
    ];
  }),
);

/**
 * The command for these words; for a container command (`CLIENT ID`) the subcommand.
 * @throws CommandError unknown command, unknown subcommand
 */
export function findCommand(argv: readonly ByteString[]): PreparedCommand {
  const name = argv[0] as ByteString;
  const command = byName.get(name) ?? byName.get(name.toLowerCase());
  if (command === undefined) throw unknownCommand(argv);
  if (command.subcommands === undefined || argv.length < 2) return command;
  const subcommand = command.subcommands.get((argv[1] as ByteString).toLowerCase());
  if (subcommand === undefined) {
    throw new CommandError(
      `ERR unknown subcommand '${quoted(argv[1] as ByteString, 128)}'. Try ${command.name.toUpperCase()} HELP.`,
    );
  }
  return subcommand;
}

/** By name as COMMAND INFO takes it, in any case: `get`, `client|id`. */
export function commandNamed(name: string): PreparedCommand | undefined {
  const [first = '', second] = name.toLowerCase().split('|', 2);
  const command = byName.get(first);
  return second === undefined ? command : command?.subcommands?.get(second);
}

/** Redis's words for a command that does not exist: at most 128 bytes of the name and of the arguments. */
function unknownCommand(argv: readonly ByteString[]): CommandError {
  const name = quoted(argv[0] as ByteString, 128);
  let args = '';
  for (let i = 1; i < argv.length && args.length < 128; i++)
    args += `'${quoted(argv[i] as ByteString, 128 - args.length)}' `;
  return new CommandError(`ERR unknown command '${name}', with args beginning with: ${args}`);
}
