import { hash } from 'node:crypto';
import { isSluiceError } from '../../errors.ts';
import { type ByteString, toBuffer } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { decisionOf } from '../../store/decisions/all-decisions.ts';
import type { Decision, ScriptReply } from '../../store/decisions/decision.ts';
import { NOT_AN_INTEGER_TEXT, OVERFLOW_TEXT } from '../../store/decisions/whole-numbers.ts';
import { EntryClass } from '../../store/engine/entry-class.ts';
import { parseInteger, requireInteger } from '../arguments.ts';
import type { Command, Context } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { helpCommand, needsSubcommand } from '../help.ts';

/** Where the number of keys stands, and the first key. */
const COUNT_AT = 2;
const FIRST_KEY = 3;

const OWN_SCRIPTS = "the scripts of Sluice's own store driver only";

/** Scripts without Lua: those of the store driver are known by their SHA-1 and done by what they decide. */
export const scriptingCommands: readonly Command[] = [
  {
    name: 'eval',
    arity: -3,
    flags: ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    group: 'scripting',
    summary: 'Runs a script.',
    difference: OWN_SCRIPTS,
    findKeys,
    run(context, argv, reply) {
      const decision = decisionOf(sha1Of(argv[1] as ByteString));
      const words = wordsOf(argv);
      if (decision === undefined) throw noLua();
      decide(context, decision, words, reply);
    },
  },
  {
    name: 'evalsha',
    arity: -3,
    flags: ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
    group: 'scripting',
    summary: 'Runs the script of a SHA-1.',
    difference: OWN_SCRIPTS,
    findKeys,
    run(context, argv, reply) {
      const decision = decisionOf(argv[1] as ByteString);
      if (decision === undefined) throw new CommandError('NOSCRIPT No matching script. Please use EVAL.');
      decide(context, decision, wordsOf(argv), reply);
    },
  },
  {
    name: 'script',
    arity: -2,
    flags: [],
    group: 'scripting',
    summary: 'Groups the commands about scripts.',
    run: needsSubcommand,
    subcommands: [
      {
        name: 'script|load',
        arity: 3,
        flags: ['noscript', 'stale'],
        group: 'scripting',
        summary: 'Keeps a script for EVALSHA.',
        difference: OWN_SCRIPTS,
        run(_context, argv, reply) {
          const decision = decisionOf(sha1Of(argv[2] as ByteString));
          if (decision === undefined) throw noLua();
          reply.bulk(decision.sha1);
        },
      },
      {
        name: 'script|exists',
        arity: -3,
        flags: ['noscript'],
        group: 'scripting',
        summary: 'Tells which scripts EVALSHA knows.',
        difference: "Sluice's own are always there",
        run(_context, argv, reply) {
          reply.array(argv.length - 2);
          for (const sha1 of argv.slice(2)) reply.int(decisionOf(sha1) === undefined ? 0 : 1);
        },
      },
      {
        name: 'script|flush',
        arity: -2,
        flags: ['noscript'],
        group: 'scripting',
        summary: 'Forgets scripts.',
        difference: "does nothing: Sluice's own stay",
        run(_context, argv, reply) {
          const mode = argv[2]?.toLowerCase() ?? 'sync';
          if (argv.length > 3 || (mode !== 'sync' && mode !== 'async'))
            throw new CommandError('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
          reply.ok();
        },
      },
      helpCommand('script', 'scripting', [
        'EXISTS <sha1> [<sha1> ...]',
        '    Return information about the existence of the scripts in the script cache.',
        'FLUSH [ASYNC|SYNC]',
        "    Does nothing: the scripts of Sluice's own store driver stay.",
        'LOAD <script>',
        "    Return the SHA-1 of a script of Sluice's own store driver.",
      ]),
    ],
  },
];

interface Words {
  readonly keys: readonly ByteString[];
  readonly args: readonly ByteString[];
}

/** @throws CommandError in the words and the order of Redis */
function wordsOf(argv: readonly ByteString[]): Words {
  const count = requireInteger(argv[COUNT_AT] as ByteString);
  if (count > BigInt(argv.length - FIRST_KEY))
    throw new CommandError("ERR Number of keys can't be greater than number of args");
  if (count < 0n) throw new CommandError("ERR Number of keys can't be negative");
  const end = FIRST_KEY + Number(count);
  return { keys: argv.slice(FIRST_KEY, end), args: argv.slice(end) };
}

function findKeys(argv: readonly ByteString[]): number[] {
  const count = Number(parseInteger(argv[COUNT_AT] ?? '') ?? 0);
  if (count > argv.length - FIRST_KEY) return [];
  return Array.from({ length: Math.max(0, count) }, (_, index) => FIRST_KEY + index);
}

/** @throws CommandError, SluiceError */
function decide({ server, client }: Context, decision: Decision, { keys, args }: Words, reply: Reply): void {
  const [least, most] = decision.keys;
  if (keys.length < least || keys.length > most || args.length < decision.args)
    throw new CommandError(`ERR the script ${decision.name} takes other numbers of keys and arguments`);
  const { engine } = server;
  if (decision.access === 'write') engine.requireMemory();
  if (decision.access !== 'read') engine.requireWritable();
  const space = {
    turn: engine.turn,
    keyspace: (key: ByteString) => client.keyspace(key),
    entryClass: EntryClass.data,
  };
  try {
    write(decision.native(space, keys, args), reply);
  } catch (error) {
    if (isSluiceError(error, 'NOT_AN_INTEGER')) throw new CommandError(NOT_AN_INTEGER_TEXT);
    if (isSluiceError(error, 'OVERFLOW')) throw new CommandError(OVERFLOW_TEXT);
    throw error;
  }
}

function write(value: ScriptReply, reply: Reply): void {
  if (value === null) {
    reply.nil();
  } else if (typeof value === 'number') {
    reply.int(value);
  } else if (typeof value === 'string') {
    reply.bulk(value);
  } else {
    reply.array(value.length);
    for (const element of value) write(element, reply);
  }
}

function sha1Of(script: ByteString): string {
  return hash('sha1', toBuffer(script));
}

function noLua(): CommandError {
  return new CommandError(
    "ERR this server runs no Lua, only the scripts of Sluice's own store driver; put Redis behind Sluice to run others",
  );
}
