import { adminFailure, askAdmin, textOf } from '../ask-admin.ts';
import { exitOk, usageError } from '../exit-status.ts';
import { nodeTarget } from '../node-target.ts';

/** `sluice purge KEY`, `sluice purge --match GLOB`. */
export async function purge(options: Readonly<Record<string, unknown>>, [key]: readonly string[]): Promise<number> {
  const match = options['match'] as string | undefined;
  if ((key === undefined) === (match === undefined)) throw usageError('give either a key or --match GLOB');
  const node = await nodeTarget(options, 'admin');
  const response = await askAdmin(node, { path: '/api/purge', body: key === undefined ? { match } : { key } });
  if (response.statusCode !== 200) throw await adminFailure(node, response, 'purging');
  const { purged } = JSON.parse(await textOf(response)) as { purged: number };
  process.stdout.write(`${purged} ${purged === 1 ? 'value' : 'values'} purged\n`);
  return exitOk;
}
