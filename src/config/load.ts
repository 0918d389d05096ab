import { dirname, join, resolve } from 'node:path';
import { parseEnvFile } from './env-file.ts';
import { type ConfigFinding, configError, type SettingSource } from './finding.ts';
import { coerceText, fileLayer, type Layer, textLayer } from './layers.ts';
import { nearestWord } from './nearest.ts';
import { type ConfigContext, type ResolvedConfig, resolveLayers } from './resolve.ts';
import { listenerNames, type SluiceConfigInput } from './schema.ts';
import { listSettings, type SettingInfo } from './settings.ts';
import { isRemote } from './store-url.ts';
import { plainSecrets } from './visible-secrets.ts';
import { pathKey, readYaml, type YamlSource } from './yaml-source.ts';

/** The configuration read when no other is named and it exists in the working directory. */
const defaultConfigFile = 'sluice.yaml';

/** Environment names that are not settings: they say where settings are read from, or belong to commands and tests. */
const otherNames = ['SLUICE_CONFIG', 'SLUICE_ENV_FILE', 'SLUICE_PASSWORD', 'SLUICE_USER'];
const otherPrefixes = [
  'SLUICE_TEST_',
  'SLUICE_BENCH_',
  // Kubernetes sets these for a service named sluice.
  'SLUICE_SERVICE_',
  'SLUICE_PORT',
];

/** What {@link loadConfig} reads from. */
export interface ConfigInputs extends ConfigContext {
  /** The configuration file; without it SLUICE_CONFIG, then `sluice.yaml` of the working directory if it exists. */
  readonly file?: string | undefined;
  /** A file of environment variables; without it SLUICE_ENV_FILE. A `.env` beside the configuration is read in any case. */
  readonly envFile?: string | undefined;
  /** Settings of the command line, by name (`limits.maxConnections`, `http`); they win over all else. */
  readonly flags?: Readonly<Record<string, { readonly text: string; readonly flag: string }>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a text file; rejects with the error of the file system. */
  readonly readFile: (path: string) => Promise<string>;
}

/** A configuration with the files it depends on. */
export interface LoadedConfig extends ResolvedConfig {
  /** The configuration file, or undefined when there is none. */
  readonly file: string | undefined;
  /** Every file whose change can change the configuration, absolute; some may not exist. */
  readonly files: readonly string[];
}

/**
 * Reads and validates the configuration. A flag wins over the environment, that over the file, that over the default; a variable of the
 * process wins over one of `--env-file`, that over one of `.env`.
 * @throws CONFIG_INVALID, INSECURE_ADDRESS as {@link resolveLayers}.
 */
export async function loadConfig(inputs: ConfigInputs): Promise<LoadedConfig> {
  const findings: ConfigFinding[] = [];
  const warnings: ConfigFinding[] = [];
  const { cwd, env } = inputs;
  const named = inputs.file ?? nonEmpty(env['SLUICE_CONFIG']);
  const file = named ?? defaultConfigFile;
  const path = resolve(cwd, file);
  const text = await readOptional(inputs, path, named === undefined, file);

  const envFile = inputs.envFile ?? nonEmpty(env['SLUICE_ENV_FILE']);
  const dotEnv = join(dirname(path), '.env');
  const variables = new Map([
    ...(await readVariables(inputs, dotEnv, true, '.env', findings)),
    ...(envFile === undefined ? [] : await readVariables(inputs, resolve(cwd, envFile), false, envFile, findings)),
  ]);
  for (const [name, value] of Object.entries(env)) if (value !== undefined) variables.set(name, value);

  const settings = listSettings();
  const layers: Layer[] = [];
  if (text !== undefined) {
    const source = readYaml(text, file, (name) => variables.get(name));
    findings.push(...source.findings);
    const value = coerceInterpolated(source, settings);
    layers.push(fileLayer(value, file, source.positionOf));
    warnings.push(...plainSecrets(source, file));
  }
  warnings.push(...unknownNames(variables.keys(), settings));
  layers.push(
    textLayer(fromEnvironment(variables, settings), findings),
    flagLayer(inputs.flags ?? {}, settings, findings),
  );
  if (text !== undefined && findings.some(({ path: at, source }) => source.kind === 'file' && at === '')) {
    // The file could not be read as YAML: what else would be found is noise.
    throw configError(findings);
  }
  const resolved = resolveLayers(layers, inputs, findings);
  await checkCertificates(inputs, resolved);
  const files = [path, dotEnv];
  if (envFile !== undefined) files.push(resolve(cwd, envFile));
  return {
    ...resolved,
    warnings: [...warnings, ...resolved.warnings],
    file: text === undefined ? undefined : file,
    files: [...new Set(files)],
  };
}

/** How {@link parseConfig} reads. */
export interface ParseOptions extends ConfigContext {
  /** Variables for `${NAME}` in a YAML text. Settings are not read from them. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Whether listeners that are not mentioned are started, and the log is written, as for the command. @default 'off' */
  readonly listeners?: 'default' | 'off';
}

/**
 * The configuration of a program that uses the library: an object, or a YAML text, of the same form as the file.
 * Neither files nor environment settings are read. Nothing is logged unless `log.level` says so.
 * @throws CONFIG_INVALID, INSECURE_ADDRESS as {@link resolveLayers}.
 */
