import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { buildConnector } from 'undici';
import { SluiceError } from '../../errors.ts';
import type { AddressGuard } from './address-guard.ts';

export interface ConnectorOptions {
  /** Lookup, TCP and TLS together, ms. */
  readonly connectTimeout: number;
  /** Certificates beyond those of Node. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'> | undefined;
  /** Says which addresses may be connected to; every one may without it. */
  readonly guard?: AddressGuard | undefined;
  /** @default that of the system */
  readonly lookup?: LookupFunction | undefined;
}

/** Opens one connection. Returns the socket while it connects, so that it can be given up; undefined when it is not even tried. */
export type Connector = (
  options: buildConnector.Options,
  callback: (error: Error | null, socket: Socket | null) => void,
) => Socket | undefined;

/**
 * Opens connections to addresses that the guard lets pass only: an address that was written is checked before, one that was looked up is
 * checked by whoever connects to it, so that no second answer of the name server comes in between, and the address of the other end is
 * checked once more before anything is sent.
 */
export function connector({ connectTimeout, tls, guard, lookup = systemLookup }: ConnectorOptions): Connector {
  const options = {
    ...tls,
    timeout: connectTimeout,
    lookup: guard === undefined ? lookup : guardedLookup(guard, lookup),
  };
  // The package says that it returns nothing; it returns the socket.
  const open = buildConnector(options as buildConnector.BuildOptions) as unknown as Connector;
  if (guard === undefined) return open;
  return (target, callback) => {
    const problem = isIP(target.hostname) === 0 ? undefined : guard.check(target.hostname);
    if (problem !== undefined) {
      queueMicrotask(() => callback(refusal(problem), null));
      return undefined;
    }
    return open(target, (error, socket) => {
      // The package leaves the socket out when it fails.
      if (error || !socket) return callback(error, null);
      const address = socket.remoteAddress;
      const refused = address === undefined ? new Error('the connection was lost at once') : check(guard, address);
      if (refused === undefined) return callback(null, socket);
      socket.destroy();
      callback(refused, null);
    });
  };
}

/** Gives only addresses that may be connected to. */
function guardedLookup(guard: AddressGuard, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '');
      const addresses = (typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found) ?? [];
      const problems = addresses.map(({ address }) => guard.check(address));
      const good = addresses.filter((_, i) => problems[i] === undefined);
      const [first] = good;
      if (first === undefined) return callback(refusal(problems[0] ?? `${hostname} has no address`), '');
      if (options.all === true) callback(null, good);
      else callback(null, first.address, first.family);
    });
  };
}

function check(guard: AddressGuard, address: string): SluiceError | undefined {
  const problem = guard.check(address);
  return problem === undefined ? undefined : refusal(problem);
}

function refusal(problem: string): SluiceError {
  // Whoever named the URL learns nothing of the network inside; whoever runs the node finds it in the cause.
  return new SluiceError(
    'FORBIDDEN',
    'the URL may not be fetched: its host leads to an address that is not a public one',
    {
      cause: new Error(problem),
    },
  );
}
