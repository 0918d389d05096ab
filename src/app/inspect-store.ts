import type { SluiceConfig } from '../config/schema.ts';
import { isRemote, type StoreTarget, storeName } from '../config/store-url.ts';
import { SluiceError } from '../errors.ts';
import { type ByteString, bytesToUtf8, utf8ToBytes } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import { callOnce } from '../link/call.ts';
import { type Endpoint, LinkConnection, type LinkLogin, nameOf } from '../link/link-connection.ts';
import { primaryOf } from '../link/sentinel-replies.ts';
import { encodeCommand } from '../resp/encode-command.ts';
import { ReplyError, type ReplyValue } from '../resp/reply-decoder.ts';
import { askFacts, parseInfo, type ServerFacts } from './server-facts.ts';
import { promisesOf, type StorePromise, type WantedOfServer } from './store-promises.ts';
import { credentialsOf, loginOf } from './upstream-login.ts';

/** What stands behind Sluice, and what it can promise. */
export interface StoreReport {
  /** The store as configured, without name and password. */
  readonly store: string;
  readonly kind: StoreTarget['kind'];
  /** What concerns the whole: the Sentinels, the cluster. */
  readonly promises: readonly StorePromise[];
  /** The server; the primary; the primaries of the cluster. */
  readonly servers: readonly { readonly facts: ServerFacts; readonly promises: readonly StorePromise[] }[];
}

const CLUSTER_SLOTS = 16_384;

/**
 * Connects to the servers of the configured store and asks what they are. Changes nothing on them.
 * @throws SluiceError STORE_UNAVAILABLE when a server cannot be reached or refuses the login; STORE_TIMEOUT when it stops answering;
 * USAGE when the store is none of other servers; CONFIG_INVALID when a file of upstream.tls cannot be read
 */
export async function inspectStore(config: SluiceConfig, clock: Clock): Promise<StoreReport> {
  const target = config.store;
  if (!isRemote(target))
    throw new SluiceError(
      'USAGE',
      `the store is ${target}, in this process: there is no server to ask; name one, for example with --redis HOST:PORT`,
    );
  const { cache, upstream, keyspaces } = config;
  const login = await loginOf(config, target);
  const context: Inspection = {
    target,
    login,
    clock,
    timeout: upstream.timeout,
    database: target.database,
    wanted: {
      kind: target.kind,
      cachedKeys: cache.enabled ? cache.maxEntries : 0,
      dedicated: upstream.dedicated,
      rowsWait: keyspaces.some(({ writeBehind }) => writeBehind !== undefined),
    },
  };
  const about = { store: storeName(target), kind: target.kind };
  if (target.kind === 'sentinel') return { ...about, ...(await inspectSentinels(context, config)) };
  if (target.kind === 'cluster') return { ...about, ...(await inspectCluster(context)) };
  const [endpoint] = target.endpoints;
  return { ...about, promises: [], servers: [await inspectServer(endpoint as Endpoint, context)] };
}

interface Inspection {
  readonly target: StoreTarget;
  readonly login: LinkLogin;
  readonly clock: Clock;
  readonly timeout: number;
  readonly database: number;
  readonly wanted: WantedOfServer;
}

type Found = Pick<StoreReport, 'promises' | 'servers'>;

async function inspectServer(endpoint: Endpoint, context: Inspection): Promise<StoreReport['servers'][number]> {
  const { clock, wanted } = context;
  await using server = await connectTo(endpoint, context);
  const facts = await askFacts(server.ask, { address: nameOf(endpoint), tracking: server.tracking, clock });
  if (facts.mode === 'sentinel')
    throw new SluiceError(
      'STORE_UNAVAILABLE',
      `${nameOf(endpoint)} is a Sentinel: name it as redis+sentinel://HOST:PORT/PRIMARY-NAME`,
    );
  return { facts, promises: promisesOf(facts, wanted) };
}

