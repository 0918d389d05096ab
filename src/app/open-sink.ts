import { Apis } from '../client/http/apis.ts';
import type { SluiceConfig } from '../config/schema.ts';
import { isSluiceError, SluiceError } from '../errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { type DatabaseTarget, parseDatabaseUrl } from '../origin/sql/database-url.ts';
import type { Sink } from '../sink/sink.ts';

/** What sinks share with the rest of a node. */
export interface SinkParts {
  readonly clock: Clock;
  /** All APIs the node asks, so that limits of one hold for all who use it. @default those of this sink */
  readonly apis?: Apis | undefined;
}

type Connection = SluiceConfig['connections'][string];
type Of<Kind extends Connection['kind']> = Extract<Connection, { readonly kind: Kind }>;

/**
 * What rows are written to. Drivers are loaded where they are needed.
 * @param name of a connection
 * @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED
 */
export async function openSink(name: string, { connections }: SluiceConfig, parts: SinkParts): Promise<Sink> {
  const connection = connections[name];
  switch (connection?.kind) {
    case 'http':
      return openHttp(name, connection, parts);
    case 'jsonl': {
      const { openJsonlSink } = await import('../sink/jsonl/jsonl-sink.ts');
      return openJsonlSink({ name, file: connection.file });
    }
    case 'discard':
      return (await import('../sink/discard/discard-sink.ts')).openDiscardSink(name);
    case 'database':
      return openDatabase(name, connection);
    default:
      throw new SluiceError('CONFIG_INVALID', `there is no connection ${name}; configure it under connections`);
  }
}

async function openDatabase(name: string, { url, connectTimeout, maxConnections }: Of<'database'>): Promise<Sink> {
  const target = parseDatabaseUrl(url) as DatabaseTarget;
  if (target.dialect === 'sqlite') {
    const { openSqliteSink } = await import('../sink/sqlite/sqlite-sink.ts');
    return openSqliteSink({ name, file: target.file });
  }
  if (target.dialect === 'postgres') {
    const { openPostgresSink } = await import('../sink/postgres/postgres-sink.ts');
    return openPostgresSink({ name, url, connectTimeout, maxConnections });
  }
  const { openMysqlSink } = await import('../sink/mysql/mysql-sink.ts');
  return openMysqlSink({ name, url, connectTimeout, maxConnections });
}

async function openHttp(name: string, connection: Of<'http'>, { clock, apis }: SinkParts): Promise<Sink> {
  const { openHttpSink } = await import('../sink/http/http-sink.ts');
  const { url, method, headers, addresses, connectTimeout, concurrency, rate, queue } = connection;
  try {
    return openHttpSink({
      name,
      url,
      method,
      headers,
      addresses,
      connectTimeout,
      clock,
      apis: apis ?? new Apis({ clock, random: Math.random }),
      limits: { concurrency, rate, queue },
    });
  } catch (error) {
    if (!isSluiceError(error)) throw error;
    throw new SluiceError('CONFIG_INVALID', `connection ${name}: ${error.message}`, { cause: error });
  }
}
