import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import { ReplyError, type ReplyValue } from '../resp/reply-decoder.ts';
import type { Endpoint } from './link-connection.ts';
import { nameOf } from './link-connection.ts';
import { SLOTS } from './slot.ts';

/** Who has which slot, as one node of the cluster sees it. */
export interface ClusterMap {
  /** Those that have slots, each once, in the order of their names. */
  readonly primaries: readonly Endpoint[];
  readonly replicas: readonly Endpoint[];
  /** For each slot the index of its primary; -1 where it has none. */
  readonly owners: Int16Array;
}

/**
 * Reads `CLUSTER SLOTS`: from, to, primary, replicas … with `[host, port, id, metadata]` for each node. A node that does not know what
 * it is called gives no host; then it is the one that was asked.
 * @throws SluiceError STORE_UNAVAILABLE when it is an error or has no slots
 */
export function parseClusterSlots(reply: ReplyValue, asked: Endpoint): ClusterMap {
  if (reply instanceof ReplyError) throw new SluiceError('STORE_UNAVAILABLE', reply.message);
  const ranges = (Array.isArray(reply) ? (reply as readonly ReplyValue[]) : []).flatMap((entry) => {
    if (!Array.isArray(entry)) return [];
    const [from, to, primary, ...replicas] = entry as readonly ReplyValue[];
    const endpoint = endpointOf(primary, asked);
    if (!isSlot(from) || !isSlot(to) || endpoint === undefined) return [];
    return [{ from, to, endpoint, replicas: replicas.flatMap((node) => endpointOf(node, asked) ?? []) }];
  });
  if (ranges.length === 0) throw new SluiceError('STORE_UNAVAILABLE', 'it knows of no slots');
  const primaries = byName(ranges.map(({ endpoint }) => endpoint));
  const indexes = new Map(primaries.map((endpoint, index) => [nameOf(endpoint), index]));
  const owners = new Int16Array(SLOTS).fill(-1);
  for (const { from, to, endpoint } of ranges) owners.fill(indexes.get(nameOf(endpoint)) ?? -1, from, to + 1);
  return { primaries, replicas: byName(ranges.flatMap(({ replicas }) => replicas)), owners };
}

/** What an error reply says about where to go instead. */
export type Redirection =
  | { readonly kind: 'moved' | 'ask'; readonly slot: number; readonly endpoint: Endpoint }
  /** It may be otherwise in a moment. */
  | { readonly kind: 'later' };

/**
 * `-MOVED SLOT HOST:PORT`, `-ASK SLOT HOST:PORT`, `-TRYAGAIN …`, `-CLUSTERDOWN …`; undefined for other errors.
 * @param frame begins with `-`. @param asked stands for a host that is not given
 */
export function redirectionOf(frame: ByteString, asked: Endpoint): Redirection | undefined {
  if (frame.startsWith('-TRYAGAIN') || frame.startsWith('-CLUSTERDOWN')) return { kind: 'later' };
  const kind = frame.startsWith('-MOVED ') ? 'moved' : frame.startsWith('-ASK ') ? 'ask' : undefined;
  if (kind === undefined) return undefined;
  const [, slot, where = ''] = frame.slice(0, -2).split(' ');
  const colon = where.lastIndexOf(':');
  const endpoint = endpointOf([where.slice(0, colon), Number(where.slice(colon + 1))], asked);
  return endpoint === undefined || !isSlot(Number(slot)) ? undefined : { kind, slot: Number(slot), endpoint };
}

function isSlot(value: ReplyValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SLOTS;
}

function endpointOf(node: ReplyValue | undefined, asked: Endpoint): Endpoint | undefined {
  if (!Array.isArray(node)) return undefined;
  const [host, port] = node as readonly ReplyValue[];
  if (typeof port !== 'number' || !(port > 0 && port < 65_536)) return undefined;
  // Redis: empty or null when the address is not known, `?` when a host name is preferred and there is none.
  return { host: typeof host !== 'string' || host === '' || host === '?' ? asked.host : host, port };
}

function byName(endpoints: readonly Endpoint[]): Endpoint[] {
  const named = new Map(endpoints.map((endpoint) => [nameOf(endpoint), endpoint]));
  return [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}