/** Every Sentinel is asked; the primary most of them name is inspected. */
async function inspectSentinels(context: Inspection, { upstream }: SluiceConfig): Promise<Found> {
  const { target, login, timeout } = context;
  const name = utf8ToBytes(target.primaryName ?? '');
  const { connectTimeout, tls } = login;
  const sentinels: Inspection = {
    ...context,
    login: { connectTimeout, ...credentialsOf(upstream.sentinel), ...(tls === undefined ? {} : { tls }) },
    database: 0,
    timeout,
  };
  const reasons: string[] = [];
  let primary: Endpoint | undefined;
  let judged: StorePromise | undefined;
  for (const endpoint of target.endpoints) {
    try {
      await using sentinel = await connectTo(endpoint, sentinels);
      primary ??= primaryOf(await sentinel.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name), name);
      judged ??= judgeSentinels(
        fieldsOf(await sentinel.ask('SENTINEL', 'MASTER', name)),
        await sentinel.ask('SENTINEL', 'CKQUORUM', name),
      );
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      reasons.push(
        error.message.startsWith(nameOf(endpoint)) ? error.message : `${nameOf(endpoint)}: ${error.message}`,
      );
    }
  }
  if (primary === undefined || judged === undefined)
    throw new SluiceError('STORE_UNAVAILABLE', `no Sentinel is of use: ${reasons.join('; ')}`);
  const promises = [judged];
  if (reasons.length > 0)
    promises.push({ about: 'sentinels', verdict: 'cannot', text: `be asked at all Sentinels: ${reasons.join('; ')}` });
  return { promises, servers: [await inspectServer(primary, context)] };
}

function judgeSentinels(fields: ReadonlyMap<string, string>, quorumReply: ReplyValue): StorePromise {
  const others = Number(fields.get('num-other-sentinels') ?? Number.NaN);
  const known = Number.isFinite(others) ? `${others + 1} Sentinels` : 'Sentinels';
  const quorum = `${known}, quorum ${fields.get('quorum') ?? 'unknown'}, ${fields.get('num-slaves') ?? 'unknown'} replicas`;
  if (quorumReply instanceof ReplyError && quorumReply.message.startsWith('NOPERM'))
    return {
      about: 'failover',
      verdict: 'unknown',
      text: `whether it can fail over (${bytesToUtf8(quorumReply.message)})`,
    };
  if (quorumReply instanceof ReplyError)
    return { about: 'failover', verdict: 'cannot', text: `fail over: ${bytesToUtf8(quorumReply.message)} (${quorum})` };
  if (fields.get('num-slaves') === '0')
    return { about: 'failover', verdict: 'cannot', text: `fail over: there is no replica (${quorum})` };
  return { about: 'failover', verdict: 'can', text: `fail over when the primary is lost (${quorum})` };
}

/** The first node that answers tells of the cluster; every primary is inspected. */
async function inspectCluster(context: Inspection): Promise<Found> {
  const reasons: string[] = [];
  for (const endpoint of context.target.endpoints) {
    let seen: { readonly info: ReadonlyMap<string, string>; readonly primaries: readonly Endpoint[] };
    try {
      await using node = await connectTo(endpoint, context);
      const info = await node.ask('CLUSTER', 'INFO');
      if (info instanceof ReplyError)
        throw new SluiceError(
          'STORE_UNAVAILABLE',
          `${nameOf(endpoint)} is not a node of a cluster: ${bytesToUtf8(info.message)}`,
        );
      seen = { info: parseInfo(info), primaries: primariesOf(await node.ask('CLUSTER', 'SLOTS'), endpoint) };
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      reasons.push(error.message);
      continue;
    }
    const servers: StoreReport['servers'][number][] = [];
    for (const primary of seen.primaries) servers.push(await inspectServer(primary, context));
    return { promises: [judgeCluster(seen.info, seen.primaries.length)], servers };
  }
  throw new SluiceError('STORE_UNAVAILABLE', reasons.join('; '));
}

function judgeCluster(info: ReadonlyMap<string, string>, primaries: number): StorePromise {
  const state = info.get('cluster_state') ?? 'unknown';
  const served = Number(info.get('cluster_slots_ok') ?? 0);
  const facts = `cluster_state ${state}, ${served} of ${CLUSTER_SLOTS} slots, ${primaries} primaries, ${info.get('cluster_known_nodes') ?? 'unknown'} nodes`;
  return state === 'ok' && served === CLUSTER_SLOTS
    ? { about: 'cluster', verdict: 'can', text: `serve every key (${facts})` }
    : { about: 'cluster', verdict: 'cannot', text: `serve every key (${facts})` };
}

