import { Catalog } from '../command/command-catalog.ts';
import { isLoopbackHost } from '../config/address.ts';
import { listenerNames, type SluiceConfig } from '../config/schema.ts';
import { Credentials, type TokenOptions, type UserOptions } from '../guard/credentials.ts';
import type { Clock } from '../kernel/clock.ts';
import type { NodeLog } from '../telemetry/log.ts';
import { aclFile } from './acl-file.ts';

const REFUSALS_EVERY_MS = 10_000;

/** The users and tokens of a node. @throws SluiceError CONFIG_INVALID, INSECURE_ADDRESS */
export function openCredentials(config: SluiceConfig, clock: Clock, log: NodeLog): Credentials {
  const reachable = listenerNames.some((name) => {
    const address = config[name]?.address;
    return address !== undefined && !isLoopbackHost(address.host);
  });
  return new Credentials({
    users: usersOf(config),
    tokens: tokensOf(config),
    storage: config.aclFile === undefined ? undefined : aclFile(config.aclFile),
    catalog: new Catalog(),
    monotonic: () => clock.monotonic(),
    onRefused: refusalLog(log, clock),
    mayBeOpen: config.insecure || !reachable,
  });
}

export function usersOf({ users }: SluiceConfig): UserOptions[] {
  return users.map(({ name, secrets, acl, namespaces, admin }) => ({
    name,
    secrets,
    acl,
    admin,
    compat: namespaces.includes('compat'),
  }));
}

export function tokensOf({ tokens }: SluiceConfig): TokenOptions[] {
  return tokens.map(({ name, secret, user, keys, verbs, readOnly, admin }) => ({
    name,
    digest: secret.digest,
    user,
    keys,
    verbs: readOnly ? ['read'] : verbs,
    admin,
  }));
}

/** A node under a guesser's hands says so, a line in ten seconds at most. Neither names nor secrets are told: people mix them up. */
function refusalLog(log: NodeLog, clock: Clock): () => void {
  const guard = log.part('guard');
  let refused = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return () => {
    refused++;
    if (clock.monotonic() - toldAt < REFUSALS_EVERY_MS) return;
    guard.warn({ refused }, 'credentials were refused: unknown name or wrong secret');
    refused = 0;
    toldAt = clock.monotonic();
  };
}
