/** What one error code means, for the table below and the reference page made from it. */
interface ErrorEntry {
  /** What happened, in one sentence. */
  readonly summary: string;
  /** What the reader can do about it, in one sentence. */
  readonly remedy: string;
}

/**
 * Every code a {@link SluiceError} can carry, with its meaning and remedy. The reference page is generated from this table.
 * Codes are part of the public interface: adding one is a minor change, renaming or removing one a major change.
 */
export const errorCodes = {
  // Configuration and start
  CONFIG_INVALID: {
    summary: 'The configuration has an unknown key, a missing value or a value of the wrong form.',
    remedy:
      'Correct the place the message names; `sluice check --config FILE` shows every finding with line and column.',
  },
  USAGE: {
    summary: 'A command line flag or argument is missing, unknown or of the wrong form.',
    remedy: 'See `sluice COMMAND --help`.',
  },
  ADDRESS_IN_USE: {
    summary: 'Another program already listens on the address.',
    remedy: 'Stop that program or give the listener another address or port.',
  },
  ADDRESS_UNAVAILABLE: {
    summary: 'The address cannot be bound on this machine, or the process may not bind it.',
    remedy: 'Use an address of this machine and a port above 1023, or grant the process the right to bind it.',
  },
  INSECURE_ADDRESS: {
    summary: 'A listener would be reachable from other machines while no users are configured.',
    remedy:
      'Configure `users`, bind a loopback address such as 127.0.0.1, or pass `--insecure` if the network itself is trusted.',
  },
  NOT_SUPPORTED: {
    summary: 'The request is understood, but this version or this driver does not do it.',
    remedy: 'Use the alternative the message names, or another version.',
  },
  // The data folder
  DATA_LOCKED: {
    summary: 'The data folder is in use by another process, or is already open in this one.',
    remedy: 'Stop the other process, close the other store, or use another folder.',
  },
  DATA_DAMAGED: {
    summary: 'A file of the data folder is damaged; nothing was changed.',
    remedy: 'Restore the last backup with `sluice restore FILE --data DIR`, and check the disk.',
  },
  DATA_VERSION: {
    summary: 'The data folder was written by a version of Sluice that this one cannot read.',
    remedy: 'Run the version the message names, or restore a backup that this version can read.',
  },
  DATA_UNAVAILABLE: {
    summary: 'The data folder cannot be created, read or written.',
    remedy: 'Check that the folder exists, that the user of the process owns it and that the disk is not full.',
  },
  BACKUP_INVALID: {
    summary: 'The file is not a backup, is incomplete or is damaged.',
    remedy: 'Use another backup; nothing was restored from this one.',
  },
  BACKUP_EXISTS: {
    summary: 'The target of a backup or of a restore already holds something.',
    remedy: 'Choose another target, or pass `--force` to replace it.',
  },
  // The store
  STORE_READ_ONLY: {
    summary: 'A write could not be made durable, so the store accepts no writes; reads go on.',
    remedy:
      'Remove the cause the message names (full disk, permissions, I/O error); the store then accepts writes again without a restart.',
  },
  STORE_LOADING: {
    summary: 'The store is still loading its data after a start.',
    remedy: 'Try again shortly; `/ready` on the admin address says when it is done.',
  },
  OVERLOADED: {
    summary: 'Too many commands wait for the server behind Sluice, or too many clients need connections of their own.',
    remedy: 'Send less at a time, or raise `upstream.maxQueued` or `upstream.dedicated`.',
  },
  STORE_UNAVAILABLE: {
    summary: 'The store cannot be reached and was not asked; whether the key exists is unknown.',
    remedy: 'Try again later; Sluice reconnects by itself. Check the address and state of the store.',
  },
  STORE_TIMEOUT: {
    summary:
      'The store did not answer in time, or the connection was lost after the command was sent; a write may or may not have happened.',
    remedy: 'Try again where the operation can be repeated safely, and look for what makes the store slow.',
  },
  OUT_OF_MEMORY: {
    summary:
      'The data held in memory has reached `maxBytes`; writes that add data are refused, reads and deletes go on.',
    remedy: 'Delete keys, let keys expire, or raise `maxBytes`.',
  },
  WRONG_TYPE: {
    summary: 'The key holds a value of another type than the operation needs.',
    remedy: 'Use the operations of that type, or delete the key first.',
  },
  NOT_AN_INTEGER: {
    summary: 'The value or argument is not a decimal integer of 64 bits.',
    remedy: 'Store a decimal integer without spaces, or delete the key first.',
  },
  OVERFLOW: {
    summary:
      'The result leaves the range of whole numbers: 64 bits, or those JavaScript holds exactly where a number was asked for.',
    remedy: 'Use a smaller step, or reset the counter.',
  },
  KEY_TOO_LONG: {
    summary: 'The key is longer than allowed.',
    remedy: 'Use a shorter key; the message names the bound.',
  },
  VALUE_TOO_LARGE: {
    summary: 'The value is larger than allowed.',
    remedy: 'Split the value, or raise the limit the message names.',
  },
  INVALID_ARGUMENT: {
    summary: 'An argument of a call lies outside what the call accepts.',
    remedy: 'Correct the argument the message names.',
  },
  CLOSED: {
    summary: 'The store, listener or connection has been closed.',
    remedy: 'Open it again; do not use it after `close()`.',
  },
  // Read-through keys
  ORIGIN_FAILED: {
    summary: 'The origin of the key could not be reached, answered with an error, or answered what cannot be used.',
    remedy: 'Look at the origin the message names; Sluice asks it again after `errorTtl`.',
  },
  ORIGIN_TIMEOUT: {
    summary: 'The origin of the key did not answer within `timeout`.',
    remedy: 'Look for what makes the origin slow, or raise `timeout`; set `grace` to give out older values meanwhile.',
  },
  ORIGIN_OVERLOADED: {
    summary: 'So many requests wait for the origin already that its concurrency or rate would be exceeded.',
    remedy: 'Try again after the time the answer names; set `grace`, a longer `ttl` or a higher rate.',
  },
  MANAGED_KEY: {
    summary: 'The key belongs to a keyspace that is read through or written behind, and cannot be used this way.',
    remedy:
      'Use a command of the lists for such keys (commands reference), change the value at its origin, or use a key of another name.',
  },
  KEY_CONFLICT: {
    summary: 'What is kept under the key was fetched for another URL or with other parameters.',
    remedy: 'Use another key, or purge this one first.',
  },
  // Access
  RATE_LIMITED: {
    summary: 'The user or address has sent more requests than it may.',
    remedy: 'Try again after the time the answer names.',
  },
  UNAUTHENTICATED: {
    summary: 'No valid credentials were given.',
    remedy: 'Send the name and secret of a configured user.',
  },
  FORBIDDEN: {
    summary: 'The credentials are valid, but do not allow this.',
    remedy: 'Use a user that was granted it, or extend the grants of this one.',
  },
  PROTOCOL: {
    summary: 'The other side sent bytes that its protocol does not allow.',
    remedy: 'Check that the address is the right one for the protocol spoken.',
  },
} as const satisfies Record<string, ErrorEntry>;

