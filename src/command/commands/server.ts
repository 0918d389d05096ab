import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Command, Context } from '../command.ts';
import { syntaxError } from '../command-error.ts';
import { aclCommand } from './acl.ts';
import { commandCommand } from './server-command.ts';
import { configCommand } from './server-config.ts';
import { infoCommand } from './server-info.ts';

export const serverCommands: readonly Command[] = [
  commandCommand,
  infoCommand,
  configCommand,
  aclCommand,
  {
    name: 'time',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    group: 'server',
    summary: 'Tells the time.',
    difference: 'the microseconds are whole milliseconds',
    run({ server }, _argv, reply) {
      const { time } = server.engine.turn;
      reply.array(2);
      reply.bulk(String(Math.floor(time / 1000)));
      reply.bulk(String((time % 1000) * 1000));
    },
  },
  {
    name: 'dbsize',
    arity: 1,
    flags: ['readonly', 'fast'],
    group: 'server',
    summary: 'Counts the keys.',
    run({ server }, _argv, reply) {
      const { engine } = server;
      // The number tells of every key, so of the newest write too.
      engine.turn.readAll();
      reply.int(engine.user.size);
    },
  },
  {
    name: 'flushdb',
    arity: -1,
    flags: ['write'],
    group: 'server',
    summary: 'Deletes all keys.',
    run: flush,
  },
  {
    name: 'flushall',
    arity: -1,
    flags: ['write'],
    group: 'server',
    summary: 'Deletes all keys.',
    difference: 'the compatibility names and what Sluice keeps for itself stay',
    run: flush,
  },
];

function flush({ server }: Context, argv: readonly ByteString[], reply: Reply): void {
  const mode = argv[1]?.toLowerCase();
  if (argv.length > 2 || (mode !== undefined && mode !== 'async' && mode !== 'sync')) throw syntaxError();
  server.engine.user.flush();
  reply.ok();
}
