import type { ByteString } from '../../kernel/bytes.ts';
import type { CommandCatalog } from './catalog.ts';
import { AclRuleError, ruleProblems } from './rule-error.ts';
import { applyRule, describeSelector, emptySelector, fullSelector, hasSpaces, type Selector } from './selector.ts';

/** A user as rules make it. Passwords are kept as the hexadecimal SHA-256 of their bytes, as Redis keeps them. */
export interface Account {
  readonly on: boolean;
  /** Any password is taken, and connections begin as this user where it is the one named `default`. */
  readonly nopass: boolean;
  readonly passwords: readonly string[];
  /** Kept for those who ask: the payload of RESTORE is checked by the server that takes it. */
  readonly payload?: 'sanitize-payload' | 'skip-sanitize-payload';
  readonly root: Selector;
  /** Further sets of rights, in parentheses. */
  readonly selectors: readonly Selector[];
}

/** What `ACL SETUSER name` makes of a name that is new. */
export const newAccount: Account = { on: false, nopass: false, passwords: [], root: emptySelector, selectors: [] };

/** May do everything. */
export const fullAccount: Account = { ...newAccount, on: true, root: fullSelector };

/** Hashes passwords, which this pure part cannot. @returns the hexadecimal SHA-256 */
export type HashPassword = (password: ByteString) => string;

/** What rules are read with. */
export interface RuleContext {
  readonly catalog: CommandCatalog;
  readonly hashPassword: HashPassword;
}

/** The account after the rules, all of them or none. @param words as ACL SETUSER gets them @throws AclRuleError */
export function applyRules(account: Account, words: readonly ByteString[], context: RuleContext): Account {
  return mergeParentheses(words).reduce((result, rule) => applyOne(result, rule, context), account);
}

/** The rules that make the account from a new one, as `ACL LIST` and the file write them. */
export function describeAccount(account: Account): ByteString {
  const { passwords, root, selectors } = account;
  const parts = [...flagsOf(account), ...passwords.map((hash) => `#${hash}`)];
  parts.push(describeSelector(root), ...selectors.map((selector) => `(${describeSelector(selector)})`));
  return parts.join(' ');
}

/** As ACL GETUSER names them. */
export function flagsOf({ on, nopass, payload }: Account): string[] {
  return [on ? 'on' : 'off', ...(nopass ? ['nopass'] : []), ...(payload === undefined ? [] : [payload])];
}

/** Rules in parentheses may come as several words; they are one rule. @throws UnmatchedParenthesis */
function mergeParentheses(words: readonly ByteString[]): ByteString[] {
  const merged: ByteString[] = [];
  let open: ByteString | undefined;
  for (const word of words) {
    if (open === undefined && word.startsWith('(') && !word.endsWith(')')) {
      open = word;
    } else if (open !== undefined) {
      open += ` ${word}`;
      if (!word.endsWith(')')) continue;
      merged.push(open);
      open = undefined;
    } else {
      merged.push(word);
    }
  }
  if (open !== undefined) throw new UnmatchedParenthesis(open.split(' ', 1)[0] as ByteString);
  return merged;
}

/** A selector that does not end. */
export class UnmatchedParenthesis extends Error {
  override readonly name = 'UnmatchedParenthesis';

  constructor(start: ByteString) {
    super(`Unmatched parenthesis in acl selector starting at '${start}'.`);
  }
}

function applyOne(account: Account, rule: ByteString, context: RuleContext): Account {
  switch (rule.toLowerCase()) {
    case 'on':
      return { ...account, on: true };
    case 'off':
      return { ...account, on: false };
    case 'nopass':
      return { ...account, nopass: true, passwords: [] };
    case 'resetpass':
      return { ...account, nopass: false, passwords: [] };
    case 'reset':
      return { ...newAccount, payload: 'sanitize-payload' };
    case 'clearselectors':
      return { ...account, selectors: [] };
    case 'sanitize-payload':
    case 'skip-sanitize-payload':
      return { ...account, payload: rule.toLowerCase() as NonNullable<Account['payload']> };
  }
  const rest = rule.slice(1);
  switch (rule.charAt(0)) {
    case '>':
      return addPassword(account, context.hashPassword(rest));
    case '<':
      return removePassword(account, context.hashPassword(rest), rule);
    case '#':
      return addPassword(account, requireHash(rest, rule));
    case '!':
      return removePassword(account, requireHash(rest, rule), rule);
    case '(':
      return { ...account, selectors: [...account.selectors, selectorOf(rule, context.catalog)] };
    default:
      return { ...account, root: applyRule(account.root, rule, context.catalog) };
  }
}

function selectorOf(rule: ByteString, catalog: CommandCatalog): Selector {
  const inner = rule.slice(1, -1).split(' ');
  try {
    return inner
      .filter((part) => part !== '')
      .reduce((selector, part) => applyRule(selector, part, catalog), emptySelector);
  } catch (error) {
    if (error instanceof AclRuleError) throw new AclRuleError(rule, error.problem);
    throw error;
  }
}

function addPassword(account: Account, hash: string): Account {
  const passwords = account.passwords.includes(hash) ? account.passwords : [...account.passwords, hash];
  return { ...account, nopass: false, passwords };
}

function removePassword(account: Account, hash: string, rule: ByteString): Account {
  if (!account.passwords.includes(hash)) throw new AclRuleError(rule, ruleProblems.noSuchPassword);
  return { ...account, passwords: account.passwords.filter((other) => other !== hash) };
}

function requireHash(text: ByteString, rule: ByteString): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new AclRuleError(rule, ruleProblems.badHash);
  return text;
}

/** A name no rule could be mistaken for. */
export function isUserName(name: ByteString): boolean {
  return name !== '' && !hasSpaces(name);
}
