import type { SluiceConfig } from '../config/schema.ts';
import { SluiceError } from '../errors.ts';
import { type DatabaseTarget, parseDatabaseUrl } from '../origin/sql/database-url.ts';
import type { Sink } from '../sink/sink.ts';

/**
 * What rows are written to. Drivers are loaded where they are needed.
 * @param name of a connection
 * @throws SluiceError CONFIG_INVALID, NOT_SUPPORTED
 */
export async function openSink(name: string, { connections }: SluiceConfig): Promise<Sink> {
  const connection = connections[name];
  const target = parseDatabaseUrl(connection?.url ?? '') as DatabaseTarget;
  if (target.dialect === 'sqlite') {
    const { openSqliteSink } = await import('../sink/sqlite/sqlite-sink.ts');
    return openSqliteSink({ name, file: target.file });
  }
  if (target.dialect === 'postgres') {
    const { openPostgresSink } = await import('../sink/postgres/postgres-sink.ts');
    const { url, connectTimeout } = connection as NonNullable<typeof connection>;
    return openPostgresSink({ name, url, connectTimeout });
  }
  throw new SluiceError(
    'NOT_SUPPORTED',
    `rows cannot be written to ${target.dialect} yet; use a connection to PostgreSQL or SQLite`,
  );
}
