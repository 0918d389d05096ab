import { contents, parseReply, type RespNode, writeReply } from './resp-node.ts';

/**
 * How the replies to a command are compared where they need not be the same bytes. An error reply is never covered: as soon as one
 * side answers with an error, the bytes must be equal.
 */
export interface Exemption {
  readonly reason: string;
  /** Replies that become equal by this are the same; for two replies of one command. */
  readonly normalise?: (reply: RespNode, argv: readonly string[]) => RespNode;
  /** Or: decides by itself. */
  readonly same?: (reference: RespNode, target: RespNode, argv: readonly string[]) => boolean;
}

const noOrder = 'Redis promises no order for the elements of a set or a hash';
const random =
  'Redis chooses at random; the elements are checked against the value, and the state is made equal afterwards';
const otherIds = 'connection ids depend on the connections there were before';
const clock = 'the two servers are asked at slightly different times';

const unordered: Exemption = { reason: noOrder, normalise: sorted };
const unorderedPairs: Exemption = { reason: noOrder, normalise: sortedPairs };
const sameForm: Exemption = { reason: random, same: (a, b) => form(a) === form(b) };

/**
 * Every difference that is allowed, by command name (`command` or `command|subcommand`).
 */
export const exemptions: Readonly<Record<string, Exemption>> = {
  smembers: unordered,
  sinter: unordered,
  sunion: unordered,
  sdiff: unordered,
  hkeys: unordered,
  hvals: unordered,
  hgetall: unorderedPairs,
  keys: unordered,
  'pubsub|channels': unordered,
  spop: sameForm,
  srandmember: sameForm,
  hrandfield: sameForm,
  randomkey: sameForm,
  ttl: near(2),
  pttl: near(2_000),
  expiretime: near(2),
  pexpiretime: near(2_000),
  time: { reason: clock, same: (a, b) => a.items?.length === 2 && form(a) === form(b) },
  scan: cursorPage(sorted),
  sscan: cursorPage(sorted),
  hscan: cursorPage(sortedPairs),
  zscan: cursorPage(sortedPairs),
  hello: {
    reason:
      'Sluice reports another version (7.4.0, which clients ask for before they use tracking) and has its own connection ids',
    normalise: (reply) => mask(reply, ['version', 'id']),
  },
  'client|id': {
    reason: otherIds,
    same: (a, b) => form(a) === form(b),
  },
  'client|getredir': {
    reason: otherIds,
    same: (a, b) => a.type === ':' && b.type === ':' && Number(a.text) > 0 && Number(b.text) > 0,
  },
  'client|trackinginfo': {
    reason: otherIds,
    normalise: (reply) => mask(reply, ['redirect']),
  },
  'client|info': { reason: 'addresses, ages and buffer sizes differ', normalise: clientLines },
  'client|list': { reason: 'addresses, ages and buffer sizes differ', normalise: clientLines },
  info: {
    reason: 'facts about the process; only the form of the reply and the lines of the keyspace are compared',
    normalise: infoText,
  },
  'config|get': { reason: 'values of settings belong to the server', same: (a, b) => names(a) === names(b) },
  command: { reason: 'Redis has more commands than Sluice', same: (a, b) => a.type === b.type },
  'command|count': { reason: 'Redis has more commands than Sluice', same: (a, b) => a.type === b.type },
  'command|list': { reason: 'Redis has more commands than Sluice', same: (a, b) => a.type === b.type },
  'command|docs': { reason: 'summaries are in our own words', same: (a, b) => a.type === b.type },
  'command|info': {
    reason: 'flags and categories have no order, and Redis has more subcommands than Sluice',
    normalise: (reply, argv) => (argv.length === 2 ? { type: reply.type, text: '…' } : commandInfo(reply)),
  },
};

const invalidation: Exemption = {
  reason: 'keys that are invalidated in one message have no promised order',
  normalise: invalidatedKeys,
};

/** For what is no reply but told by the server's own accord. */
function pushExemption(push: RespNode): Exemption | undefined {
  const [head] = push.items ?? [];
  const kind = head === undefined ? '' : contents(head);
  if (kind === 'invalidate') return invalidation;
  return kind === 'tracking-redir-broken' ? { reason: otherIds, same: (a, b) => form(a) === form(b) } : undefined;
}

/**
 * Whether two replies to one command are the same, but for the exemptions.
 * @param queued the commands of the transaction, when this is the reply to EXEC
 */
