import { SluiceError } from '../errors.ts';
import { type ByteString, utf8ToBytes } from '../kernel/bytes.ts';
import {
  type Account,
  applyRules,
  describeAccount,
  fullAccount,
  newAccount,
  type RuleContext,
  UnmatchedParenthesis,
} from './acl/account.ts';
import { AclFileError, formatAclFile, parseAclFile } from './acl/acl-file.ts';
import { AclLog } from './acl/acl-log.ts';
import type { CommandCatalog } from './acl/catalog.ts';
import type { Permissions } from './acl/permissions.ts';
import { AclRuleError } from './acl/rule-error.ts';
import { type HttpRights, TokenRights, UserRights, type Verb, verbs } from './http-rights.ts';
import { isSameDigest, type StoredSecret, StretchedSecrets, sha256Hex } from './secrets.ts';
import { User } from './user.ts';

export type { StoredSecret } from './secrets.ts';

/** A user of the configuration. */
export interface UserOptions {
  readonly name: string;
  readonly secrets: readonly StoredSecret[];
  /** May reach the keys that other programs agree on. */
  readonly compat: boolean;
  /** May use the listener for administration whatever its rules. @default false */
  readonly admin?: boolean;
  /** Its rules in Redis's syntax; undefined: it may do everything. */
  readonly acl?: string | undefined;
}

/** A token for HTTP. It has the rights of a user, or keys and verbs of its own. */
export interface TokenOptions {
  readonly name: string;
  /** SHA-256. */
  readonly digest: Uint8Array;
  readonly user?: string | undefined;
  /** Globs. @default every key */
  readonly keys?: readonly string[] | undefined;
  /** @default all */
  readonly verbs?: readonly Verb[] | undefined;
  /** May use the listener for administration. @default false */
  readonly admin?: boolean;
}

/** Where users made by commands are kept. @throws SluiceError both, when the file cannot be read or written */
export interface AclStorage {
  /** For messages. */
  readonly path: string;
  /** Undefined when there is no file yet. */
  read(): ByteString | undefined;
  write(text: ByteString): void;
}

export interface CredentialOptions {
  readonly users: readonly UserOptions[];
  /** @default none */
  readonly tokens?: readonly TokenOptions[];
  /** @default none: ACL SAVE and ACL LOAD are refused */
  readonly storage?: AclStorage | undefined;
  readonly catalog: CommandList;
  /** ms, monotonic. */
  readonly monotonic: () => number;
  /** Told of every refusal, for the log. @default nobody */
  readonly onRefused?: () => void;
  /** Whether everybody may be let in without credentials: all listeners serve this machine only, or it was asked for. @default true */
  readonly mayBeOpen?: boolean;
}

/** Who a request comes from. */
export interface Identity {
  readonly name: string;
  /** Undefined: every key, every verb. */
  readonly rights: HttpRights | undefined;
  /** May use the listener for administration. */
  readonly isAdmin: boolean;
}

/** The catalog, and which of its commands can be had. */
export interface CommandList extends CommandCatalog {
  /** What `ACL CAT` lists; undefined when there is no such category. */
  answeredIn(category: string): readonly string[] | undefined;
  /** The server behind told of a command. */
  learn(name: string, categories: readonly string[]): void;
}

/** What became of a user whose connections may be open. */
export type UserChange = 'changed' | 'deleted';

/** Told of users whose connections have to be looked at. @param before what the user was allowed; undefined: everything */
export type UserWatcher = (user: User, change: UserChange, before: Permissions | undefined) => void;

/** Compared against for unknown names, so that they take as long as known ones. */
const NOBODY = sha256Hex('');
const DEFAULT = 'default';

/**
 * Who may come in, and what they may do: users of the configuration, of the ACL file and of ACL SETUSER, and tokens. One for all faces.
 * There is always a user named `default`: without any other definition of it, it may do everything and needs no password as long as no
 * users or tokens are configured, in the file neither, and is off otherwise.
 */
