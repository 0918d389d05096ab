import type { ByteString } from '../../kernel/bytes.ts';
import {
  type Account,
  applyRules,
  describeAccount,
  isUserName,
  newAccount,
  type RuleContext,
  UnmatchedParenthesis,
} from './account.ts';
import { AclRuleError } from './rule-error.ts';

/** A line of an ACL file that cannot be used. */
export class AclFileError extends Error {
  override readonly name = 'AclFileError';
  /** From 1. */
  readonly line: number;

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

/**
 * The users of an ACL file as Redis writes it: a line `user NAME rules…` each; blank lines and lines that begin with `#` say nothing.
 * All of it is right, or none is used.
 * @throws AclFileError
 */
export function parseAclFile(text: ByteString, context: RuleContext): ReadonlyMap<ByteString, Account> {
  const users = new Map<ByteString, Account>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const fail = (problem: string): AclFileError => new AclFileError(index + 1, problem);
    const [word, name = '', ...rules] = line.split(/[ \t]+/);
    if (word !== 'user') throw fail("a line begins with the word 'user'");
    if (!isUserName(name)) throw fail('the name of the user is missing');
    if (users.has(name)) throw fail(`the user '${name}' is defined twice`);
    users.set(name, accountOf(rules, context, fail));
  }
  return users;
}

/** The rules themselves are not repeated: what is no rule may be a password. */
function accountOf(
  rules: readonly ByteString[],
  context: RuleContext,
  fail: (problem: string) => AclFileError,
): Account {
  try {
    return applyRules(newAccount, rules, context);
  } catch (error) {
    if (error instanceof AclRuleError) throw fail(error.problem);
    if (error instanceof UnmatchedParenthesis) throw fail('a parenthesis is not closed');
    throw error;
  }
}

/** The text of a file with these users. */
export function formatAclFile(users: Iterable<readonly [ByteString, Account]>): ByteString {
  let text = '';
  for (const [name, account] of users) text += `user ${name} ${describeAccount(account)}\n`;
  return text;
}
