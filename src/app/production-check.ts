import { readFile, stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { formatSource } from '../config/finding.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { OpenPoint, ProductionFacts } from './open-point.ts';
import { filePoints } from './production-files.ts';
import { settingPoints } from './production-settings.ts';

/** What is open in a configuration, in the order of the checklist; empty: nothing. Connects to nothing and changes nothing. */
export async function productionCheck(loaded: LoadedConfig, facts: ProductionFacts): Promise<readonly OpenPoint[]> {
  const secrets = loaded.warnings
    .filter(({ topic }) => topic === 'plain-secret')
    .map(
      ({ path, message, source }): OpenPoint => ({
        about: 'plain-secret',
        message: `${formatSource(source)}: ${path}: ${message}`,
        mend: `${path}: "\${NAME}", with NAME in the environment of the process`,
      }),
    );
  return [...settingPoints(loaded, facts), ...secrets, ...(await filePoints(loaded, facts))];
}

/** The facts of this process. */
export async function productionFacts(now: number): Promise<ProductionFacts> {
  const constrained = process.constrainedMemory();
  return {
    now,
    openFiles: await openFilesLimit(),
    // Without a limit the kernel reports a number larger than any machine.
    memoryBound: constrained > 0 && constrained < totalmem() ? constrained : undefined,
    uid: process.getuid?.(),
    fileFacts: (path) =>
      stat(path).then(
        ({ mode, uid }) => ({ mode: mode & 0o7777, uid }),
        () => undefined,
      ),
  };
}

/** Node raises the soft limit to the hard one when it starts, so this is what the node gets. */
async function openFilesLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