export class Credentials {
  readonly catalog: CommandList;
  readonly log = new AclLog();
  readonly #users = new Map<ByteString, User>();
  readonly #storage: AclStorage | undefined;
  readonly #stretched: StretchedSecrets;
  readonly #onRefused: () => void;
  readonly #mayBeOpen: boolean;
  readonly #watchers: UserWatcher[] = [];
  #options: readonly UserOptions[] = [];
  #tokens: readonly TokenOptions[] = [];
  /** By the hexadecimal SHA-256 of the secret; made when asked for. */
  #bySecret: ReadonlyMap<string, Identity> | undefined;
  #generation = 0;
  /** Text of the ACL file as it was read or written last. */
  #fileText: ByteString | undefined;

  /** @throws SluiceError CONFIG_INVALID rules or a file that cannot be used, INSECURE_ADDRESS */
  constructor(options: CredentialOptions) {
    this.catalog = options.catalog;
    this.#storage = options.storage;
    this.#stretched = new StretchedSecrets(options.monotonic);
    this.#onRefused = options.onRefused ?? (() => {});
    this.#mayBeOpen = options.mayBeOpen ?? true;
    this.#take(options.users, options.tokens ?? [], this.#readFile());
  }

  /** False when whoever connects is let in. */
  get required(): boolean {
    const { on, nopass } = this.guest.account;
    return !(on && nopass);
  }

  /** Who connections begin as where no credentials are {@link required}. */
  get guest(): User {
    return this.#users.get(DEFAULT) as User;
  }

  /** Grows with every change of users and tokens: what was found out before may be wrong then. */
  get generation(): number {
    return this.#generation;
  }

  /** Tells of users whose connections have to be looked at. */
  watch(watcher: UserWatcher): void {
    this.#watchers.push(watcher);
  }