/** `CLUSTER SLOTS`: first slot, last slot, primary (host, port, …), replicas. A node that does not know its own name gives none. */
function primariesOf(reply: ReplyValue, asked: Endpoint): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  if (!Array.isArray(reply)) return [];
  for (const range of reply as readonly ReplyValue[]) {
    const primary: unknown = Array.isArray(range) ? range[2] : undefined;
    if (!Array.isArray(primary)) continue;
    const [host, port] = primary as readonly ReplyValue[];
    const endpoint = { host: typeof host === 'string' && host !== '' ? host : asked.host, port: Number(port) };
    found.set(nameOf(endpoint), endpoint);
  }
  return [...found.values()];
}

/** A map, or names and values in turn. */
function fieldsOf(reply: ReplyValue): ReadonlyMap<string, string> {
  const flat = reply instanceof Map ? [...reply].flat() : Array.isArray(reply) ? (reply as readonly ReplyValue[]) : [];
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) fields.set(String(flat[i]), String(flat[i + 1]));
  return fields;
}

interface OpenServer extends AsyncDisposable {
  readonly tracking: boolean;
  ask(...argv: readonly ByteString[]): Promise<ReplyValue>;
}

/** One connection; RESP2 where the server knows no RESP3, which tracking needs. */
async function connectTo(endpoint: Endpoint, context: Inspection): Promise<OpenServer> {
  try {
    return await connectOver(3, endpoint, context);
  } catch (error) {
    if (!/HELLO 3 was refused: (?:ERR unknown command|NOPROTO)/.test((error as Error).message)) throw error;
    return await connectOver(2, endpoint, context);
  }
}

function connectOver(
  proto: 2 | 3,
  endpoint: Endpoint,
  { login, database, clock, timeout }: Inspection,
): Promise<OpenServer> {
  return new Promise((resolve, reject) => {
    const connection: LinkConnection = new LinkConnection(
      { ...login, endpoint, proto, database, tracking: proto === 3, clock },
      {
        ready: (tracking) => {
          const ask = async (...argv: readonly ByteString[]): Promise<ReplyValue> => {
            const deadline = clock.setTimer(() => connection.destroy(`no answer within ${timeout} ms`), timeout);
            try {
              return await callOnce((receiver) => connection.send(encodeCommand(argv), receiver), undefined);
            } finally {
              deadline.cancel();
            }
          };
          const over = async (): Promise<void> => connection.destroy('all is asked');
          resolve({ tracking, ask, [Symbol.asyncDispose]: over });
        },
        pushed: () => undefined,
        closed: (reason) =>
          reject(new SluiceError('STORE_UNAVAILABLE', `${nameOf(endpoint)}: ${explain(reason, login)}`)),
      },
    );
  });
}

/** What usually is behind the reasons a connection ends for, in one line. */
function explain(given: string, { tls, password }: LinkLogin): string {
  // OpenSSL: `80BC…:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../deps/…`.
  const openssl = /:error:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(given)?.[1];
  if (openssl !== undefined) return `TLS: ${openssl}`;
  const reason = given.trim().replace(/\s+/g, ' ');
  if (/refused: WRONGPASS|refused: ERR invalid password/.test(reason))
    return `the user or the password is wrong (${reason})`;
  if (/refused: (?:-?NOAUTH)/.test(reason)) return `a password is asked for and none is configured (${reason})`;
  if (/refused: ERR (?:Client sent AUTH|AUTH <password> called) /.test(reason) && password !== undefined)
    return `it has no password, but one is configured (${reason})`;
  if (/type byte|length|CRLF|too long|line feed/.test(reason))
    return `this is not a server that speaks the protocol of Redis (${reason})`;
  if (tls === undefined && /closed/.test(reason))
    return `${reason} before it said anything; does it want TLS (rediss://)?`;
  return reason;
}
