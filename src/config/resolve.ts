import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { formatAddress, isLoopbackHost } from './address.ts';
import { absolutizeFiles, checkQueries } from './check-keyspaces.ts';
import { type ConfigFinding, configError, type SettingSource } from './finding.ts';
import { expandShortForms, type Layer, mergeLayers } from './layers.ts';
import { type configSchema, listenerNames, type SluiceConfig } from './schema.ts';
import { listSettings } from './settings.ts';
import { isRemote, storeName } from './store-url.ts';
import { validate } from './validate.ts';

type Parsed = z.output<typeof configSchema>;

/** What resolving a configuration needs to know of the process. */
export interface ConfigContext {
  /** The working directory: relative paths of flags, environment and code start here. */
  readonly cwd: string;
  /** Memory the process may use, in bytes; `maxBytes: auto` is half of it. */
  readonly memoryBytes: number;
}

/** A configuration that was accepted. */
export interface ResolvedConfig {
  readonly value: SluiceConfig;
  /** What works, but is worth a second look. */
  readonly warnings: readonly ConfigFinding[];
  /** Where each setting that is not at its default was written, by {@link SettingInfo.name}. */
  readonly sources: ReadonlyMap<string, SettingSource>;
}

/**
 * Merges `layers` (later ones win), validates them and fills in what depends on the process.
 * @throws CONFIG_INVALID with every finding, `earlier` ones first; INSECURE_ADDRESS when that is all that is wrong.
 */
export function resolveLayers(
  layers: readonly Layer[],
  context: ConfigContext,
  earlier: readonly ConfigFinding[] = [],
): ResolvedConfig {
  const merged = mergeLayers(layers.map((layer) => ({ ...layer, value: expandShortForms(layer.value) })));
  const validation = validate(merged);
  if (!validation.ok) throw configError([...earlier, ...validation.findings]);
  const parsed = validation.value;
  const findings = [...earlier, ...check(parsed, merged.sourceOf)];
  if (findings.length > 0) throw configError(findings);

  const value = structuredClone(parsed) as { -readonly [Key in keyof Parsed]: Parsed[Key] };
  for (const { path, isPath } of listSettings()) {
    if (isPath === true) absolutize(value, path, baseOf(merged.sourceOf(path), context.cwd), context.cwd);
  }
  absolutizeFiles(value.connections, (name) => baseOf(merged.sourceOf(['connections', name]), context.cwd));
  if (value.maxBytes === 'auto') value.maxBytes = Math.floor(context.memoryBytes / 2);
  const sources = new Map<string, SettingSource>();
  for (const { name, path } of listSettings()) {
    const source = valueAt(merged.value, path) === undefined ? undefined : merged.sourceOf(path);
    if (source !== undefined && source.kind !== 'default') sources.set(name, source);
  }
  const warnings = [...warn(parsed, merged.sourceOf), ...withoutEffect(parsed, sources)];
  return { value: deepFreeze(value) as SluiceConfig, warnings, sources };
}

type SourceOf = (path: readonly PropertyKey[]) => SettingSource;

/** What no single setting can know. */
function check(config: Parsed, sourceOf: SourceOf): ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const { cert, key } = config.upstream.tls;
  if ((cert === undefined) !== (key === undefined)) {
    findings.push({
      path: 'upstream.tls',
      message: 'cert and key belong together: give both or none',
      source: sourceOf(['upstream', 'tls']),
    });
  }
  const { bulkBytes, queryBytes } = config.limits.resp;
  if (queryBytes < bulkBytes) {
    findings.push({
      path: 'limits.resp.queryBytes',
      message: 'must not be below limits.resp.bulkBytes, as one command has to fit',
      source: sourceOf(['limits', 'resp', 'queryBytes']),
    });
  }
  findings.push(...checkQueries(config, sourceOf));
  const taken = new Map<string, string>();
  for (const name of listenerNames) {
    const address = config[name]?.address;
    if (address === undefined) continue;
    const text = formatAddress(address);
    const other = taken.get(text);
    if (address.port !== 0 && other !== undefined) {
      findings.push({
        path: name,
        message: `${text} is also the address of ${other}`,
        source: sourceOf([name, 'address']),
      });
    }
    taken.set(text, name);
    if (!asksForCredentials(config) && !config.insecure && !isLoopbackHost(address.host)) {
      findings.push({
        path: name,
        code: 'INSECURE_ADDRESS',
        message:
          `${text} can be reached from other machines, but no users are configured: ` +
          'configure users, or bind 127.0.0.1, or pass --insecure (insecure: true) if the network itself is trusted',
        source: sourceOf([name, 'address']),
      });
    }
  }
  return findings;
}

/** Whether somebody is configured; what the file of users says is known only when it is read. */
function asksForCredentials({ users, tokens, aclFile }: Parsed): boolean {
  return users.length > 0 || tokens.length > 0 || aclFile !== undefined;
}

function warn(config: Parsed, sourceOf: SourceOf): ConfigFinding[] {
  if (!config.insecure || asksForCredentials(config)) return [];
  return listenerNames.flatMap((name): ConfigFinding[] => {
    const address = config[name]?.address;
    if (address === undefined || isLoopbackHost(address.host)) return [];
    const message = `${formatAddress(address)} is open to everybody who can reach it: insecure is set and there are no users`;
    return [{ path: name, message, source: sourceOf([name, 'address']) }];
  });
}

/** Settings of the embedded store, which is also the buffer beside a store on other machines, and those of a store on other machines. */
const ofEmbedded = /^(?:data|durability|maxBytes|checkpoint\..+)$/;
const ofRemote = /^(?:cache|upstream)\./;

/** What is set and does nothing with the store that is configured. */
function withoutEffect(
  { store, cache, keyspaces }: Parsed,
  sources: ReadonlyMap<string, SettingSource>,
): ConfigFinding[] {
  const remote = isRemote(store);
  const buffers = keyspaces.some(({ writeBehind }) => writeBehind?.buffer === 'local');
  return [...sources].flatMap(([path, source]): ConfigFinding[] => {
    // Container images set SLUICE_DATA for every configuration.
    if (path === 'data' && source.kind === 'environment') return [];
    let why: string | undefined;
    if (remote && !buffers && ofEmbedded.test(path)) why = `keys are kept by ${storeName(store)}, not in this process`;
    else if (!remote && ofRemote.test(path)) why = `the store is ${storeName(store)}, in this process`;
    else if (remote && !store.tls && path.startsWith('upstream.tls.'))
      why = 'the store is not reached over TLS; write its address with rediss';
    else if (remote && store.kind !== 'sentinel' && path.startsWith('upstream.sentinel.'))
      why = 'the store is not found by Sentinels';
    else if (!cache.enabled && /^cache\.(?!enabled$|server\.)/.test(path)) why = 'cache.enabled is false';
    return why === undefined ? [] : [{ path, message: `has no effect: ${why}`, source }];
  });
}

/** A relative path of the file is relative to the file, any other to the working directory. */
function baseOf(source: SettingSource, cwd: string): string {
  return source.kind === 'file' ? resolve(cwd, dirname(source.file)) : cwd;
}

function absolutize(value: object, path: readonly string[], base: string, cwd: string): void {
  const parent = valueAt(value, path.slice(0, -1)) as Record<string, unknown> | undefined;
  const key = path.at(-1) as string;
  const written = parent?.[key];
  if (parent !== undefined && typeof written === 'string') parent[key] = resolve(cwd, base, written);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) at = at !== null && typeof at === 'object' ? (at as Record<string, unknown>)[key] : undefined;
  return at;
}

function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
