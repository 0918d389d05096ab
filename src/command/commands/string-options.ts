import type { ByteString } from '../../kernel/bytes.ts';
import { syntaxError } from '../command-error.ts';
import { type ExpireForm, expireForms } from '../expire-time.ts';

/** An expiry as it was written. */
export interface ExpireOption {
  readonly text: ByteString;
  readonly form: ExpireForm;
}

export interface SetOptions {
  readonly expire: ExpireOption | undefined;
  readonly keepTtl: boolean;
  readonly condition: 'nx' | 'xx' | undefined;
  /** Replies with the old value. */
  readonly get: boolean;
}

/** The words of SET after the value, in any order; of two expiries of one form the last counts. @throws CommandError "syntax error" */
export function parseSetOptions(argv: readonly ByteString[]): SetOptions {
  let expire: ExpireOption | undefined;
  let keepTtl = false;
  let condition: 'nx' | 'xx' | undefined;
  let get = false;
  for (let i = 3; i < argv.length; i++) {
    const option = (argv[i] as ByteString).toLowerCase();
    if (option === 'nx' || option === 'xx') {
      if (condition !== undefined && condition !== option) throw syntaxError();
      condition = option;
    } else if (option === 'get') {
      get = true;
    } else if (option === 'keepttl') {
      if (expire !== undefined) throw syntaxError();
      keepTtl = true;
    } else {
      if (keepTtl) throw syntaxError();
      expire = parseExpire(option, argv[++i], expire);
    }
  }
  return { expire, keepTtl, condition, get };
}

export interface GetOptions {
  readonly expire: ExpireOption | undefined;
  readonly persist: boolean;
}

/** The words of GETEX after the key. @throws CommandError "syntax error" */
export function parseGetOptions(argv: readonly ByteString[]): GetOptions {
  let expire: ExpireOption | undefined;
  let persist = false;
  for (let i = 2; i < argv.length; i++) {
    const option = (argv[i] as ByteString).toLowerCase();
    if (option === 'persist') {
      if (expire !== undefined) throw syntaxError();
      persist = true;
    } else {
      if (persist) throw syntaxError();
      expire = parseExpire(option, argv[++i], expire);
    }
  }
  return { expire, persist };
}

function parseExpire(option: string, text: ByteString | undefined, earlier: ExpireOption | undefined): ExpireOption {
  const form = expireForms.get(option);
  if (form === undefined || text === undefined || (earlier !== undefined && earlier.form !== form)) throw syntaxError();
  return { text, form };
}
