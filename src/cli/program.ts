import { Command, CommanderError, Option } from 'commander';
import { exitOk, exitUsage, reportFailure } from './exit-status.ts';
import { withLongFlags } from './long-flags.ts';
import { addAdminOptions, addCredentialOptions } from './node-options.ts';
import { addWriteBehind } from './program-write-behind.ts';
import { settingFlags } from './setting-flags.ts';

/** What the program takes from and gives to the process around it. */
export interface ProgramContext {
  readonly version: string;
  /** Columns of the help texts. @default those of the terminal, at most 120; 100 where there is none */
  readonly helpWidth?: number;
  /** Called with the exit status of the action that ran. */
  readonly onStatus: (status: number) => void;
}

type Options = Readonly<Record<string, unknown>>;
type Action = (options: Options, operands: readonly string[]) => Promise<number>;

/** Runs the command line; the exit status is the answer. Never throws. */
export async function runProgram(argv: readonly string[], version: string): Promise<number> {
  let status = exitOk;
  const program = buildProgram({
    version,
    onStatus: (given) => {
      status = given;
    },
  });
  try {
    await program.parseAsync(withLongFlags(argv), { from: 'user' });
    return status;
  } catch (error) {
    // Commander has already said what was wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitOk : exitUsage;
    return reportFailure(error);
  }
}