/** A code of the table {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes;

/** Facts about one error, for programs. Never holds credentials or stored values. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** What may be given to a {@link SluiceError} beside its code and message. */
export interface SluiceErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Facts for programs, e.g. `{ expected, actual }` of WRONG_TYPE. */
  readonly details?: ErrorDetails;
}

/** Found on every SluiceError, also on those of another copy of this package. */
const brand = Symbol.for('sluice.error');

/**
 * Every error Sluice reports on purpose. `message` names the thing and, where it is not obvious, the remedy; it never holds
 * credentials or stored values. Anything else that is thrown is a bug.
 */
export class SluiceError extends Error {
  /** One of {@link errorCodes}; stable across versions, unlike the message. */
  readonly code: ErrorCode;
  /** Facts about this error, for programs. */
  declare readonly details?: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: SluiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.details !== undefined) this.details = options.details;
  }
}
// On the prototype and not enumerable: the name belongs to the class, and logs of an error stay free of both.
Object.defineProperty(SluiceError.prototype, 'name', { value: 'SluiceError', configurable: true, writable: true });
Object.defineProperty(SluiceError.prototype, brand, { value: true });

/**
 * Whether `error` is a {@link SluiceError}, and of `code` when one is given. Unlike `instanceof` it also knows errors of another
 * copy of this package in the same process.
 */
export function isSluiceError(error: unknown, code?: ErrorCode): error is SluiceError {
  if (!(error instanceof Error) || (error as { [brand]?: unknown })[brand] !== true) return false;
  return code === undefined || (error as SluiceError).code === code;
}
