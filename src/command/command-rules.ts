import type { CommandAccess } from '../guard/acl/permissions.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { ReplyValue } from '../resp/reply-decoder.ts';
import { accessOf } from './command-access.ts';
import { commandKeySpecs, type KeySpec, positionsOf, sortPositions, usesOf } from './key-specs.ts';
import type { PreparedCommand } from './prepared-command.ts';
import { commandNamed, commandTable } from './table.ts';

/** What a proxy does with a command. */
export type Handling =
  /** Concerns the connection to Sluice alone: answered here. */
  | 'local'
  /** Sent over a shared connection. */
  | 'plain'
  /** The cache may have the answer. */
  | 'cached'
  /** Needs a connection of the client's own, see `PinReason`. */
  | 'own'
  /** Makes sense only between servers. */
  | 'refused';

/** What binds a client to a connection of its own, and for how long. */
export type PinReason = 'multi' | 'watch' | 'blocking' | 'listen' | 'state' | 'database';

/** What has to be known of a command to pass it on. */
export interface CommandRule {
  readonly name: string;
  readonly handling: Handling;
  readonly pin: PinReason | undefined;
  /** Changes nothing and waits for nothing: may be sent again. */
  readonly idempotent: boolean;
  readonly blocking: boolean;
  /** Which keys it changes cannot be told from its words: scripts, commands nobody described. */
  readonly opaque: boolean;
  /** Its own row, where Sluice has the command itself. */
  readonly command: PreparedCommand | undefined;
  /** Its first word after the name is its only key, always. */
  readonly singleKey: boolean;
  keyPositions(argv: readonly ByteString[]): readonly number[];
  /** What the permissions of a user are asked about it. */
  readonly access: CommandAccess;
}

const cachedCommands = new Set(['get', 'mget', 'hget', 'hmget', 'hgetall', 'exists', 'ttl', 'strlen']);

/** They run at the server, which does not know whose they are. */
const scriptCommands = new Set(['eval', 'eval_ro', 'evalsha', 'evalsha_ro', 'fcall', 'fcall_ro']);

const localCommands = new Set(['acl', 'hello', 'auth', 'ping', 'echo', 'quit', 'reset']);

/**
 * Subcommands that set up the upstream connection; the others of CLIENT concern the connection to Sluice. After SCRIPT DEBUG scripts
 * talk over their connection as a debugger does.
 */
const stateSubcommands = new Set([
  'client|tracking',
  'client|caching',
  'client|trackinginfo',
  'client|getredir',
  'script|debug',
]);

/** What replicas say: to some of it a server gives no reply, to the rest what is no reply. */
const refusedCommands = new Set(['replconf', 'sync', 'psync']);

const pinReasons: Readonly<Record<string, PinReason>> = {
  multi: 'multi',
  exec: 'multi',
  discard: 'multi',
  watch: 'watch',
  unwatch: 'watch',
  subscribe: 'listen',
  psubscribe: 'listen',
  ssubscribe: 'listen',
  unsubscribe: 'listen',
  punsubscribe: 'listen',
  sunsubscribe: 'listen',
  monitor: 'listen',
  select: 'database',
  readonly: 'state',
  readwrite: 'state',
  asking: 'state',
  wait: 'blocking',
  waitaof: 'blocking',
};

/** Commands whose effects go beyond the keys they name. */
const opaqueCommands = new Set([
  'eval',
  'evalsha',
  'fcall',
  'flushall',
  'flushdb',
  'swapdb',
  'restore',
  'migrate',
  'debug',
  'replicaof',
  'slaveof',
  'failover',
  'function',
]);

const noPositions: readonly number[] = [];

/**
 * How commands are passed on: Sluice's own table to begin with, then what the server behind says of its commands (`COMMAND`), which
 * also knows modules and versions to come.
 */
export class CommandRules {
  /** By name in lower case, subcommands as `client|id`; names without one in upper case too. */
  readonly #rules = new Map<string, CommandRule>();
  readonly #containers = new Set<string>();
  #told = false;
  readonly #catalog: { learn(name: string, categories: readonly string[]): void } | undefined;

  /** @param catalog is told what the server tells of its commands */
  constructor(catalog?: { learn(name: string, categories: readonly string[]): void }) {
    this.#catalog = catalog;
    // Sluice's own; no server has it.
    this.#add(ruleOf('sluice', new Set(), []));
    for (const { name, flags, subcommands = [] } of commandTable) {
      this.#add(ruleOf(name, new Set(flags), undefined));
      for (const sub of subcommands) this.#add(ruleOf(sub.name, new Set(sub.flags), undefined));
    }
    for (const name of stateSubcommands) this.#add(ruleOf(name, undefined, []));
  }

  /** Whether the server has told of its commands, or that it will not. */
  get told(): boolean {
    return this.#told;
  }

