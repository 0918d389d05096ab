import type { ByteString } from '../../kernel/bytes.ts';
import { compileGlob } from '../../kernel/glob.ts';
import type { CommandCatalog } from './catalog.ts';
import type { Selector } from './selector.ts';

/** What a command does to a key it names. */
export const Need = { none: 0, read: 1, write: 2, both: 3 } as const;
export type Need = (typeof Need)[keyof typeof Need];

/** A key among the words of a command. */
export interface KeyUse {
  readonly position: number;
  readonly need: Need;
}

/** What has to be known of a command to tell who may run it. */
export interface CommandAccess {
  /** As rules name it. */
  readonly name: string;
  /** Allowed to everybody: HELLO, AUTH, QUIT, RESET. */
  readonly always: boolean;
  /**
   * What it reaches beyond the keys it names: `keys` others too, or it cannot be told which; `everything` runs commands of which nothing is
   * seen here (scripts at the server behind); `unknown` nobody has described it.
   */
  readonly hidden: 'nothing' | 'keys' | 'everything' | 'unknown';
  keyUses(argv: readonly ByteString[]): readonly KeyUse[];
  /** Where its channels stand: all words from `from`, or that one; undefined when it has none. */
  readonly channels: { readonly from: number; readonly one: boolean; readonly patterns: boolean } | undefined;
}

/** Why a command is refused. */
export interface Denial {
  readonly kind: 'command' | 'key' | 'channel';
  /** The word that stands for it: the command itself, the key, the channel. */
  readonly position: number;
}

const severity: Readonly<Record<Denial['kind'], number>> = { command: 1, key: 2, channel: 4 };
const commandDenied: Denial = { kind: 'command', position: 0 };

/** What a user may do: {@link Selector}s made quick to ask. */
export class Permissions {
  readonly selectors: readonly Selector[];
  readonly #catalog: CommandCatalog;
  readonly #compiled: readonly CompiledSelector[];

  constructor(selectors: readonly Selector[], catalog: CommandCatalog) {
    this.selectors = selectors;
    this.#catalog = catalog;
    this.#compiled = selectors.map((selector) => new CompiledSelector(selector));
  }

  /** There is nothing it does not allow. */
  get unrestricted(): boolean {
    return this.#compiled.some(({ isFull }) => isFull);
  }

  /** Why the command is refused; undefined when it is allowed. In the order of Redis: what the best fitting selector lacks. */
  check(command: CommandAccess, argv: readonly ByteString[]): Denial | undefined {
    let denial = commandDenied;
    for (const selector of this.#compiled) {
      const denied = selector.check(command, argv, this.#catalog);
      if (denied === undefined) return undefined;
      const by = severity[denied.kind] - severity[denial.kind];
      if (by > 0 || (by === 0 && denied.position > denial.position)) denial = denied;
    }
    return denial;
  }

  /** Whether one key may be used so by a command. */
  allows(command: string, key: ByteString, need: Need): boolean {
    return this.#compiled.some(
      (selector) => selector.allowsCommand(command, this.#catalog) && selector.allowsKey(key, need),
    );
  }

  /** Whether a command may be run by a selector that may read every key: what SORT's BY and GET ask for. */
  readsAllKeys(command: string): boolean {
    return this.#compiled.some((selector) => selector.allowsCommand(command, this.#catalog) && selector.readsAllKeys);
  }

  /** Whether a subscription may be kept. */
  allowsChannel(channel: ByteString, isPattern: boolean): boolean {
    return this.#compiled.some((selector) => selector.allowsChannel(channel, isPattern));
  }

  /** Whether everything a client may hear by rights of `before` it may still hear by these. */
  keepsListening(before: Permissions | undefined): boolean {
    const hearsAll = (permissions: Permissions): boolean =>
      permissions.selectors.some(({ allChannels }) => allChannels);
    const mayMonitor = before === undefined || before.allowsCommand('monitor');
    if (mayMonitor && !this.allowsCommand('monitor')) return false;
    if (hearsAll(this)) return true;
    if (before === undefined || hearsAll(before)) return false;
    return before.selectors.every(({ channels }) => channels.every((channel) => this.allowsChannel(channel, true)));
  }

  allowsCommand(name: string): boolean {
    return this.#compiled.some((selector) => selector.allowsCommand(name, this.#catalog));
  }
}

class CompiledSelector {
  readonly #selector: Selector;
  readonly #keys: readonly { readonly matches: (key: ByteString) => boolean; readonly may: number }[];
  readonly #channels: readonly ((channel: ByteString) => boolean)[];
  readonly #takesUnknown: boolean;
  #allowed: ReadonlySet<string> = new Set();
  #firstArguments: ReadonlySet<string> = new Set();
  #version = -1;

