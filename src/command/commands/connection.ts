import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { parseInteger, requireInteger } from '../arguments.ts';
import type { Client } from '../client.ts';
import { clientLine } from '../client-line.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, quoted, wrongArity } from '../command-error.ts';
import { leaveTransaction, unsubscribeAll } from '../leave.ts';
import { guestOf } from '../permission.ts';
import type { Server } from '../server.ts';
import { clientCommand, requireClientName } from './connection-client.ts';

const MAX_INT32 = 2n ** 31n - 1n;
const MIN_INT32 = -(2n ** 31n);

export const connectionCommands: readonly Command[] = [
  {
    name: 'hello',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    summary: 'Starts a connection: chooses the protocol version, may authenticate and name the connection.',
    difference:
      'the version is 7.4.0, as clients ask for it before they use features that Sluice has; the rest is as in 7.0',
    run: hello,
  },
  {
    name: 'auth',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    summary: 'Authenticates the connection.',
    run({ server, client }, argv, reply) {
      if (argv.length > 3) throw new CommandError('ERR syntax error');
      if (argv.length === 2 && !server.authenticator.required) {
        throw new CommandError(
          'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
        );
      }
      const [, first, second] = argv as [ByteString, ByteString, ByteString?];
      authenticate(server, client, second === undefined ? 'default' : first, second ?? first);
      reply.ok();
    },
  },
  {
    name: 'reset',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    summary: 'Brings the connection back to the state it was opened in.',
    run: reset,
  },
  {
    name: 'quit',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    summary: 'Answers, then closes the connection.',
    run({ client }, _argv, reply) {
      reply.ok();
      client.closing = true;
    },
  },
  {
    name: 'ping',
    arity: -1,
    flags: ['fast'],
    group: 'connection',
    summary: 'Answers PONG, or the given text.',
    run({ client }, argv, reply) {
      if (argv.length > 2) throw wrongArity('ping');
      const text = argv[1];
      if (client.subscribed && reply.proto === 2) {
        reply.array(2);
        reply.bulk('pong');
        reply.bulk(text ?? '');
      } else if (text === undefined) reply.simple('PONG');
      else reply.bulk(text);
    },
  },
  {
    name: 'echo',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    group: 'connection',
    summary: 'Answers the given text.',
    run: (_context, argv, reply) => reply.bulk(argv[1] as ByteString),
  },
  {
    name: 'select',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    group: 'connection',
    summary: 'Chooses the database.',
    difference: 'there is one database, 0',
    run(_context, argv, reply) {
      const index = requireInteger(argv[1] as ByteString);
      if (index > MAX_INT32 || index < MIN_INT32) {
        throw new CommandError(`ERR value is out of range, value must between ${MIN_INT32} and ${MAX_INT32}`);
      }
      if (index !== 0n) throw new CommandError('ERR DB index is out of range');
      reply.ok();
    },
  },
  clientCommand,
];

/** @throws CommandError WRONGPASS */
function authenticate(server: Server, client: Client, name: ByteString, secret: ByteString): void {
  const { authenticator } = server;
  // Where there are no users to ask there is one, and like Redis's `nopass` it takes any password.
  const user =
    authenticator.required || authenticator.acl !== undefined
      ? authenticator.authenticate(name, secret)
      : name === 'default'
        ? guestOf(server)
        : undefined;
  if (user === undefined) noteRefused(server, client, name);
  if (user === undefined) throw new CommandError('WRONGPASS invalid username-password pair or user is disabled.');
  client.user = user;
}

/** A name that nobody has is not written down: it may be a secret in the wrong place. */
function noteRefused({ authenticator: { acl }, engine }: Server, client: Client, name: ByteString): void {
  acl?.log.add({
    reason: 'auth',
    context: client.transaction === undefined ? 'toplevel' : 'multi',
    object: 'AUTH',
    username: acl.find(name) === undefined ? '(unknown)' : name,
    clientInfo: clientLine(client, engine.clock.now()),
    at: engine.clock.now(),
  });
}

/** Words are checked and the user authenticated before anything about the connection changes. */
function hello({ server, client }: Context, argv: readonly ByteString[], reply: Reply): void {
  const proto = argv.length > 1 ? requireProtocol(argv[1] as ByteString) : reply.proto;
  let credentials: { name: ByteString; secret: ByteString } | undefined;
  let clientName: ByteString | undefined;
  for (let i = 2; i < argv.length; i++) {
    const option = argv[i] as ByteString;
    const left = argv.length - i - 1;
    if (option.toLowerCase() === 'auth' && left >= 2) {
      credentials = { name: argv[i + 1] as ByteString, secret: argv[i + 2] as ByteString };
      i += 2;
    } else if (option.toLowerCase() === 'setname' && left >= 1) {
      clientName = requireClientName(argv[++i] as ByteString);
    } else {
      throw new CommandError(`ERR Syntax error in HELLO option '${quoted(option)}'`);
    }
  }
  if (credentials !== undefined) authenticate(server, client, credentials.name, credentials.secret);
  if (client.user === undefined) {
    throw new CommandError(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    );
  }
  if (clientName !== undefined) client.name = clientName;
  reply.proto = proto;
  reply.map(7);
  reply.bulk('server');
  reply.bulk('redis');
  reply.bulk('version');
  reply.bulk('7.4.0');
  reply.bulk('proto');
  reply.int(proto);
  reply.bulk('id');
  reply.int(client.id);
  reply.bulk('mode');
  reply.bulk('standalone');
  reply.bulk('role');
  reply.bulk('master');
  reply.bulk('modules');
  reply.array(0);
}

function requireProtocol(text: ByteString): 2 | 3 {
  const version = parseInteger(text);
  if (version === undefined) throw new CommandError('ERR Protocol version is not an integer or out of range');
  if (version === 2n || version === 3n) return version === 2n ? 2 : 3;
  throw new CommandError('NOPROTO unsupported protocol version');
}

/** Everything the connection has become since it was opened. */
function reset({ server, client }: Context, _argv: readonly ByteString[], reply: Reply): void {
  leaveTransaction(server, client);
  server.tracking.forget(client);
  unsubscribeAll(server, client);
  client.name = '';
  client.noEvict = false;
  client.noTouch = false;
  // A reply to be skipped is skipped.
  if (client.replyMode !== 'skip') client.replyMode = 'on';
  client.user = guestOf(server);
  reply.proto = 2;
  reply.simple('RESET');
}
