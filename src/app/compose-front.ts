import { Server as CommandServer } from '../command/server.ts';
import { isLoopbackHost } from '../config/address.ts';
import type { ListenerConfig, SluiceConfig } from '../config/schema.ts';
import { adminHandler, isProbe } from '../face/admin/admin-handler.ts';
import type { AdminSources } from '../face/admin/admin-routes.ts';
import { Cors } from '../face/http/cors.ts';
import { requestIdOf } from '../face/http/exchange.ts';
import { handleFetch, isFetch } from '../face/http/fetch-handler.ts';
import { HttpFace, type HttpFaceOptions } from '../face/http/http-face.ts';
import { handleKey } from '../face/http/key-handler.ts';
import { EngineSession } from '../face/resp/engine-session.ts';
import { RespFace, type RespFaceOptions } from '../face/resp/resp-face.ts';
import type { Credentials } from '../guard/credentials.ts';
import type { Limits } from '../guard/limits/limits.ts';
import type { Clock } from '../kernel/clock.ts';
import type { NodeLog } from '../telemetry/log.ts';
import type { MetricSource } from '../telemetry/metrics.ts';
import { RequestStats } from '../telemetry/request-stats.ts';
import type { Certificates } from './certificates.ts';
import type { RunningEngine } from './compose-engine.ts';
import type { Reads } from './compose-keyspaces.ts';
import type { RemoteStore } from './compose-remote.ts';
import type { Writes } from './compose-write-behind.ts';
import { ManagedKeys } from './managed-keys.ts';
import { commandMetrics, faceMetrics } from './observe.ts';
import { auditRequests, type NodeRecord } from './record.ts';
import { RedisSettings } from './redis-settings.ts';
import { RowKeys } from './row-keys.ts';
import { version } from './version.ts';

const STATUS_CLASSES: readonly string[] = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx'];

/** The listeners of a node, not bound yet; absent = `off`. */
export interface Front {
  readonly http: HttpFace | undefined;
  readonly resp: RespFace | undefined;
  readonly admin: HttpFace | undefined;
}

export interface FrontParts {
  readonly config: SluiceConfig;
  readonly running: RunningEngine;
  /** The store behind, when it is not the engine. */
  readonly remote: RemoteStore | undefined;
  /** What comes from origins; absent where nothing does. */
  readonly reads: Reads | undefined;
  /** What is written later; absent where nothing is. */
  readonly writes: Writes | undefined;
  readonly credentials: Credentials;
  /** How much clients may ask for, over all faces. */
  readonly limits: Limits;
  readonly certificates: Certificates;
  readonly record: NodeRecord;
  readonly clock: Clock;
  readonly log: NodeLog;
  readonly admin: AdminSources;
  /** Told of every source of metrics. */
  readonly addMetrics: (source: MetricSource) => void;
}

/** Where the faces meet the engine. */
export async function composeFront(parts: FrontParts): Promise<Front> {
  const { http, resp, admin } = parts.config;
  return {
    http: http === undefined ? undefined : await composeKeys(parts, http),
    resp: resp === undefined ? undefined : await composeResp(parts, resp),
    admin: admin === undefined ? undefined : await composeAdminFace(parts, admin),
  };
}

function composeCommands({ config, running, credentials, record }: FrontParts): CommandServer {
  return new CommandServer({
    engine: running.engine,
    durability: running.journal,
    pubSub: running.pubSub,
    authenticator: credentials,
    audit: record.audit,
    settings: new RedisSettings(config, running.engine),
    facts: {
      version: version(),
      port: config.resp?.address.port ?? 0,
      configFile: '',
      persistence: () => [],
    },
  });
}

