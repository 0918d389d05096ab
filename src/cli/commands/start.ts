import { readFile } from 'node:fs/promises';
import type { RunningSluice } from '../../app/compose.ts';
import { version } from '../../app/version.ts';
import { formatFinding } from '../../config/finding.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import { ConfigReloader, type ReloadOutcome } from '../../config/reload.ts';
import type { SluiceConfig } from '../../config/schema.ts';
import { visiblePasswords } from '../../config/visible-secrets.ts';
import { exitOk, exitUnwritten } from '../exit-status.ts';
import { processInputs } from '../process-inputs.ts';
import { givenSettings } from '../setting-flags.ts';
import { catchStopSignal } from '../stop-signal.ts';

import { welcome } from '../welcome.ts';

/** `sluice start`: runs until a signal to stop. */
export async function start(options: Readonly<Record<string, unknown>>): Promise<number> {
  const flags = givenSettings(options);
  const load = (): Promise<LoadedConfig> =>
    loadConfig({
      ...processInputs(),
      file: options['config'] as string | undefined,
      envFile: options['envFile'] as string | undefined,
      flags,
    });
  const loaded = await load();
  const warnings = [...loaded.warnings, ...visiblePasswords(flags)];
  say(...warnings.map((warning) => `warning: ${formatFinding(warning)}`));

  const stop = catchStopSignal();
  // Loaded only now: a wrong configuration is told of at once.
  const { startSluice } = await import('../../app/compose.ts');
  const sluice = await startSluice(loaded.value);
  await using reloader = new ConfigReloader({
    initial: loaded,
    load,
    apply: (next) => applyReload(sluice, next.value),
    readFile: (path) => readFile(path, 'utf8'),
    onOutcome: sayOutcome,
  });
  let status = exitOk;
  const onHangUp = (): void => void reloader.reload().then(sayOutcome);
  process.on('SIGHUP', onHangUp);
  try {
    // A node that fails while it loads its data ends here, and so does one that is told to stop before it is ready.
    const ready = await Promise.race([sluice.ready.then(() => true), stop.received.then(() => false)]);
    if (ready) {
      welcomeStream(loaded.value).write(welcome(loaded.value, sluice, version()));
      await reloader.watch();
      await stop.received;
    }
  } finally {
    process.off('SIGHUP', onHangUp);
    await reloader.close();
    await sluice.close();
    await stop.mayEnd();
    status = sluice.unwritten > 0 ? exitUnwritten : exitOk;
  }
  return status;
}

/** Standard output, unless that would put plain lines between the JSON lines somebody collects. */
function welcomeStream({ log }: SluiceConfig): NodeJS.WriteStream {
  const collected = log.format === 'json' && log.file === undefined && !process.stdout.isTTY;
  return collected ? process.stderr : process.stdout;
}

function applyReload(sluice: RunningSluice, next: SluiceConfig): void {
  const { applied, needRestart } = sluice.reload(next);
  if (applied.length > 0) say(`configuration: now in effect: ${applied.join(', ')}`);
  if (needRestart.length > 0) say(`configuration: changed, but waits for a restart: ${needRestart.join(', ')}`);
  if (applied.length + needRestart.length === 0) say('configuration: loaded again, nothing changed');
}

function sayOutcome(outcome: ReloadOutcome): void {
  if (outcome.kind !== 'kept') return;
  say(
    ...outcome.reason.split('\n').map((line) => `configuration: ${line}`),
    'configuration: the old one stays in effect',
  );
}

function say(...lines: string[]): void {
  for (const line of lines) process.stderr.write(`sluice: ${line}\n`);
}
