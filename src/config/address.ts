import { isIPv4, isIPv6 } from 'node:net';

/** Where a listener binds. */
export interface Address {
  /** A host name, an IPv4 address or an IPv6 address without brackets; empty for all interfaces. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

/** The form {@link parseAddress} accepts, for messages. */
export const addressForm =
  'an address such as 127.0.0.1:8080, localhost:8080, [::1]:8080, :8080 (all interfaces), 127.0.0.1:0 (any free port) or off';

const pattern = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:[\]\s/]*)):(\d{1,5})$/;
const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;

/** The address a text of the form `HOST:PORT` names, `'off'` for `off`, undefined for anything else. */
export function parseAddress(text: string): Address | 'off' | undefined {
  if (text === 'off') return 'off';
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain = '', digits] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  if (plain === '' || plain === '*') return { host: '', port };
  // 1.2.3 and 300.1.1.1 would be legal host names, but nobody means one.
  if (/^[\d.]+$/.test(plain) && !isIPv4(plain)) return undefined;
  return hostName.test(plain) ? { host: plain, port } : undefined;
}

/** The text {@link parseAddress} reads back to the same address. */
export function formatAddress(address: Address): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Whether only this machine can reach a listener bound to `host`. Names other than `localhost` are never trusted to be. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase();
  if (name === 'localhost' || name === '::1' || name === '0:0:0:0:0:0:0:1') return true;
  const mapped = name.startsWith('::ffff:') ? name.slice('::ffff:'.length) : name;
  return isIPv4(mapped) && mapped.startsWith('127.');
}
