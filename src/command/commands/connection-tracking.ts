import type { ByteString } from '../../kernel/bytes.ts';
import type { Reply } from '../../resp/reply.ts';
import { requireInteger } from '../arguments.ts';
import type { Client, Tracking } from '../client.ts';
import type { Command, Context } from '../command.ts';
import { CommandError, quoted, syntaxError } from '../command-error.ts';

const FLAGS = ['noscript', 'loading', 'stale'] as const;

export const trackingCommands: readonly Command[] = [
  {
    name: 'client|tracking',
    arity: -3,
    flags: FLAGS,
    group: 'connection',
    summary: 'Turns messages about changed keys on or off, for a cache at the client.',
    run(context, argv, reply) {
      track(context, argv);
      reply.ok();
    },
  },
  {
    name: 'client|caching',
    arity: 3,
    flags: FLAGS,
    group: 'connection',
    summary: 'Says whether what the next command reads shall be tracked.',
    run({ client }, argv, reply) {
      if (client.tracking === undefined) {
        throw new CommandError(
          'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
        );
      }
      client.tracking.caching = requireCaching(argv[2] as ByteString, client.tracking.mode);
      reply.ok();
    },
  },
  {
    name: 'client|getredir',
    arity: 2,
    flags: FLAGS,
    group: 'connection',
    summary: 'Tells the id of the connection that gets the messages about changed keys.',
    run: ({ client }, _argv, reply) => reply.int(client.tracking?.redirect ?? -1),
  },
  {
    name: 'client|trackinginfo',
    arity: 2,
    flags: FLAGS,
    group: 'connection',
    summary: 'Describes the tracking of the connection.',
    run: ({ client }, _argv, reply) => replyInfo(client, reply),
  },
];

interface Wanted {
  redirect: number;
  broadcast: boolean;
  optIn: boolean;
  optOut: boolean;
  noLoop: boolean;
  prefixes: ByteString[];
}

function track({ server, client }: Context, argv: readonly ByteString[]): void {
  const wanted: Wanted = { redirect: 0, broadcast: false, optIn: false, optOut: false, noLoop: false, prefixes: [] };
  for (let i = 3; i < argv.length; i++) i += parseOption(argv, i, wanted, server.clients);
  const status = (argv[2] as ByteString).toLowerCase();
  if (status === 'on') {
    requireCompatible(client.tracking, wanted);
    server.tracking.enable(client, {
      mode: wanted.broadcast ? 'broadcast' : wanted.optIn ? 'optin' : wanted.optOut ? 'optout' : 'default',
      noLoop: wanted.noLoop,
      prefixes: wanted.broadcast ? mergePrefixes(client.tracking?.prefixes ?? [], wanted.prefixes) : [],
      redirect: wanted.redirect,
      caching: undefined,
      brokenRedirect: false,
    });
  } else if (status === 'off') {
    server.tracking.forget(client);
  } else {
    throw syntaxError();
  }
}

/** @returns how many words beyond the option's own it took. */
function parseOption(
  argv: readonly ByteString[],
  at: number,
  wanted: Wanted,
  clients: ReadonlyMap<number, Client>,
): number {
  const value = argv[at + 1];
  switch ((argv[at] as ByteString).toLowerCase()) {
    case 'redirect': {
      if (value === undefined) throw syntaxError();
      if (wanted.redirect !== 0) throw new CommandError('ERR A client can only redirect to a single other client');
      const id = Number(requireInteger(value));
      if (!clients.has(id)) throw new CommandError('ERR The client ID you want redirect to does not exist');
      wanted.redirect = id;
      return 1;
    }
    case 'prefix':
      if (value === undefined) throw syntaxError();
      wanted.prefixes.push(value);
      return 1;
    case 'bcast':
      wanted.broadcast = true;
      return 0;
    case 'optin':
      wanted.optIn = true;
      return 0;
    case 'optout':
      wanted.optOut = true;
      return 0;
    case 'noloop':
      wanted.noLoop = true;
      return 0;
    default:
      throw syntaxError();
  }
}

/** @throws CommandError when the options contradict each other or the mode the client is in. */
function requireCompatible(current: Tracking | undefined, wanted: Wanted): void {
  const { broadcast, optIn, optOut, prefixes } = wanted;
  if (!broadcast && prefixes.length > 0) throw new CommandError('ERR PREFIX option requires BCAST mode to be enabled');
  if (current !== undefined && (current.mode === 'broadcast') !== broadcast) {
    throw new CommandError(
      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
    );
  }
  if (broadcast && (optIn || optOut)) throw new CommandError('ERR OPTIN and OPTOUT are not compatible with BCAST');
  if (optIn && optOut) throw new CommandError("ERR You can't specify both OPTIN mode and OPTOUT mode");
  if ((optIn && current?.mode === 'optout') || (optOut && current?.mode === 'optin')) {
    throw new CommandError(
      "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.",
    );
  }
  if (broadcast) requireDisjoint(current?.prefixes ?? [], prefixes);
}

/** One key must not be told twice. @throws CommandError */
function requireDisjoint(existing: readonly ByteString[], wanted: readonly ByteString[]): void {
  for (const [i, prefix] of wanted.entries()) {
    const clash = existing.find((other) => overlap(prefix, other));
    if (clash !== undefined) {
      throw new CommandError(
        `ERR Prefix '${quoted(prefix)}' overlaps with an existing prefix '${quoted(clash)}'. Prefixes for a single client must not overlap.`,
      );
    }
    const other = wanted.find((candidate, j) => j > i && overlap(prefix, candidate));
    if (other !== undefined) {
      throw new CommandError(
        `ERR Prefix '${quoted(prefix)}' overlaps with another provided prefix '${quoted(other)}'. Prefixes for a single client must not overlap.`,
      );
    }
  }
}

function overlap(a: ByteString, b: ByteString): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

/** Further prefixes add to those before; naming none adds the empty one, which every key has. In the order of their bytes. */
function mergePrefixes(existing: readonly ByteString[], wanted: readonly ByteString[]): ByteString[] {
  return [...new Set([...existing, ...(wanted.length === 0 ? [''] : wanted)])].sort();
}

function requireCaching(text: ByteString, mode: Tracking['mode']): 'yes' | 'no' {
  const word = text.toLowerCase();
  if (word === 'yes') {
    if (mode === 'optin') return 'yes';
    throw new CommandError('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.');
  }
  if (word !== 'no') throw syntaxError();
  if (mode === 'optout') return 'no';
  throw new CommandError('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');
}

function replyInfo({ tracking }: Client, reply: Reply): void {
  const flags: string[] = [tracking === undefined ? 'off' : 'on'];
  if (tracking?.mode === 'broadcast') flags.push('bcast');
  if (tracking?.mode === 'optin') flags.push('optin');
  if (tracking?.mode === 'optout') flags.push('optout');
  if (tracking?.caching !== undefined) flags.push(`caching-${tracking.caching}`);
  if (tracking?.noLoop === true) flags.push('noloop');
  if (tracking?.brokenRedirect === true) flags.push('broken_redirect');
  reply.map(3);
  reply.bulk('flags');
  reply.set(flags.length);
  for (const flag of flags) reply.bulk(flag);
  reply.bulk('redirect');
  reply.int(tracking?.redirect ?? -1);
  reply.bulk('prefixes');
  const prefixes = tracking?.prefixes ?? [];
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulk(prefix);
}