async function composeResp(parts: FrontParts, listener: ListenerConfig): Promise<RespFace> {
  const { config, limits, certificates, addMetrics } = parts;
  const server = composeCommands(parts);
  const { resp } = config.limits;
  const tls = await certificates.open('resp', listener);
  const face = new RespFace({
    server,
    limits: {
      bulkBytes: resp.bulkBytes,
      arguments: resp.arguments,
      queryBytes: resp.queryBytes,
      outputBytes: resp.outputBytes.normal,
      pubsubOutputBytes: resp.outputBytes.pubsub,
      idleTimeout: resp.idleTimeout,
      loginTimeout: resp.loginTimeout,
    },
    gate: limits.gate({ face: 'resp', loopbackOnly: isLoopbackHost(listener.address.host) }),
    maxConnections: config.limits.maxConnections,
    ...(tls === undefined ? {} : { tls }),
    connectRemote: sessionsOf(parts, server),
  });
  certificates.attach('resp', face.server);
  addMetrics(commandMetrics(server, face));
  addMetrics(faceMetrics('resp', face.stats, face));
  return face;
}

/** How the commands of a client are answered; undefined: at once, by the engine. */
function sessionsOf({ remote, reads, writes }: FrontParts, server: CommandServer): RespFaceOptions['connectRemote'] {
  const managed = reads?.readThrough;
  const rows = writes?.rows;
  if (remote !== undefined) return remote.session(server, { managed, rows });
  if (managed === undefined && rows === undefined) return undefined;
  return (client) => new EngineSession(server, client, { managed, rows });
}

async function composeKeys(parts: FrontParts, listener: ListenerConfig): Promise<HttpFace> {
  const { remote, running, reads, writes } = parts;
  const plain = remote?.keys ?? running.keys;
  const stored = writes === undefined ? plain : new RowKeys(writes.rows, plain);
  const keys = reads === undefined ? stored : new ManagedKeys(reads.readThrough, stored);
  const options = { keys, bodyBytes: parts.config.limits.http.bodyBytes };
  const fetches = reads?.fetchSource;
  const cors = parts.config.http?.cors;
  return composeHttpFace(parts, 'http', listener, {
    handle: (exchange) =>
      fetches !== undefined && isFetch(exchange) ? handleFetch(fetches, exchange) : handleKey(options, exchange),
    ...(cors === undefined ? {} : { cors: new Cors(cors) }),
  });
}

async function composeAdminFace(parts: FrontParts, listener: ListenerConfig): Promise<HttpFace> {
  return composeHttpFace(parts, 'admin', listener, {
    handle: auditRequests(parts.record.audit, adminHandler(parts.admin)),
    isOpen: isProbe,
  });
}

async function composeHttpFace(
  { config, credentials, limits, certificates, record, clock, log, addMetrics }: FrontParts,
  name: 'http' | 'admin',
  listener: ListenerConfig,
  answers: Pick<HttpFaceOptions, 'handle' | 'isOpen' | 'cors'>,
): Promise<HttpFace> {
  const tls = await certificates.open(name, listener);
  const access = record.access(name);
  const faceLog = log.part(name);
  const stats = new RequestStats();
  const loopbackOnly = isLoopbackHost(listener.address.host);
  const face = new HttpFace({
    ...answers,
    limits: { ...config.limits.http, maxConnections: config.limits.maxConnections },
    gate: limits.gate({ face: name, loopbackOnly, isAdmin: name === 'admin' }),
    credentials,
    loopbackOnly,
    isAdmin: name === 'admin',
    observe: (method, status, ms, number) => {
      stats.record(method, STATUS_CLASSES[Math.floor(status / 100)] ?? '5xx', ms);
      if (faceLog.isLevelEnabled('debug'))
        faceLog.debug({ requestId: requestIdOf(number), method, status, ms }, 'request');
    },
    onFault: (error, number) =>
      faceLog.error({ err: error, requestId: requestIdOf(number) }, 'a request failed by a fault of the server'),
    now: () => clock.monotonic(),
    ...access,
    ...(tls === undefined ? {} : { tls }),
  });
  certificates.attach(name, face.server);
  addMetrics(faceMetrics(name, stats, face));
  addMetrics((sink) => sink.value('sluice_connections_rejected_total', face.rejected, { face: name }));
  return face;
}
