import type { ByteString } from '../kernel/bytes.ts';
import { compileGlob } from '../kernel/glob.ts';
import { Need } from './acl/permissions.ts';
import type { User } from './user.ts';

/** What an HTTP request does to a key. */
export type Verb = 'read' | 'write' | 'delete' | 'count';

/** A record that is appended is a write of its own to users with rules; to tokens it is one like any other. */
export type RequestVerb = Verb | 'append';

export const verbs = ['read', 'write', 'delete', 'count'] as const satisfies readonly Verb[];

/** The command each is to users with rules, and what it does to the key. */
const commandOf = {
  read: ['get', Need.read],
  write: ['set', Need.write],
  delete: ['del', Need.write],
  count: ['incrby', Need.both],
  append: ['rpush', Need.write],
} as const satisfies Record<RequestVerb, readonly [string, Need]>;

/** What a request may do to keys. */
export interface HttpRights {
  /** What is missing, for a refusal; undefined when nothing is. It depends on the key's name alone, never on whether it exists. */
  refusal(verb: RequestVerb, key: ByteString): string | undefined;
}

/** The rights of a user with rules, as they are at the moment. */
export class UserRights implements HttpRights {
  readonly #user: User;

  constructor(user: User) {
    this.#user = user;
  }

  refusal(verb: RequestVerb, key: ByteString): string | undefined {
    const { name, permissions } = this.#user;
    if (permissions === undefined) return undefined;
    const [command, need] = commandOf[verb];
    if (permissions.allows(command, key, need)) return undefined;
    return permissions.allowsCommand(command)
      ? `the rules of the user '${name}' do not reach this key with '${command}'`
      : `the rules of the user '${name}' do not allow the command '${command}'`;
  }
}

/** The rights of a token with its own list of keys and verbs. */
export class TokenRights implements HttpRights {
  readonly #name: string;
  readonly #verbs: ReadonlySet<Verb>;
  readonly #reaches: (key: ByteString) => boolean;

  constructor(name: string, allowed: readonly Verb[], keys: readonly ByteString[]) {
    this.#name = name;
    this.#verbs = new Set(allowed);
    const globs = keys.map((glob) => compileGlob(glob));
    this.#reaches = (key) => globs.some((matches) => matches(key));
  }

  refusal(verb: RequestVerb, key: ByteString): string | undefined {
    const needed = verb === 'append' ? 'write' : verb;
    if (!this.#verbs.has(needed)) return `the token '${this.#name}' does not have the verb '${needed}'`;
    return this.#reaches(key) ? undefined : `the keys of the token '${this.#name}' do not include this one`;
  }
}
