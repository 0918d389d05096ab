import { formatFinding, formatSource } from '../../config/finding.ts';
import { configJsonSchema } from '../../config/json-schema.ts';
import { loadConfig } from '../../config/load.ts';
import { defaultsAsYaml } from '../../config/reference.ts';
import { exitOk, usageError } from '../exit-status.ts';
import { processInputs } from '../process-inputs.ts';

/** `sluice check`. */
export async function check(options: Readonly<Record<string, unknown>>): Promise<number> {
  if (options['printDefaults'] === true && options['jsonSchema'] === true) {
    throw usageError('--print-defaults and --json-schema exclude each other');
  }
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
  });
  for (const warning of loaded.warnings) process.stdout.write(`warning: ${formatFinding(warning)}\n`);
  process.stdout.write(`${loaded.file ?? 'no configuration file, the defaults'}: valid\n`);
  for (const [name, source] of loaded.sources) process.stdout.write(`  ${name} is set by ${formatSource(source)}\n`);
  return exitOk;
}