export function parseConfig(input: SluiceConfigInput | string, options: ParseOptions): ResolvedConfig {
  const off = Object.fromEntries(listenerNames.map((name) => [name, { address: 'off' }]));
  // Standard output belongs to the program that uses the library.
  const quiet = { ...off, log: { level: 'silent' } };
  const base: Layer[] =
    options.listeners === 'default' ? [] : [{ value: quiet, sourceOf: (): SettingSource => ({ kind: 'default' }) }];
  if (typeof input !== 'string') {
    const value = input as unknown;
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw configError([{ path: '', message: 'expected an object or a YAML text', source: { kind: 'code' } }]);
    }
    return resolveLayers(
      [...base, { value: value as Record<string, unknown>, sourceOf: () => ({ kind: 'code' }) }],
      options,
    );
  }
  const source = readYaml(input, 'config', (name) => options.env?.[name]);
  if (source.findings.length > 0) throw configError(source.findings);
  const value = coerceInterpolated(source, listSettings());
  // Paths of a text that stands in no file are relative to the working directory.
  const layer: Layer = { value, sourceOf: (path) => ({ kind: 'file', file: 'config', ...source.positionOf(path) }) };
  return resolveLayers([...base, layer], options);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

async function readOptional(
  inputs: ConfigInputs,
  path: string,
  optional: boolean,
  shown: string,
): Promise<string | undefined> {
  try {
    return await inputs.readFile(path);
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw configError([
      { path: '', message: `${shown}: cannot be read: ${reason(error)}`, source: { kind: 'default' } },
    ]);
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  return message;
}

async function readVariables(
  inputs: ConfigInputs,
  path: string,
  optional: boolean,
  shown: string,
  findings: ConfigFinding[],
): Promise<ReadonlyMap<string, string>> {
  const text = await readOptional(inputs, path, optional, shown);
  if (text === undefined) return new Map();
  const { values, problems } = parseEnvFile(text);
  for (const { line, message } of problems) {
    findings.push({ path: '', message, source: { kind: 'file', file: shown, line, column: 1 } });
  }
  return values;
}

/** Numbers and booleans that came from the environment as texts, as what they stand for. */
function coerceInterpolated(source: YamlSource, settings: readonly SettingInfo[]): Record<string, unknown> {
  for (const setting of settings) {
    if (setting.kind === 'text' || !source.interpolated.has(pathKey(setting.path))) continue;
    let parent: Record<string, unknown> = source.value;
    for (const key of setting.path.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
    const key = setting.path.at(-1) as string;
    const read = coerceText(setting, String(parent[key]));
    if (read.ok) parent[key] = read.value;
  }
  return source.value;
}

function fromEnvironment(
  variables: ReadonlyMap<string, string>,
  settings: readonly SettingInfo[],
): { readonly setting: SettingInfo; readonly text: string; readonly source: SettingSource }[] {
  return settings.flatMap((setting) => {
    // An empty variable counts as not set: that is how compose files and CI pass on what is missing.
    const text = nonEmpty(variables.get(setting.environment));
    return text === undefined
      ? []
      : [{ setting, text, source: { kind: 'environment', name: setting.environment } as const }];
  });
}

function flagLayer(
  flags: NonNullable<ConfigInputs['flags']>,
  settings: readonly SettingInfo[],
  findings: ConfigFinding[],
): Layer {
  const given = Object.entries(flags).map(([name, { text, flag }]) => {
    const setting = settings.find((candidate) => candidate.name === name);
    if (setting === undefined) throw new Error(`flag ${flag} stands for no setting: ${name}`);
    return { setting, text, source: { kind: 'flag', name: flag } as const };
  });
  return textLayer(given, findings);
}

function unknownNames(names: Iterable<string>, settings: readonly SettingInfo[]): ConfigFinding[] {
  const known = [...settings.map(({ environment }) => environment), ...otherNames];
  return [...names]
    .filter((name) => name.startsWith('SLUICE_') && !known.includes(name))
    .filter((name) => !otherPrefixes.some((prefix) => name.startsWith(prefix)))
    .map((name) => {
      const near = nearestWord(name, known);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      return { path: '', message: `no setting has this name${hint}`, source: { kind: 'environment', name } };
    });
}

/** Fails when a file of a listener's TLS, or of the one to the store, cannot be read. */
async function checkCertificates(inputs: ConfigInputs, { value, sources }: ResolvedConfig): Promise<void> {
  const findings: ConfigFinding[] = [];
  const { store, upstream } = value;
  for (const name of [...listenerNames, 'upstream'] as const) {
    const tls = name !== 'upstream' ? value[name]?.tls : isRemote(store) && store.tls ? upstream.tls : undefined;
    for (const key of ['cert', 'key', 'ca'] as const) {
      const path = tls?.[key];
      if (path === undefined) continue;
      try {
        await inputs.readFile(path);
      } catch (error) {
        const setting = `${name}.tls.${key}`;
        const source = sources.get(setting) ?? { kind: 'default' };
        findings.push({ path: setting, message: `${path} cannot be read: ${reason(error)}`, source });
      }
    }
  }
  if (findings.length > 0) throw configError(findings);
}
