import type { Command } from 'commander';
import { addAdminOptions } from './node-options.ts';

type Action = (options: Readonly<Record<string, unknown>>, operands: readonly string[]) => Promise<number>;
type Runs = (load: () => Promise<Action>) => (...given: unknown[]) => Promise<void>;

const keyspaceText = 'only this keyspace, by its pattern (default: all)';

/** The commands of rows that are written behind. */
export function addWriteBehind(program: Command, runs: Runs): void {
  addAdminOptions(
    program
      .command('write-behind')
      .summary('tell how rows that are written behind do')
      .description(
        'Tells for each keyspace of a running node what waits and for how long, what was written, what stands in the way, and what waiting saves: ' +
          'changes for each row written, achieved and predicted (1 + rate x wait).',
      )
      .option('--json', 'print the figures as JSON'),
  )
    .addHelpText(
      'after',
      '\nExit status: 0 all is well, 1 an alarm is raised or the node cannot be asked.\n\nExample:\n  sluice write-behind',
    )
    .action(runs(async () => (await import('./commands/write-behind.ts')).writeBehind));

  addAdminOptions(
    program
      .command('flush')
      .summary('write now what waits to be written behind')
      .description(
        'Has a running node write what waits now, whatever its age. What comes later waits as ever. With --dry-run it prints the statements that the ' +
          'next batches would run: the database stays as it is, and nothing is claimed.',
      )
      .option('--keyspace <pattern>', keyspaceText)
      .option('--wait', 'until what waited at the call is written')
      .option('--timeout <duration>', 'with --wait: not for longer than that (default: 30s)')
      .option('--dry-run', 'print the statements, write nothing'),
  )
    .addHelpText(
      'after',
      '\nExit status: 0 written, or asked for; 1 with --wait: not all is written.\n\nExamples:\n  sluice flush --wait\n  sluice flush --keyspace "scooter:*" --wait --timeout 2m\n  sluice flush --dry-run',
    )
    .action(runs(async () => (await import('./commands/flush.ts')).flush));

  const letters = program
    .command('dead-letters')
    .summary('list, write again or drop rows that could not be written')
    .description(
      'Rows that their database can never take as they are (text in a column of numbers, a broken constraint) are set aside as dead letters, so that ' +
        'the others are written.',
    )
    .addHelpText(
      'after',
      `
Examples:
  sluice dead-letters list
  sluice dead-letters show 3fa2b1-12
  sluice dead-letters replay --all --keyspace "scooter:*"
  sluice dead-letters drop 3fa2b1-12 3fa2b1-13`,
    );
  const one = (name: string, summary: string, description: string): Command =>
    addAdminOptions(letters.command(name).summary(summary).description(description));
  one(
    'list',
    'list them, oldest first',
    'Prints id, time, keyspace, key and reason of each, by keyspace, oldest first.',
  )
    .option('--keyspace <pattern>', keyspaceText)
    .option('--limit <count>', 'stop after this many (default: all)')
    .option('--json', 'print each as a line of JSON, with what was to be written')
    .action(runs(async () => (await import('./commands/dead-letters.ts')).listLetters));
  one(
    'show',
    'print one',
    'Prints a dead letter with what was to be written, as JSON. Status 1: there is none of that id.',
  )
    .argument('<id>', 'as list prints it')
    .action(runs(async () => (await import('./commands/dead-letters.ts')).showLetter));
  one(
    'replay',
    'write them again',
    'Writes dead letters to their table again, after what was in their way is mended. One whose row has changed since is skipped: the newer change ' +
      'is written, and stays. What can still not be written stays a dead letter. Status 1: there are such.',
  )
    .argument('[ids...]', 'as list prints them')
    .option('--all', 'all of them')
    .option('--keyspace <pattern>', `with --all: ${keyspaceText}`)
    .action(runs(async () => (await import('./commands/dead-letters.ts')).replayLetters));
  one('drop', 'drop them for good', 'Drops dead letters: what they hold is written nowhere.')
    .argument('[ids...]', 'as list prints them')
    .option('--all', 'all of them')
    .option('--keyspace <pattern>', `with --all: ${keyspaceText}`)
    .action(runs(async () => (await import('./commands/dead-letters.ts')).dropLetters));
}
