import { inspectStore } from '../../app/inspect-store.ts';
import { productionCheck, productionFacts } from '../../app/production-check.ts';
import { systemClock } from '../../app/system-clock.ts';
import { formatFinding, formatSource } from '../../config/finding.ts';
import { configJsonSchema } from '../../config/json-schema.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import { defaultsAsYaml } from '../../config/reference.ts';
import { exitFailed, exitOk, usageError } from '../exit-status.ts';
import { processInputs } from '../process-inputs.ts';
import { givenSettings } from '../setting-flags.ts';
import { storeReportText } from '../store-report.ts';

/** `sluice check`. */
export async function check(options: Readonly<Record<string, unknown>>): Promise<number> {
  if (options['printDefaults'] === true && options['jsonSchema'] === true) {
    throw usageError('--print-defaults and --json-schema exclude each other');
  }
  const production = options['production'] === true;
  if (production && options['store'] === true) throw usageError('--production and --store exclude each other');
  if (options['json'] === true && options['store'] !== true && !production)
    throw usageError('--json belongs to --store or --production');
  if (options['printDefaults'] === true) {
    process.stdout.write(defaultsAsYaml());
    return exitOk;
  }
  if (options['jsonSchema'] === true) {
    process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return exitOk;
  }
  const loaded = await loadConfig({
    ...processInputs(),
    file: options['config'] as string | undefined,
    envFile: options['envFile'] as string | undefined,
    // `--store` of this command is no setting.
    flags: givenSettings({ redis: options['redis'] }),
  });
  if (options['store'] === true) return checkStore(loaded, options['json'] === true);
  if (production) return checkProduction(loaded, options['json'] === true);
  for (const warning of loaded.warnings) process.stdout.write(`warning: ${formatFinding(warning)}\n`);
  process.stdout.write(`${loaded.file ?? 'no configuration file, the defaults'}: valid\n`);
  for (const [name, source] of loaded.sources) process.stdout.write(`  ${name} is set by ${formatSource(source)}\n`);
  return exitOk;
}

/** Connects to the store and prints what it can promise; on standard output there is nothing else, so that JSON stays JSON. */
async function checkStore({ value, warnings }: LoadedConfig, asJson: boolean): Promise<number> {
  for (const warning of warnings) process.stderr.write(`sluice: warning: ${formatFinding(warning)}\n`);
  const report = await inspectStore(value, systemClock);
  process.stdout.write(asJson ? `${JSON.stringify(report, null, 2)}\n` : storeReportText(report));
  return exitOk;
}

/** Prints what is open before strangers may reach the node. @returns 1 when something is */
async function checkProduction(loaded: LoadedConfig, asJson: boolean): Promise<number> {
  const points = await productionCheck(loaded, await productionFacts(systemClock.now()));
  if (asJson) process.stdout.write(`${JSON.stringify(points, null, 2)}\n`);
  else {
    for (const { about, message, mend } of points) process.stdout.write(`${about}: ${message}\n  mend: ${mend}\n`);
    const count =
      points.length === 0 ? 'no open points' : `${points.length} open point${points.length === 1 ? '' : 's'}`;
    process.stdout.write(`${loaded.file ?? 'no configuration file, the defaults'}: ${count}\n`);
  }
  return points.length === 0 ? exitOk : exitFailed;
}
