import { readFile } from 'node:fs/promises';
import type { ServerTarget } from './database-url.ts';
import { SqlFailure, socketReason } from './sql-session.ts';

/** For `tls.connect`; undefined without TLS. The file is read anew for each connection, so it may be replaced. */
export async function tlsOptions({
  tls,
  tlsCa,
}: ServerTarget): Promise<{ readonly rejectUnauthorized: boolean; readonly ca?: string } | undefined> {
  if (tls === 'disable') return undefined;
  const rejectUnauthorized = tls === 'verify-full';
  if (tlsCa === undefined) return { rejectUnauthorized };
  try {
    return { rejectUnauthorized, ca: await readFile(tlsCa, 'utf8') };
  } catch (error) {
    throw new SqlFailure('lost', `the certificates ${tlsCa} cannot be read: ${socketReason(error)}`);
  }
}
