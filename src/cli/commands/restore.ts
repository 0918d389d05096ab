import { resolve } from 'node:path';
import { exitOk } from '../exit-status.ts';

/** `sluice restore FILE --data DIR`. */
export async function restore(options: Readonly<Record<string, unknown>>, [file]: readonly string[]): Promise<number> {
  const { restoreDataFolder } = await import('../../app/offline.ts');
  const folder = resolve(options['data'] as string);
  await restoreDataFolder(resolve(file as string), folder, { force: options['force'] === true });
  process.stdout.write(`${folder}: restored from ${resolve(file as string)}\n`);
  return exitOk;
}
