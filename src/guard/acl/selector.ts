import type { ByteString } from '../../kernel/bytes.ts';
import type { CommandCatalog } from './catalog.ts';
import { AclRuleError, ruleProblems } from './rule-error.ts';

/** Which keys, and what may be done to them. */
export interface KeyPattern {
  readonly pattern: ByteString;
  readonly read: boolean;
  readonly write: boolean;
}

/**
 * One set of rights: commands, keys, channels. A user has one of its own and any number of further ones in parentheses; a command is
 * allowed when one of them allows all of it.
 */
export interface Selector {
  /** What the rules start from; `all` includes commands that nobody knows yet. */
  readonly base: 'all' | 'none';
  /** In the order of their effect: `+get`, `-@write`, `+config|get`, `+select|0`. */
  readonly commands: readonly string[];
  readonly allKeys: boolean;
  readonly keys: readonly KeyPattern[];
  readonly allChannels: boolean;
  readonly channels: readonly ByteString[];
}

/** Allows nothing. */
export const emptySelector: Selector = {
  base: 'none',
  commands: [],
  allKeys: false,
  keys: [],
  allChannels: false,
  channels: [],
};

/** Allows everything. */
export const fullSelector: Selector = { ...emptySelector, base: 'all', allKeys: true, allChannels: true };

/** The selector after one more rule. @throws AclRuleError */
export function applyRule(selector: Selector, rule: ByteString, catalog: CommandCatalog): Selector {
  const first = rule.charAt(0);
  switch (rule.toLowerCase()) {
    case 'allkeys':
    case '~*':
      return { ...selector, allKeys: true, keys: [] };
    case 'resetkeys':
      return { ...selector, allKeys: false, keys: [] };
    case 'allchannels':
    case '&*':
      return { ...selector, allChannels: true, channels: [] };
    case 'resetchannels':
      return { ...selector, allChannels: false, channels: [] };
    case 'allcommands':
    case '+@all':
      return { ...selector, base: 'all', commands: [] };
    case 'nocommands':
    case '-@all':
      return { ...selector, base: 'none', commands: [] };
  }
  if (first === '~' || first === '%') return addKeys(selector, rule);
  if (first === '&') return addChannel(selector, rule);
  if (first === '+' || first === '-') return { ...selector, commands: addCommand(selector.commands, rule, catalog) };
  throw new AclRuleError(rule, ruleProblems.syntax);
}

/** The rules that make the selector, as `ACL LIST` writes them: keys, channels, commands. */
export function describeSelector(selector: Selector): ByteString {
  const { allChannels, channels } = selector;
  const parts = [describeKeys(selector)];
  parts.push(allChannels ? '&*' : ['resetchannels', ...channels.map((channel) => `&${channel}`)].join(' '));
  parts.push(describeCommands(selector));
  return parts.filter((part) => part !== '').join(' ');
}

export function describeKeys({ allKeys, keys }: Selector): ByteString {
  if (allKeys) return '~*';
  return keys
    .map(({ pattern, read, write }) => (read && write ? `~${pattern}` : `%${read ? 'R' : 'W'}~${pattern}`))
    .join(' ');
}

export function describeChannels({ allChannels, channels }: Selector): ByteString {
  return allChannels ? '&*' : channels.map((channel) => `&${channel}`).join(' ');
}

export function describeCommands({ base, commands }: Selector): string {
  return [base === 'all' ? '+@all' : '-@all', ...commands].join(' ');
}

function addKeys(selector: Selector, rule: ByteString): Selector {
  if (selector.allKeys) throw new AclRuleError(rule, ruleProblems.keysAfterAll);
  const tilde = rule.indexOf('~');
  const flags = rule.startsWith('~') ? 'RW' : rule.slice(1, tilde).toUpperCase();
  const pattern = rule.slice(tilde + 1);
  const isKnown = flags === 'R' || flags === 'W' || flags === 'RW' || flags === 'WR';
  if (tilde < 0 || !isKnown || hasSpaces(pattern)) throw new AclRuleError(rule, ruleProblems.syntax);
  const before = selector.keys.find((key) => key.pattern === pattern);
  const added: KeyPattern = {
    pattern,
    read: before?.read === true || flags.includes('R'),
    write: before?.write === true || flags.includes('W'),
  };
  const keys =
    before === undefined ? [...selector.keys, added] : selector.keys.map((key) => (key === before ? added : key));
  return { ...selector, keys };
}

function addChannel(selector: Selector, rule: ByteString): Selector {
  if (selector.allChannels) throw new AclRuleError(rule, ruleProblems.channelsAfterAll);
  const channel = rule.slice(1);
  if (hasSpaces(channel)) throw new AclRuleError(rule, ruleProblems.syntax);
  if (selector.channels.includes(channel)) return selector;
  return { ...selector, channels: [...selector.channels, channel] };
}

function addCommand(rules: readonly string[], rule: ByteString, catalog: CommandCatalog): readonly string[] {
  const lower = rule.toLowerCase();
  const name = lower.slice(1);
  checkCommand(rule, name, catalog);
  // What was said of it before, or of parts of it, has no effect any more.
  const kept = rules.filter((old) => old.slice(1) !== name && !old.slice(1).startsWith(`${name}|`));
  return [...kept, lower];
}

/** @throws AclRuleError for a command or category nobody knows */
function checkCommand(rule: ByteString, name: string, catalog: CommandCatalog): void {
  if (name.startsWith('@')) {
    if (catalog.inCategory(name.slice(1)) === undefined) throw new AclRuleError(rule, ruleProblems.unknown);
    return;
  }
  if (catalog.has(name)) return;
  const [command = '', argument, ...deeper] = name.split('|');
  if (argument === undefined || rule.startsWith('-') || !catalog.has(command))
    throw new AclRuleError(rule, ruleProblems.unknown);
  if (deeper.length > 0 && catalog.has(`${command}|${argument}`))
    throw new AclRuleError(rule, ruleProblems.deepFirstArgument);
  if (catalog.subcommandsOf(command).length > 0) throw new AclRuleError(rule, ruleProblems.unknown);
  if (argument === '' || deeper.length > 0) throw new AclRuleError(rule, ruleProblems.syntax);
}

/** What separates rules, and NUL. */
export function hasSpaces(text: ByteString): boolean {
  return /[\0\t\n\v\f\r ]/.test(text);
}
