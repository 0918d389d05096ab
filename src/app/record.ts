import { randomBytes } from 'node:crypto';
import type { SluiceConfig } from '../config/schema.ts';
import { SluiceError } from '../errors.ts';
import { onceAnswered } from '../face/http/access-entry.ts';
import type { HttpFaceOptions } from '../face/http/http-face.ts';
import type { Audit } from '../guard/audit.ts';
import type { Clock } from '../kernel/clock.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { AuditLog } from '../telemetry/audit-log.ts';
import { LineWriter } from '../telemetry/line-writer.ts';
import type { NodeLog } from '../telemetry/log.ts';
import type { MetricSink } from '../telemetry/metrics.ts';
import { clientSubject } from './certificates.ts';

/** What a node writes down of what clients and administrators do. */
export interface NodeRecord {
  readonly audit: Audit;
  /** What a face calls for each request; nothing where requests are not written down. */
  access(face: string): Pick<HttpFaceOptions, 'onTurn' | 'onMalformed'>;
  readonly metrics: (sink: MetricSink) => void;
  /** Opens the files anew, which somebody may have moved away. Never rejects. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Nothing is known of what was asked. */
const malformed = {
  user: undefined,
  method: '-',
  target: '-',
  bytes: 0,
  ms: 0,
  requestId: '-',
  cacheStatus: undefined,
  userAgent: undefined,
} as const;

/** @throws SluiceError CONFIG_INVALID when a file cannot be written */
export function composeRecord({ log: settings }: SluiceConfig, clock: Clock, log: NodeLog): NodeRecord {
  const nodeLog = log.part('node');
  const audit = new AuditLog({ file: settings.audit.file, log: log.part('audit'), now: () => clock.now() });
  const { enabled, file, format, sample, keys } = settings.access;
  const writer = enabled
    ? openWriter(file, (error) => nodeLog.error({ err: error }, 'the access log cannot be written'))
    : undefined;
  const lines =
    writer === undefined
      ? undefined
      : new AccessLog({ format, sample, keys, secret: randomBytes(32) }, (line) => writer.write(line));
  return {
    audit,
    access(face) {
      if (lines === undefined) return {};
      return {
        onTurn(exchange) {
          const certificate = clientSubject(exchange.request.socket);
          onceAnswered(
            exchange,
            () => clock.monotonic(),
            (request) => lines.record({ ...request, face, certificate, at: clock.now() }),
          );
        },
        onMalformed(status, socket) {
          const address = socket.remoteAddress;
          lines.record({ ...malformed, face, address, certificate: clientSubject(socket), status, at: clock.now() });
        },
      };
    },
    metrics: (sink) => sink.value('sluice_access_log_dropped_total', writer?.dropped ?? 0),
    async reopen() {
      audit.reopen();
      await writer
        ?.reopen()
        .catch((error: unknown) =>
          nodeLog.error({ err: error }, 'the access log cannot be opened anew; the old file stays'),
        );
    },
    async close() {
      await writer?.close();
      audit.close();
    },
  };
}

/**
 * Writes down what administrators do over HTTP: every request that changes something, and copies of all data.
 * Their paths only: queries may hold keys.
 */
export function auditRequests(audit: Audit, handle: HttpFaceOptions['handle']): HttpFaceOptions['handle'] {
  return (exchange) => {
    const { request, response } = exchange;
    const path = exchange.path.replace(/\?.*$/s, '');
    const { method = '-' } = request;
    if ((method === 'GET' && path !== '/api/backup') || method === 'HEAD' || method === 'OPTIONS')
      return handle(exchange);
    response.once('close', () => {
      const { statusCode } = response;
      audit.record({
        actor: exchange.identity?.name ?? 'anonymous',
        address: request.socket.remoteAddress,
        action: `${method} ${path}`,
        target: exchange.target,
        outcome:
          statusCode < 400 ? (response.writableFinished ? 'done' : 'failed') : statusCode < 500 ? 'refused' : 'failed',
        reason: statusCode < 400 ? undefined : `status ${statusCode}`,
      });
    });
    return handle(exchange);
  };
}

function openWriter(file: string | undefined, onError: (error: Error) => void): LineWriter {
  try {
    return new LineWriter({ file, onError });
  } catch (error) {
    throw new SluiceError('CONFIG_INVALID', `log.access.file: ${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
