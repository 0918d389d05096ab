import type { ByteString } from '../kernel/bytes.ts';
import type { Command } from './command.ts';
import { CommandError } from './command-error.ts';
import { connectionCommands } from './commands/connection.ts';
import { genericCommands } from './commands/generic.ts';
import { hashCommands } from './commands/hash.ts';
import { listCommands } from './commands/list.ts';
import { pubSubCommands } from './commands/pub-sub.ts';
import { serverCommands } from './commands/server.ts';
import { setCommands } from './commands/set.ts';
import { sortedSetCommands } from './commands/sorted-set.ts';
import { stringCommands } from './commands/string.ts';
import { transactionCommands } from './commands/transaction.ts';

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
  ...pubSubCommands,
];

const byName: ReadonlyMap<string, Command> = new Map(
  commandTable.flatMap((command) => [
    [command.name, command],
    [command.name.toUpperCase(), command],
  ]),
);

/** The row for these words; for a container command (`CLIENT ID`) the row of the subcommand, if it has that one. */
export function findCommand(argv: readonly ByteString[]): Command | undefined {
  const name = argv[0] as ByteString;
  const command = byName.get(name) ?? byName.get(name.toLowerCase());
  if (command?.subcommands === undefined || argv.length < 2) return command;
  const full = `${command.name}|${(argv[1] as ByteString).toLowerCase()}`;
  const subcommand = command.subcommands.find((row) => row.name === full);
  if (subcommand === undefined) {
    throw new CommandError(
      `ERR unknown subcommand '${printable(argv[1] as ByteString, 128)}'. Try ${command.name.toUpperCase()} HELP.`,
    );
  }
  return subcommand;
}

/** By name as COMMAND INFO takes it, lower case or not. */
export function commandNamed(name: string): Command | undefined {
  return byName.get(name.toLowerCase());
}

/** Redis's words for a command that does not exist: at most 128 bytes of the name and of the arguments. */
export function unknownCommand(argv: readonly ByteString[]): CommandError {
  const name = printable(argv[0] as ByteString, 128);
  let args = '';
  for (let i = 1; i < argv.length && args.length < 128; i++)
    args += `'${printable(argv[i] as ByteString, 128 - args.length)}' `;
  return new CommandError(`ERR unknown command '${name}', with args beginning with: ${args}`);
}

function printable(bytes: ByteString, limit: number): string {
  return bytes.slice(0, limit);
}