  /** Never fails: a command nobody knows is passed on with all caution. */
  find(argv: readonly ByteString[]): CommandRule {
    const word = argv[0] as ByteString;
    const rule = this.#rules.get(word) ?? this.#rules.get(word.toLowerCase());
    if (rule === undefined) return ruleOf(word.toLowerCase(), undefined, undefined);
    if (!this.#containers.has(rule.name) || argv.length < 2) return rule;
    const full = `${rule.name}|${(argv[1] as ByteString).toLowerCase()}`;
    // Who may use the container may still not use this part of it.
    return this.#rules.get(full) ?? { ...rule, access: { ...rule.access, name: full, hidden: 'keys' } };
  }

  /** @param reply of COMMAND, from a RESP3 connection; empty when it is refused */
  learn(reply: ReplyValue): void {
    this.#told = true;
    if (!Array.isArray(reply)) return;
    for (const entry of reply as readonly ReplyValue[]) {
      if (!Array.isArray(entry)) continue;
      const [name, , flags, , , , categories] = entry as readonly ReplyValue[];
      if (typeof name !== 'string' || !(flags instanceof Set || Array.isArray(flags))) continue;
      const words = new Set(textsOf(flags));
      this.#catalog?.learn(name.toLowerCase(), textsOf(categories));
      const { specs, complete } = commandKeySpecs(entry);
      this.#add(ruleOf(name.toLowerCase(), words, specs, complete || name === 'sort'));
      // The last part of an entry: those of `XGROUP CREATE` and its like.
      const subcommands = entry[9];
      if (Array.isArray(subcommands)) this.learn(subcommands);
    }
  }

  #add(rule: CommandRule): void {
    this.#rules.set(rule.name, rule);
    const [container, subcommand] = rule.name.split('|');
    if (subcommand === undefined) this.#rules.set(rule.name.toUpperCase(), rule);
    else this.#containers.add(container as string);
  }
}

function ruleOf(
  name: string,
  flags: ReadonlySet<string> | undefined,
  specs: readonly KeySpec[] | undefined,
  complete = true,
): CommandRule {
  const command = commandNamed(name);
  const [container = name] = name.split('|');
  const isBlocking = flags?.has('blocking') === true;
  // What nobody has described may block: on a shared connection it would delay everybody.
  const mayBlock = isBlocking || (flags === undefined && command === undefined);
  const pin = stateSubcommands.has(name) ? 'state' : (pinReasons[name] ?? (mayBlock ? 'blocking' : undefined));
  const reads = flags?.has('readonly') === true && !isBlocking;
  const isHarmless = flags !== undefined && !flags.has('write') && !opaqueCommands.has(container);
  return {
    name,
    handling: handlingOf(name, pin),
    pin,
    idempotent: reads,
    blocking: mayBlock || name === 'wait' || name === 'waitaof',
    opaque:
      !reads &&
      (opaqueCommands.has(container) || !complete || !(isHarmless || specs !== undefined || hasKeys(command))),
    command,
    singleKey: name !== 'sort' && isSingle(command?.row.keys, specs),
    keyPositions:
      name === 'sort'
        ? sortPositions
        : specs === undefined
          ? (argv) => command?.keyPositions(argv) ?? noPositions
          : (argv) => positionsOf(specs, argv),
    access: accessOfRule(name, flags, specs, complete),
  };
}

/** What has to be known to tell who may run it. The server behind knows nothing of the users here. */
function accessOfRule(
  name: string,
  flags: ReadonlySet<string> | undefined,
  specs: readonly KeySpec[] | undefined,
  complete: boolean,
): CommandAccess {
  const command = commandNamed(name);
  const isDescribed = flags !== undefined || specs !== undefined || command !== undefined;
  // The places of its keys are known to the server alone.
  const isMovable = flags?.has('movablekeys') === true && specs?.length === 0;
  // What SORT reads beyond its key is looked at when it runs.
  const isKnown = (complete && !isMovable) || name === 'sort_ro';
  const hidden = scriptCommands.has(name) ? 'everything' : !isDescribed ? 'unknown' : isKnown ? 'nothing' : 'keys';
  const isAlways = command?.beforeAuth === true;
  if (specs === undefined && command !== undefined) return { ...command.access, hidden };
  return accessOf(name, isAlways, hidden, (argv) => usesOf(specs ?? [], argv));
}

function textsOf(value: ReplyValue | undefined): readonly string[] {
  const list = value instanceof Set || Array.isArray(value) ? [...(value as Iterable<ReplyValue>)] : [];
  return list.filter((word) => typeof word === 'string');
}

function isSingle(keys: readonly number[] | undefined, specs: readonly KeySpec[] | undefined): boolean {
  if (specs === undefined) return keys !== undefined && keys[0] === 1 && keys[1] === 1;
  const [spec] = specs;
  if (specs.length !== 1 || spec === undefined) return false;
  return 'index' in spec.begin && spec.begin.index === 1 && 'lastKey' in spec.find && spec.find.lastKey === 0;
}

function handlingOf(name: string, pin: PinReason | undefined): Handling {
  if (refusedCommands.has(name)) return 'refused';
  if (pin !== undefined) return 'own';
  if (localCommands.has(name) || name === 'client' || /^(?:client|acl)\|/.test(name)) return 'local';
  return cachedCommands.has(name) ? 'cached' : 'plain';
}

function hasKeys(command: PreparedCommand | undefined): boolean {
  return command !== undefined && (command.row.keys !== undefined || command.row.findKeys !== undefined);
}
