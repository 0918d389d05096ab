import type { ByteString } from '../../kernel/bytes.ts';

/** What is wrong with a rule, in the words of Redis 7.0. */
export const ruleProblems = {
  unknown: 'Unknown command or category name in ACL',
  syntax: 'Syntax error',
  keysAfterAll:
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns",
  channelsAfterAll:
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels",
  noSuchPassword: 'The password you are trying to remove from the user does not exist',
  badHash: 'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters',
  deepFirstArgument: 'Allowing first-arg of a subcommand is not supported',
} as const;

/** A rule that cannot be applied. Its message never holds a password. */
export class AclRuleError extends Error {
  override readonly name = 'AclRuleError';
  readonly problem: string;

  /** @param rule as it was written */
  constructor(rule: ByteString, problem: string) {
    super(`Error in ACL SETUSER modifier '${isSecret(rule) ? `${rule.charAt(0)}...` : rule}': ${problem}`);
    this.problem = problem;
  }
}

function isSecret(rule: ByteString): boolean {
  return rule.startsWith('>') || rule.startsWith('<');
}
