import { SluiceError } from '../errors.ts';
import type { ByteString } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Endpoint, LinkLogin } from './link-connection.ts';
import { nameOf } from './link-connection.ts';
import { type LinkContext, type LinkSettings, NodeLink } from './node-link.ts';
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
  };
  const [first] = target.endpoints;
  if (first === undefined) throw new SluiceError('CONFIG_INVALID', 'store names no server');
  if (target.kind !== 'standalone')
    throw new SluiceError('NOT_SUPPORTED', `a store of the kind ${target.kind} is not part of this version`);
  return new SingleUpstream(new NodeLink(nameOf(first), () => Promise.resolve(first), context));
}
