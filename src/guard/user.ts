import type { ByteString } from '../kernel/bytes.ts';
import type { Account } from './acl/account.ts';
import type { CommandCatalog } from './acl/catalog.ts';
import { Permissions } from './acl/permissions.ts';
import type { StretchedSecret } from './secrets.ts';

/** Where a user was defined: what may replace it. */
export type UserSource = 'config' | 'file' | 'command' | 'builtin';

/**
 * Who a client is. One object for all connections of the user: what it may do changes for all of them at once.
 */
export class User {
  readonly name: ByteString;
  readonly #catalog: CommandCatalog;
  #account: Account;
  #permissions: Permissions | undefined;
  #stretched: readonly StretchedSecret[] = [];
  /** May reach the keys that other programs agree on. */
  compat = false;
  /** May use the listener for administration whatever else it may not. */
  isAdmin = false;
  source: UserSource;

  constructor(name: ByteString, account: Account, source: UserSource, catalog: CommandCatalog) {
    this.name = name;
    this.source = source;
    this.#catalog = catalog;
    this.#account = account;
    this.#permissions = permissionsOf(account, catalog);
  }

  get account(): Account {
    return this.#account;
  }

  /** Secrets that are costly to try. */
  get stretched(): readonly StretchedSecret[] {
    return this.#stretched;
  }

  /** Undefined: everything is allowed. */
  get permissions(): Permissions | undefined {
    return this.#permissions;
  }

  change(account: Account, stretched: readonly StretchedSecret[]): void {
    this.#account = account;
    this.#stretched = stretched;
    this.#permissions = permissionsOf(account, this.#catalog);
  }
}

function permissionsOf({ root, selectors }: Account, catalog: CommandCatalog): Permissions | undefined {
  const permissions = new Permissions([root, ...selectors], catalog);
  return permissions.unrestricted ? undefined : permissions;
}