  /**
   * Takes the users and tokens of a new configuration, and the ACL file where it has changed. All of it, or nothing.
   * @throws SluiceError CONFIG_INVALID, INSECURE_ADDRESS
   */
  replace(users: readonly UserOptions[], tokens: readonly TokenOptions[] = []): void {
    const text = this.#readFile();
    const sameUsers = JSON.stringify(users) === JSON.stringify(this.#options);
    const sameTokens = JSON.stringify(tokens) === JSON.stringify(this.#tokens);
    if (sameUsers && sameTokens && text === this.#fileText) return;
    this.#take(users, tokens, text);
  }

  // Users

  find(name: ByteString): User | undefined {
    return this.#users.get(name);
  }

  /** By name. */
  list(): readonly User[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * ACL SETUSER: makes or changes a user, as a whole or not at all.
   * @throws AclRuleError, UnmatchedParenthesis, SluiceError INSECURE_ADDRESS
   */
  setUser(name: ByteString, rules: readonly ByteString[]): void {
    const known = this.#users.get(name);
    const before = known?.permissions;
    const account = applyRules(known?.account ?? newAccount, rules, this.#rules);
    if (name === DEFAULT) this.#requireClosed(account);
    const forgets = rules.some((rule) => /^(?:reset|resetpass|nopass)$/i.test(rule));
    if (known === undefined) {
      this.#users.set(name, new User(name, account, 'command', this.catalog));
    } else {
      known.change(account, forgets ? [] : known.stretched);
      if (known.source === 'builtin') known.source = 'command';
    }
    this.#changed();
    if (known !== undefined) this.#tell(known, 'changed', before);
  }

  /** @returns whether there was one. The default user cannot be deleted: refuse that before. */
  deleteUser(name: ByteString): boolean {
    const user = this.#users.get(name);
    if (user === undefined || name === DEFAULT) return false;
    this.#users.delete(name);
    this.#changed();
    this.#tell(user, 'deleted', user.permissions);
    return true;
  }

  /** Whether there is a file for {@link save} and {@link load}. */
  get hasFile(): boolean {
    return this.#storage !== undefined;
  }

  /** Writes the users that are not of the configuration to the file. @throws SluiceError */
  save(): void {
    // The open door of a node without users is written too: with users in the file it would be shut at the next start.
    const kept = this.list().filter(({ source, account }) =>
      source === 'builtin' ? account.on : source === 'file' || source === 'command',
    );
    const text = formatAclFile(kept.map(({ name, account }) => [name, account] as const));
    this.#storage?.write(text);
    this.#fileText = text;
    for (const user of kept) user.source = 'file';
  }

  /** Reads the file again: all of it, or nothing. @throws SluiceError CONFIG_INVALID, INSECURE_ADDRESS */
  load(): void {
    this.#take(this.#options, this.#tokens, this.#readFile(), true);
  }

  // Logins

  /** In constant time. @returns undefined when name or secret are wrong, or the user is off. */
  authenticate(name: ByteString, secret: ByteString): User | undefined {
    const user = this.#users.get(name);
    const given = sha256Hex(secret);
    let right = false;
    for (const password of user?.account.passwords ?? [NOBODY]) right = isSameDigest(given, password) || right;
    if (user !== undefined && !right)
      right = user.account.nopass || user.stretched.some((stored) => this.#stretched.isRight(stored, secret, given));
    if (user?.account.on === true && right) return user;
    this.#onRefused();
    return undefined;
  }

  /** The same for HTTP. */
  identify(name: ByteString, secret: ByteString): Identity | undefined {
    const user = this.authenticate(name, secret);
    return user === undefined ? undefined : identityOf(user);
  }

  /** Whose token, or unstretched secret, this is. */
  identifyToken(secret: ByteString): Identity | undefined {
    this.#bySecret ??= this.#indexSecrets();
    const found = this.#bySecret.get(sha256Hex(secret));
    if (found === undefined) this.#onRefused();
    return found;
  }

  /** For the commands about users. */
  get acl(): this {
    return this;
  }

  get hasTokens(): boolean {
    return this.#tokens.length > 0;
  }

  /** What somebody without credentials may do, where none are {@link required}; undefined: everything. */
  get guestRights(): HttpRights | undefined {
    return this.guest.permissions === undefined ? undefined : new UserRights(this.guest);
  }

  get #rules(): RuleContext {
    return { catalog: this.catalog, hashPassword: sha256Hex };
  }

  /** Everything is checked before anything changes. */
  #take(
    options: readonly UserOptions[],
    tokens: readonly TokenOptions[],
    text: ByteString | undefined,
    isReread = false,
  ): void {
    const next = new Map<ByteString, Definition>();
    for (const option of options) next.set(option.name, this.#definitionOf(option));
    const inFile = this.#parseFile(text);
    for (const [name, account] of inFile) {
      if (next.has(name)) throw invalid(`the user '${name}' is defined in the configuration and in the ACL file`);
      next.set(name, { account, source: 'file' });
    }
    // What was changed by commands stays until the place it comes from says something else.
    const fileIsNew = isReread || text !== this.#fileText;
    const configIsNew = options !== this.#options || tokens !== this.#tokens;
    for (const user of this.#users.values()) {
      if (next.has(user.name) || user.source !== 'command' || (fileIsNew && this.#storage !== undefined)) continue;
      // Users were configured meanwhile: the open door of before is not kept.
      if (user.name === DEFAULT && configIsNew) continue;
      next.set(user.name, user);
    }
    if (!next.has(DEFAULT)) {
      const isOpen = options.length === 0 && tokens.length === 0 && inFile.size === 0;
      next.set(DEFAULT, { account: isOpen ? { ...fullAccount, nopass: true } : newAccount, source: 'builtin' });
    }
    this.#requireClosed((next.get(DEFAULT) as Definition).account);
    for (const { name, user } of tokens) {
      if (user !== undefined && !next.has(user))
        throw invalid(`tokens: the user '${user}' of the token '${name}' does not exist`);
    }
    this.#options = options;
    this.#tokens = tokens;
    this.#fileText = text;
    this.#put(next);
  }

  #put(next: ReadonlyMap<ByteString, Definition>): void {
    const told: Parameters<UserWatcher>[] = [];
    for (const user of this.#users.values()) {
      if (next.has(user.name)) continue;
      this.#users.delete(user.name);
      told.push([user, 'deleted', user.permissions]);
    }
    for (const [name, { account, source, stretched = [], compat = false, isAdmin = false }] of next) {
      const known = this.#users.get(name);
      const user = known ?? new User(name, account, source, this.catalog);
      const before = user.permissions;
      // Users were configured: who came in without a name has to say who it is.
      const isShut = known?.source === 'builtin' && user.account.on && !account.on;
      user.change(account, stretched);
      user.source = source;
      user.compat = compat;
      user.isAdmin = isAdmin;
      this.#users.set(name, user);
      if (known !== undefined) told.push([known, isShut ? 'deleted' : 'changed', before]);
    }
    this.#changed();
    for (const [user, change, before] of told) this.#tell(user, change, before);
  }

  #definitionOf({ name, secrets, compat, acl, admin = false }: UserOptions): Definition {
    const passwords = secrets.flatMap((secret) =>
      secret.kind === 'sha256' ? [Buffer.from(secret.digest).toString('hex')] : [],
    );
    const stretched = secrets.filter((secret) => secret.kind === 'scrypt');
    const plain: Account = { ...fullAccount, passwords };
    const account = acl === undefined ? plain : this.#accountOf(name, { ...newAccount, on: true, passwords }, acl);
    return { account, stretched, compat, isAdmin: admin, source: 'config' };
  }

  #accountOf(name: string, start: Account, acl: string): Account {
    const words = utf8ToBytes(acl)
      .split(/[ \t\r\n]+/)
      .filter((word) => word !== '');
    try {
      return applyRules(start, words, this.#rules);
    } catch (error) {
      if (error instanceof AclRuleError || error instanceof UnmatchedParenthesis)
        throw invalid(`users: the rules of '${name}': ${error.message.replace(/^Error in ACL SETUSER modifier /, '')}`);
      throw error;
    }
  }

  #readFile(): ByteString | undefined {
    return this.#storage?.read();
  }

  #parseFile(text: ByteString | undefined): ReadonlyMap<ByteString, Account> {
    if (text === undefined) return new Map();
    try {
      return parseAclFile(text, this.#rules);
    } catch (error) {
      if (error instanceof AclFileError) throw invalid(`${this.#storage?.path}, ${error.message}`);
      throw error;
    }
  }

  #requireClosed({ on, nopass }: Account): void {
    if (this.#mayBeOpen || !(on && nopass)) return;
    throw new SluiceError(
      'INSECURE_ADDRESS',
      "other machines can reach a listener, and the user 'default' would need no password: give it one, turn it off, or start with --insecure",
    );
  }

  #indexSecrets(): ReadonlyMap<string, Identity> {
    const found = new Map<string, Identity>();
    for (const user of this.#users.values()) {
      if (!user.account.on) continue;
      for (const password of user.account.passwords) found.set(password, identityOf(user));
    }
    for (const token of this.#tokens) {
      const identity = this.#identityOfToken(token);
      if (identity !== undefined) found.set(Buffer.from(token.digest).toString('hex'), identity);
    }
    return found;
  }

  /** Undefined while the user it stands for is off or deleted. */
  #identityOfToken({ name, user: userName, keys, verbs: allowed, admin }: TokenOptions): Identity | undefined {
    if (userName !== undefined) {
      const user = this.#users.get(userName);
      if (user?.account.on !== true) return undefined;
      return { ...identityOf(user), name, ...(admin === true ? { isAdmin: true } : {}) };
    }
    const isBound = keys !== undefined || allowed !== undefined;
    const rights = isBound ? new TokenRights(name, allowed ?? verbs, (keys ?? ['*']).map(utf8ToBytes)) : undefined;
    return { name, rights, isAdmin: admin === true };
  }

  #changed(): void {
    this.#generation++;
    this.#bySecret = undefined;
  }

  #tell(...change: Parameters<UserWatcher>): void {
    for (const watcher of this.#watchers) watcher(...change);
  }
}

interface Definition {
  readonly account: Account;
  readonly source: User['source'];
  readonly stretched?: User['stretched'];
  readonly compat?: boolean;
  readonly isAdmin?: boolean;
}

function identityOf(user: User): Identity {
  const rights = user.permissions === undefined ? undefined : new UserRights(user);
  return { name: user.name, rights, isAdmin: user.isAdmin || rights === undefined };
}

function invalid(message: string): SluiceError {
  return new SluiceError('CONFIG_INVALID', message);
}

/** One line of ACL LIST. */
export function describeUser({ name, account }: User): ByteString {
  return `user ${name} ${describeAccount(account)}`;
}