/** The whole command line; actions are loaded when they run, so that `--help` is quick. */
export function buildProgram({ version, helpWidth, onStatus }: ProgramContext): Command {
  const program = new Command('sluice');
  function runs(load: () => Promise<Action>) {
    return async (...given: unknown[]): Promise<void> => {
      // Commander passes the operands, then the options, then the command.
      const command = given.at(-1) as Command;
      const action = await load();
      onStatus(await action(command.optsWithGlobals(), command.args));
    };
  }

  program
    .description(
      'Stands between clients and slow, rate-limited or fragile backends: keys over HTTP and the protocol of Redis.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) })
    .configureHelp({ helpWidth: helpWidth ?? Math.min(process.stdout.columns ?? 100, 120) })
    .showSuggestionAfterError(true)
    .exitOverride()
    .addHelpText(
      'after',
      `
Exit status: 0 done, 1 failed, 2 wrong command line or configuration.

Examples:
  sluice start                                  serve keys on 127.0.0.1, data in ./sluice-data
  sluice start --config sluice.yaml             the same as a configuration says
  sluice start --redis redis.example.com:6379   stand in front of Redis, with a cache that stays true
  sluice check --config sluice.yaml             is it valid? what differs from the defaults?
  echo -n hello | sluice keys set greeting -    write a key of the running node
  sluice backup keys.backup                     back up the running node
  sluice purge --match "user:*"                 drop what is kept of read-through keys
  sluice flush --wait                           write what waits to be written behind`,
    );
  const start = program
    .command('start')
    .summary('run Sluice until it is told to stop')
    .description(
      'Runs Sluice until INT or TERM; then requests in flight are finished and the exit status is 0. HUP loads the configuration again.',
    )
    .addOption(configOption())
    .addOption(envFileOption());
  for (const { flag, description, default: value, environment } of settingFlags) {
    start.option(flag, `${description} (default: ${value}; env: ${environment})`);
  }
  start
    .addHelpText(
      'after',
      `
Each flag is also an environment variable and a line of the configuration file. A flag wins over the environment,
that over the file, that over the default. All settings: sluice check --print-defaults.

Addresses: 127.0.0.1:8080, localhost:8080, [::1]:8080, :8080 (all interfaces), 127.0.0.1:0 (any free port), off.
Sizes: 512B, 64KiB, 64MiB, 2GiB. Durations: 250ms, 10s, 5m, 1h30m.

Exit status: as of all commands; 3 told to stop and done, but rows are still to be written behind, kept for the next start.

Examples:
  sluice start
  sluice start --store memory --http off --resp 127.0.0.1:7000
  sluice start --data /var/lib/sluice --durability fsync
  SLUICE_LIMITS_MAX_CONNECTIONS=500 sluice start --config /etc/sluice/sluice.yaml`,
    )
    .action(runs(async () => (await import('./commands/start.ts')).start));

  program
    .command('check')
    .summary('validate a configuration, or ask the store what it can promise')
    .description(
      'Validates the configuration, environment included, and names every finding with line and column. With --store it also connects ' +
        'to the Redis or Valkey of the configuration, asks what it is, and prints what it can and cannot promise. Nothing is changed there.',
    )
    .addOption(configOption())
    .addOption(envFileOption())
    .option('--print-defaults', 'print every setting with its default and its explanation, as a configuration file')
    .option('--json-schema', 'print the JSON Schema of the configuration file, for editors')
    .option('--store', 'connect to the configured store and print what it can and cannot promise')
    .option('--redis <server>', 'HOST:PORT or redis://… of the server, instead of the configured one')
    .option('--production', 'name what is open before strangers may reach the node, and the setting that mends it')
    .option('--json', 'print the report of --store or --production as JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 valid, or the store answered, or no open points; 1 the store cannot be reached or refuses the login,
or there are open points; 2 not valid.

Examples:
  sluice check --config sluice.yaml
  sluice check --store --config sluice.yaml
  sluice check --production --config sluice.yaml
  sluice check --store --redis redis.example.com:6379 --json
  sluice check --print-defaults > sluice.yaml
  sluice check --json-schema > sluice.schema.json`,
    )
    .action(runs(async () => (await import('./commands/check.ts')).check));

  addKeys(program, runs);

  addCredentialOptions(
    program
      .command('backup')
      .summary('write all keys to a file')
      .description(
        'Writes a consistent copy of all keys to FILE, from a running node over its admin address, or from a data folder.',
      )
      .argument('<file>', 'where to write; it appears under this name only when it is complete')
      .option('--admin <address>', 'admin address of the running node (default: 127.0.0.1:8081; env: SLUICE_ADMIN)')
      .option('--data <folder>', 'copy from this folder instead, whether or not a node is running on it')
      .option('--force', 'replace FILE if it exists'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  sluice backup keys.backup\n  sluice backup --data /var/lib/sluice keys.backup',
    )
    .action(runs(async () => (await import('./commands/backup.ts')).backup));

  addAdminOptions(
    program
      .command('purge')
      .summary('drop what is kept of read-through keys')
      .description(
        'Drops what a running node, and all nodes over the same store, keep of a read-through key, or of all that match a glob: the next read ' +
          'asks their origin.',
      )
      .argument('[key]', 'the key')
      .option('--match <glob>', 'all read-through keys that match, such as "user:*"'),
  )
    .addHelpText('after', '\nExamples:\n  sluice purge user:42\n  sluice purge --match "user:*"')
    .action(runs(async () => (await import('./commands/purge.ts')).purge));

  addAdminOptions(
    program
      .command('advise')
      .summary('say whether read-through keyspaces are worth it')
      .description(
        'Tells for each keyspace of a running node what it saves, or would save (mode: observe), and whether you need it at all.',
      )
      .option('--json', 'print the figures as JSON'),
  )
    .addHelpText('after', '\nExample:\n  sluice advise')
    .action(runs(async () => (await import('./commands/advise.ts')).advise));

  addWriteBehind(program, runs);

  program
    .command('restore')
    .summary('make a data folder from a backup')
    .description('Makes the data folder of a node that is not running from a backup. The backup is checked first.')
    .argument('<file>', 'a file written by sluice backup')
    .requiredOption('--data <folder>', 'the folder to make')
    .option('--force', 'replace the data the folder holds')
    .addHelpText('after', '\nExample:\n  sluice restore keys.backup --data /var/lib/sluice')
    .action(runs(async () => (await import('./commands/restore.ts')).restore));

  program
    .command('hash-secret')
    .summary('hash a secret for the configuration')
    .description(
      'Reads a secret from standard input (one line) and prints its scrypt hash for `users` in the configuration.',
    )
    .addHelpText('after', '\nExample:\n  printf \'%s\' "$SECRET" | sluice hash-secret')
    .action(runs(async () => (await import('./commands/hash-secret.ts')).printHash));

  // Settings of errors, output and width are not inherited by commands made with new options; copy them down the tree.
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    for (const child of command.commands) child.copyInheritedSettings(program);
  }
  return program;
}

function addKeys(
  program: Command,
  runs: (load: () => Promise<Action>) => (...given: unknown[]) => Promise<void>,
): void {
  const keys = program
    .command('keys')
    .summary('read and write keys of a running node')
    .description(
      'Reads and writes keys of a running node over its RESP address. Values are bytes: nothing is added or converted.',
    )
    .addHelpText(
      'after',
      `
Examples:
  sluice keys set greeting hello --ttl 60s
  sluice keys get greeting
  sluice keys set photo - < photo.jpg
  sluice keys scan 'user:*' --limit 20
  SLUICE_PASSWORD=… sluice keys get greeting --resp node1:6380 --user ops`,
    );
  const resp = new Option('--resp <address>', 'RESP address of the node (default: 127.0.0.1:6380; env: SLUICE_RESP)');
  const one = (name: string, summary: string, description: string): Command =>
    addCredentialOptions(keys.command(name).summary(summary).description(description).addOption(resp));

  one(
    'get',
    'write the value of a key to standard output',
    'Writes the bytes of the value, and nothing else. Status 1: there is no such key.',
  )
    .argument('<key>', 'the key')
    .action(runs(async () => (await import('./commands/keys.ts')).getKey));
  one(
    'set',
    'set a key',
    'Sets a key to a text, or to the bytes of standard input. A time to live the key had is gone. A value that begins with - stands after --: sluice keys set balance -- -5',
  )
    .argument('<key>', 'the key')
    .argument('<value>', 'the value; - reads it from standard input')
    .option('--ttl <duration>', 'delete it after this time, e.g. 250ms, 60s, 1h30m (default: never)')
    .option('--if-absent', 'only when the key does not exist; status 1 when it does')
    .action(runs(async () => (await import('./commands/keys.ts')).setKey));
  one('del', 'delete keys', 'Deletes keys of any type and prints how many there were.')
    .argument('<keys...>', 'the keys')
    .action(runs(async () => (await import('./commands/keys.ts')).deleteKeys));
  one('scan', 'list keys', 'Prints the keys that match a pattern of Redis (* ? [a-z] \\x), one a line, in no order.')
    .argument('[pattern]', 'the pattern', '*')
    .option('--limit <count>', 'stop after this many keys (default: all)')
    .option('-0, --null', 'end each key with a NUL byte instead of a line feed, and write it as it is')
    .action(runs(async () => (await import('./commands/keys.ts')).scanKeys));
}

function configOption(): Option {
  return new Option(
    '-c, --config <file>',
    'configuration file (default: ./sluice.yaml if there is one; env: SLUICE_CONFIG)',
  );
}

function envFileOption(): Option {
  return new Option(
    '--env-file <file>',
    'more environment variables, NAME=value a line; a .env beside the configuration is read too (env: SLUICE_ENV_FILE)',
  );
}

/** Commander's complaint as one line of ours. */
function oneLine(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\n+/g, ' ');
  return `sluice: ${line}\n`;
}