  constructor(selector: Selector) {
    this.#selector = selector;
    this.#keys = selector.keys.map(({ pattern, read, write }) => ({
      matches: compileGlob(pattern),
      may: (read ? Need.read : 0) | (write ? Need.write : 0),
    }));
    this.#channels = selector.channels.map((pattern) => compileGlob(pattern));
    // What nobody has described may belong to any category.
    this.#takesUnknown = selector.base === 'all' && !selector.commands.some((rule) => rule.startsWith('-@'));
  }

  get isFull(): boolean {
    const { base, commands, allKeys, allChannels } = this.#selector;
    return base === 'all' && commands.every((rule) => rule.startsWith('+')) && allKeys && allChannels;
  }

  check(command: CommandAccess, argv: readonly ByteString[], catalog: CommandCatalog): Denial | undefined {
    if (!command.always && !this.#allowsRun(command, argv, catalog)) return commandDenied;
    const { allKeys, allChannels } = this.#selector;
    if (!allKeys) {
      for (const { position, need } of command.keyUses(argv)) {
        if (!this.allowsKey(argv[position] as ByteString, need)) return { kind: 'key', position };
      }
      if (command.hidden !== 'nothing') return { kind: 'key', position: 0 };
    }
    return allChannels ? undefined : this.#checkChannels(command, argv);
  }

  allowsCommand(name: string, catalog: CommandCatalog): boolean {
    if (this.isFull) return true;
    this.#compile(catalog);
    return this.#allowed.has(name);
  }

  allowsKey(key: ByteString, need: Need): boolean {
    return this.#selector.allKeys || this.#keys.some(({ matches, may }) => (may & need) === need && matches(key));
  }

  /** Every key, by one rule. */
  get readsAllKeys(): boolean {
    const { allKeys, keys } = this.#selector;
    return allKeys || keys.some(({ pattern, read }) => pattern === '*' && read);
  }

  allowsChannel(channel: ByteString, isPattern: boolean): boolean {
    if (this.#selector.allChannels) return true;
    // A pattern is allowed only as it stands in the rules: another one could match more.
    return isPattern ? this.#selector.channels.includes(channel) : this.#channels.some((matches) => matches(channel));
  }

  #allowsRun(command: CommandAccess, argv: readonly ByteString[], catalog: CommandCatalog): boolean {
    if (this.isFull) return true;
    if (command.hidden === 'everything') return false;
    this.#compile(catalog);
    if (command.hidden === 'unknown') return this.#allowsUnknown(command.name, argv, catalog);
    if (this.#allowed.has(command.name)) return true;
    const argument = argv[1];
    return (
      this.#firstArguments.size > 0 &&
      argument !== undefined &&
      this.#firstArguments.has(`${command.name}|${argument.toLowerCase()}`)
    );
  }

  /** The server behind has not told of it yet, or never will. */
  #allowsUnknown(name: string, argv: readonly ByteString[], catalog: CommandCatalog): boolean {
    const { allKeys, allChannels } = this.#selector;
    if (!(this.#takesUnknown && allKeys && allChannels)) return false;
    const names = [name, `${name}|${(argv[1] ?? '').toLowerCase()}`];
    return names.every((each) => !catalog.has(each) || this.#allowed.has(each));
  }

  #checkChannels({ channels }: CommandAccess, argv: readonly ByteString[]): Denial | undefined {
    if (channels === undefined) return undefined;
    const end = channels.one ? channels.from + 1 : argv.length;
    for (let position = channels.from; position < end && position < argv.length; position++) {
      if (!this.allowsChannel(argv[position] as ByteString, channels.patterns)) return { kind: 'channel', position };
    }
    return undefined;
  }

  #compile(catalog: CommandCatalog): void {
    if (this.#version === catalog.version) return;
    const { base, commands } = this.#selector;
    const allowed = new Set<string>(base === 'all' ? catalog.inCategory('all') : []);
    const firstArguments = new Set<string>();
    for (const rule of commands) {
      const name = rule.slice(1);
      const names = name.startsWith('@') ? (catalog.inCategory(name.slice(1)) ?? []) : [name];
      for (const one of names) {
        const isCommand = catalog.has(one);
        if (!isCommand) firstArguments.add(one);
        for (const each of isCommand ? [one, ...catalog.subcommandsOf(one)] : []) {
          if (rule.startsWith('+')) allowed.add(each);
          else allowed.delete(each);
          for (const argument of firstArguments) if (argument.startsWith(`${each}|`)) firstArguments.delete(argument);
        }
      }
    }
    this.#allowed = allowed;
    this.#firstArguments = firstArguments;
    this.#version = catalog.version;
  }
}
