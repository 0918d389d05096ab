import type { Audit, AuditEvent } from '../guard/audit.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Client } from './client.ts';
import type { PreparedCommand } from './prepared-command.ts';

/** Tells what a command is about by names alone: its other words may be secrets or values. */
export type AuditTarget = (argv: readonly ByteString[]) => string | undefined;

const nothing: AuditTarget = () => undefined;
const words: AuditTarget = (argv) => argv.slice(2).join(' ');
const firstWord: AuditTarget = (argv) => argv[2];
/** CONFIG SET name value name value. */
const everyOther: AuditTarget = (argv) => argv.filter((_, i) => i >= 2 && i % 2 === 0).join(' ');

/** Commands that change how a node works, or take all of its data away. */
const targets: Readonly<Record<string, AuditTarget>> = {
  'acl|setuser': firstWord,
  'acl|deluser': words,
  'acl|load': nothing,
  'acl|save': nothing,
  'client|kill': words,
  'client|pause': firstWord,
  'client|unpause': nothing,
  'config|set': everyOther,
  'config|resetstat': nothing,
  'config|rewrite': nothing,
  flushall: nothing,
  flushdb: nothing,
  swapdb: (argv) => argv.slice(1).join(' '),
  'script|flush': nothing,
  'function|load': nothing,
  'function|delete': firstWord,
  'function|flush': nothing,
  'function|restore': nothing,
  shutdown: nothing,
  replicaof: nothing,
  slaveof: nothing,
  failover: nothing,
  debug: (argv) => argv[1],
};

/** How the audit log names what the command is about; undefined where it is no matter for that log. */
export function auditTargetOf(name: string): AuditTarget | undefined {
  return Object.hasOwn(targets, name) ? targets[name] : undefined;
}

/** Writes down one of these commands. */
export function recordCommand(
  audit: Audit | undefined,
  client: Client,
  command: PreparedCommand,
  argv: readonly ByteString[],
  outcome: AuditEvent['outcome'],
  reason?: string,
): void {
  audit?.record({
    actor: client.user?.name ?? 'anonymous',
    address: client.connection.remoteAddress,
    action: command.name,
    target: command.auditTarget?.(argv),
    outcome,
    // What is wrong with a rule of a user may quote the rule, and with it a password.
    reason: command.name.startsWith('acl|') ? reason?.split(' ', 1)[0] : reason,
  });
}
