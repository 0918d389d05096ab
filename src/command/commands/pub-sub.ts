import type { ByteString } from '../../kernel/bytes.ts';
import { matchGlob } from '../../kernel/glob.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Client } from '../client.ts';
import type { Command } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { helpCommand, needsSubcommand } from '../help.ts';

export const pubSubCommands: readonly Command[] = [
  {
    name: 'subscribe',
    arity: -2,
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    group: 'pubsub',
    summary: 'Listens to channels.',
    run({ server, client }, argv, reply) {
      for (let i = 1; i < argv.length; i++) {
        const channel = argv[i] as ByteString;
        client.channels.add(channel);
        server.pubSub.subscribe(channel, client);
        confirm(client, 'subscribe', channel, reply);
      }
    },
  },
  {
    name: 'unsubscribe',
    arity: -1,
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    group: 'pubsub',
    summary: 'Ends listening to channels, to all when none is named.',
    run({ server, client }, argv, reply) {
      const channels = argv.length > 1 ? argv.slice(1) : [...client.channels];
      if (channels.length === 0) confirm(client, 'unsubscribe', undefined, reply);
      for (const channel of channels) {
        client.channels.delete(channel);
        server.pubSub.unsubscribe(channel, client);
        confirm(client, 'unsubscribe', channel, reply);
      }
    },
  },
  {
    name: 'psubscribe',
    arity: -2,
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    group: 'pubsub',
    summary: 'Listens to the channels that match patterns.',
    run({ server, client }, argv, reply) {
      for (let i = 1; i < argv.length; i++) {
        const pattern = argv[i] as ByteString;
        client.patterns.add(pattern);
        server.pubSub.subscribePattern(pattern, client);
        confirm(client, 'psubscribe', pattern, reply);
      }
    },
  },
  {
    name: 'punsubscribe',
    arity: -1,
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    group: 'pubsub',
    summary: 'Ends listening to patterns, to all when none is given.',
    run({ server, client }, argv, reply) {
      const patterns = argv.length > 1 ? argv.slice(1) : [...client.patterns];
      if (patterns.length === 0) confirm(client, 'punsubscribe', undefined, reply);
      for (const pattern of patterns) {
        client.patterns.delete(pattern);
        server.pubSub.unsubscribePattern(pattern, client);
        confirm(client, 'punsubscribe', pattern, reply);
      }
    },
  },
  {
    name: 'publish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    group: 'pubsub',
    summary: 'Sends a message to a channel.',
    difference: 'a subscriber that publishes inside MULTI gets its own message after the reply of EXEC, not within it',
    run: ({ server }, argv, reply) => reply.int(server.pubSub.publish(argv[1] as ByteString, argv[2] as ByteString)),
  },
  {
    name: 'pubsub',
    arity: -2,
    flags: [],
    group: 'pubsub',
    summary: 'Groups the commands about who listens.',
    run: needsSubcommand,
    subcommands: [
      {
        name: 'pubsub|channels',
        arity: -2,
        flags: ['pubsub', 'loading', 'stale'],
        group: 'pubsub',
        summary: 'Names the channels somebody listens to.',
        run({ server }, argv, reply) {
          if (argv.length > 3) {
            throw new CommandError(
              `ERR unknown subcommand or wrong number of arguments for '${argv[1]}'. Try PUBSUB HELP.`,
            );
          }
          const [, , pattern] = argv;
          const all = server.pubSub.channels();
          const channels = pattern === undefined ? all : all.filter((channel) => matchGlob(pattern, channel));
          reply.array(channels.length);
          for (const channel of channels) reply.bulk(channel);
        },
      },
      {
        name: 'pubsub|numsub',
        arity: -2,
        flags: ['pubsub', 'loading', 'stale'],
        group: 'pubsub',
        summary: 'Counts who listens to channels.',
        run({ server }, argv, reply) {
          reply.array((argv.length - 2) * 2);
          for (let i = 2; i < argv.length; i++) {
            const channel = argv[i] as ByteString;
            reply.bulk(channel);
            reply.int(server.pubSub.subscribers(channel));
          }
        },
      },
      {
        name: 'pubsub|numpat',
        arity: 2,
        flags: ['pubsub', 'loading', 'stale'],
        group: 'pubsub',
        summary: 'Counts the patterns somebody listens to.',
        run: ({ server }, _argv, reply) => reply.int(server.pubSub.patterns),
      },
      helpCommand('pubsub', 'pubsub', [
        'CHANNELS [<pattern>]',
        "    Return the currently active channels matching a <pattern> (default: '*').",
        'NUMPAT',
        '    Return number of subscriptions to patterns.',
        'NUMSUB [<channel> ...]',
        '    Return the number of subscribers for the specified channels, excluding',
        '    pattern subscriptions(default: no channels).',
      ]),
    ],
  },
];

/** One for each name: what was done and how many subscriptions the client now has. */
function confirm(client: Client, what: string, name: ByteString | undefined, reply: Reply): void {
  reply.push(3);
  reply.bulk(what);
  if (name === undefined) reply.nil();
  else reply.bulk(name);
  reply.int(client.channels.size + client.patterns.size);
}
