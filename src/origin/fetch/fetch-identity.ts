import { createHash } from 'node:crypto';
import type { FetchTarget } from './fetch-target.ts';

/** Tells what was fetched apart from everything else that could be under the same key. */
export function identityOf({ url }: FetchTarget): string {
  return createHash('sha256').update(url, 'latin1').digest('base64url');
}