export function sameReply(
  argv: readonly string[],
  reference: string,
  target: string,
  queued: readonly (readonly string[])[] = [],
): boolean {
  if (reference === target) return true;
  // Not a reply but why there is none; no big number begins so.
  if (/^\(\D/.test(reference) || /^\(\D/.test(target)) return false;
  return sameNode(argv, parseReply(reference), parseReply(target), queued);
}

function sameNode(
  argv: readonly string[],
  reference: RespNode,
  target: RespNode,
  queued: readonly (readonly string[])[],
): boolean {
  const same = writeReply(reference) === writeReply(target);
  if (same || '-!'.includes(reference.type) || '-!'.includes(target.type)) return same;
  if (argv[0]?.toLowerCase() === 'exec') {
    const [mine, theirs] = [reference.items, target.items];
    if (mine === undefined || theirs === undefined || mine.length !== theirs.length) return false;
    if (mine.length !== queued.length) return false;
    return mine.every((node, i) => sameNode(queued[i] ?? [], node, theirs[i] as RespNode, []));
  }
  const exemption = reference.type === '>' ? pushExemption(reference) : exemptionFor(argv);
  if (exemption?.same !== undefined) return exemption.same(reference, target, argv);
  const { normalise } = exemption ?? {};
  if (normalise === undefined) return false;
  return writeReply(normalise(reference, argv)) === writeReply(normalise(target, argv));
}

export function exemptionFor(argv: readonly string[]): Exemption | undefined {
  const name = (argv[0] ?? '').toLowerCase();
  const full = `${name}|${(argv[1] ?? '').toLowerCase()}`;
  if (Object.hasOwn(exemptions, full)) return exemptions[full];
  // COMMAND alone is exempt, COMMAND GETKEYS is not.
  if (name === 'command' && argv.length > 1) return undefined;
  return Object.hasOwn(exemptions, name) ? exemptions[name] : undefined;
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byBytes = (a: RespNode, b: RespNode): number => byText(writeReply(a), writeReply(b));

function sorted(reply: RespNode): RespNode {
  return reply.items === undefined ? reply : { ...reply, items: [...reply.items].sort(byBytes) };
}

function pairs(items: readonly RespNode[]): RespNode[][] {
  return Array.from({ length: items.length / 2 }, (_, i) => items.slice(2 * i, 2 * i + 2));
}

function sortedPairs(reply: RespNode): RespNode {
  if (reply.items === undefined) return reply;
  const inOrder = pairs(reply.items).sort((a, b) => byText(a.map(writeReply).join(''), b.map(writeReply).join('')));
  return { ...reply, items: inOrder.flat() };
}

/** Types and lengths, without the texts. */
function form({ type, text, items }: RespNode): string {
  if (items === undefined) return '$*'.includes(type) && text === '-1' ? `${type}-1` : type;
  return `${type}${text}(${items.map(form).join('')})`;
}

function near(tolerance: number): Exemption {
  return {
    reason: clock,
    same: (a, b) => {
      const [mine, theirs] = [Number(a.text), Number(b.text)];
      return a.type === ':' && b.type === ':' && mine >= 0 && theirs >= 0 && Math.abs(mine - theirs) <= tolerance;
    },
  };
}

/** A page of a SCAN inside a transaction, where the iteration cannot be completed. */
function cursorPage(normalise: (reply: RespNode) => RespNode): Exemption {
  return {
    reason: 'cursors and pages are the server’s own; outside transactions the whole iterations are compared instead',
    same: (a, b, argv) => {
      const [mine, theirs] = [a.items?.[1], b.items?.[1]];
      if (!startsIteration(argv)) return form(a).slice(0, 3) === form(b).slice(0, 3);
      if (mine === undefined || theirs === undefined || a.items?.length !== b.items?.length) return false;
      const whole = [a, b].every((reply) => reply.items?.[0]?.text === '1\r\n0');
      return whole ? writeReply(normalise(mine)) === writeReply(normalise(theirs)) : mine.type === theirs.type;
    },
  };
}

/** Whether this SCAN, SSCAN, HSCAN or ZSCAN starts from the beginning; any other cursor means something only to the server that gave it. */
export function startsIteration(argv: readonly string[]): boolean {
  return argv[argv[0]?.toLowerCase() === 'scan' ? 1 : 2] === '0';
}

/** Hides the values of these entries of a map (or a flat array of pairs). */
function mask(reply: RespNode, hidden: readonly string[]): RespNode {
  const items = (reply.items ?? []).map((item, i, all) => {
    const before = i % 2 === 1 ? all[i - 1] : undefined;
    return before !== undefined && hidden.includes(contents(before)) ? { type: item.type, text: '…' } : item;
  });
  return { ...reply, items };
}

function names({ type, items = [] }: RespNode): string {
  return (
    type +
    items
      .filter((_, i) => i % 2 === 0)
      .map(writeReply)
      .sort()
      .join('')
  );
}

/** Of CLIENT INFO and LIST what does not depend on the connection. */
function clientLines(reply: RespNode): RespNode {
  const kept = ['name', 'db', 'sub', 'psub', 'multi', 'cmd', 'user', 'resp', 'flags'];
  const lines = contents(reply)
    .split('\n')
    .map((line) =>
      line
        .split(' ')
        .filter((field) => kept.includes(field.split('=')[0] ?? ''))
        .sort()
        .join(' '),
    )
    .sort();
  return { type: reply.type, text: lines.join('\n') };
}

function infoText(reply: RespNode): RespNode {
  const lines = contents(reply)
    .split('\r\n')
    .filter((line) => /^# Keyspace|^db\d/.test(line))
    .map((line) => line.replace(/,avg_ttl=\d+/, ''));
  return { type: reply.type, text: lines.join('\r\n') };
}

function commandInfo(reply: RespNode): RespNode {
  const items = (reply.items ?? []).map((row) => {
    if (row.items === undefined) return row;
    const subcommands = row.items[9];
    const known = subcommands?.items?.length === 0 ? [subcommands] : [];
    return { type: row.type, text: '…', items: [...row.items.slice(0, 9).map(sortedFlags), ...known] };
  });
  return { ...reply, items };
}

/** Flags and categories are sets, wherever they are. */
function sortedFlags(node: RespNode): RespNode {
  if (node.items === undefined) return node;
  const isFlags = node.items.every(({ type }) => type === '+');
  return isFlags ? sorted(node) : { ...node, items: node.items.map(sortedFlags) };
}

/** The keys of one invalidation, which may have changed at once. */
function invalidatedKeys(reply: RespNode): RespNode {
  const [head, keys, ...rest] = reply.items ?? [];
  return head === undefined || keys === undefined ? reply : { ...reply, items: [head, sorted(keys), ...rest] };
}
