import { SluiceError } from '../errors.ts';
import { type ByteString, utf8ToBytes } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { ClusterUpstream } from './cluster-upstream.ts';
import type { Endpoint, LinkLogin } from './link-connection.ts';
import { nameOf } from './link-connection.ts';
import { type LinkContext, type LinkSettings, NodeLink } from './node-link.ts';
import { SentinelWatch } from './sentinel-watch.ts';
import { SingleUpstream } from './single-upstream.ts';
import type { TrackingListener, Upstream, UpstreamNode } from './upstream.ts';

/** Which servers, in which topology. */
export interface UpstreamTarget {
  readonly kind: 'standalone' | 'sentinel' | 'cluster';
  /** The server; the Sentinels; some nodes of the cluster. */
  readonly endpoints: readonly Endpoint[];
  /** What the Sentinels call the primary. */
  readonly primaryName?: string;
  readonly database: number;
}

export interface UpstreamOptions {
  readonly target: UpstreamTarget;
  readonly login: LinkLogin;
  /** How to log in at the Sentinels. @default without a password */
  readonly sentinelLogin?: { readonly username?: ByteString; readonly password?: ByteString };
  readonly settings: LinkSettings;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** Told of invalidations; absent: nothing is tracked. */
  readonly listener?: TrackingListener;
  readonly onState?: (node: UpstreamNode, reason: string) => void;
  /** Told of faults of Sluice itself. */
  readonly onFault?: (error: unknown) => void;
  /** Where keys are changed: what was cached may be of another server now. */
  readonly onTopologyChange?: () => void;
}

const nobody: TrackingListener = {
  attached: () => undefined,
  heard: () => undefined,
  lost: () => undefined,
  invalidated: () => undefined,
};

/** Connects in the background, for ever; nothing is awaited here. */
export function openUpstream(options: UpstreamOptions): Upstream {
  const { target, login, settings, clock, random, listener, onState } = options;
  let source = 0;
  const context: LinkContext = {
    login,
    settings,
    clock,
    random,
    database: target.database,
    listener: listener ?? nobody,
    tracking: listener !== undefined,
    nextSource: () => {
      source = (source % 65_535) + 1;
      return source;
    },
    ...(onState === undefined ? {} : { onState }),
    ...(options.onFault === undefined ? {} : { onFault: options.onFault }),
  };
  const [first] = target.endpoints;
  if (first === undefined) throw new SluiceError('CONFIG_INVALID', 'store names no server');
  if (target.kind === 'sentinel') return openSentinel(options, context);
  if (target.kind === 'cluster')
    return new ClusterUpstream(target.endpoints, context, () => options.onTopologyChange?.());
  return new SingleUpstream(new NodeLink(nameOf(first), () => Promise.resolve(first), context));
}

/** One link that follows the primary. */
function openSentinel(options: UpstreamOptions, context: LinkContext): Upstream {
  const { target, login, sentinelLogin, clock, random, onTopologyChange } = options;
  const { primaryName } = target;
  if (primaryName === undefined) throw new SluiceError('CONFIG_INVALID', 'store does not name the primary');
  const { connectTimeout, tls } = login;
  const watch = new SentinelWatch({
    sentinels: target.endpoints,
    primaryName: utf8ToBytes(primaryName),
    login: { connectTimeout, ...sentinelLogin, ...(tls === undefined ? {} : { tls }) },
    clock,
    random,
    moved: (endpoint, reason) => {
      node.move(reason, endpoint);
      onTopologyChange?.();
    },
  });
  const node: NodeLink = new NodeLink(primaryName, () => watch.locate(), {
    ...context,
    primary: 'everywhere',
    onState: (changed, reason) => {
      watch.trust(changed.state !== 'down');
      context.onState?.(changed, reason);
    },
  });
  return new SingleUpstream(node, () => watch.close());
}
