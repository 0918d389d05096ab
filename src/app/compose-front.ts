import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server as CommandServer } from '../command/server.ts';
import { isLoopbackHost } from '../config/address.ts';
import type { ListenerConfig, SluiceConfig } from '../config/schema.ts';
import { HttpFace } from '../face/http/http-face.ts';
import { handleKey } from '../face/http/key-handler.ts';
import { RespFace } from '../face/resp/resp-face.ts';
import type { Credentials } from '../guard/credentials.ts';
import type { Clock } from '../kernel/clock.ts';
import type { NodeLog } from '../telemetry/log.ts';
import type { RunningEngine } from './compose-engine.ts';
import { tlsOptions } from './listen.ts';
import { RedisSettings } from './redis-settings.ts';
import { version } from './version.ts';

/** The listeners of a node, not bound yet; absent = `off`. */
export interface Front {
  readonly http: HttpFace | undefined;
  readonly resp: RespFace | undefined;
  readonly commands: CommandServer;
}

export interface FrontParts {
  readonly config: SluiceConfig;
  readonly running: RunningEngine;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly log: NodeLog;
}

/** Where the faces meet the engine. */
export async function composeFront(parts: FrontParts): Promise<Front> {
  const commands = composeCommands(parts);
  return {
    commands,
    http: parts.config.http === undefined ? undefined : await composeHttp(parts, parts.config.http),
    resp: parts.config.resp === undefined ? undefined : await composeResp(parts, parts.config.resp, commands),
  };
}

function composeCommands({ config, running, credentials }: FrontParts): CommandServer {
  return new CommandServer({
    engine: running.engine,
    durability: running.journal,
    pubSub: running.pubSub,
    authenticator: credentials,
    settings: new RedisSettings(config, running.engine),
    facts: {
      version: version(),
      port: config.resp?.address.port ?? 0,
      configFile: '',
      persistence: () => [],
    },
  });
}

async function composeResp(
  { config, clock }: FrontParts,
  listener: ListenerConfig,
  server: CommandServer,
): Promise<RespFace> {
  const { resp } = config.limits;
  const tls = await tlsOptions('resp', listener);
  return new RespFace({
    server,
    limits: {
      bulkBytes: resp.bulkBytes,
      arguments: resp.arguments,
      queryBytes: resp.queryBytes,
      outputBytes: resp.outputBytes.normal,
      pubsubOutputBytes: resp.outputBytes.pubsub,
      idleTimeout: resp.idleTimeout,
    },
    maxConnections: config.limits.maxConnections,
    observe: () => undefined,
    now: () => clock.monotonic(),
    ...(tls === undefined ? {} : { tls }),
  });
}

async function composeHttp(
  { config, running, credentials, clock, log }: FrontParts,
  listener: ListenerConfig,
): Promise<HttpFace> {
  const tls = await tlsOptions('http', listener);
  const httpLog = log.part('http');
  const keyOptions = { keys: running.keys, bodyBytes: config.limits.http.bodyBytes };
  return new HttpFace({
    limits: { ...config.limits.http, maxConnections: config.limits.maxConnections },
    credentials,
    loopbackOnly: isLoopbackHost(listener.address.host),
    handle: (request: IncomingMessage, response: ServerResponse, path: string) =>
      handleKey(keyOptions, request, response, path),
    observe: () => undefined,
    onFault: (error, requestId) => httpLog.error({ err: error, requestId }, 'request failed by a fault'),
    now: () => clock.monotonic(),
    ...(tls === undefined ? {} : { tls }),
  });
}
