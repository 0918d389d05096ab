import { parse as parseYamlValue } from 'yaml';
import type { ConfigFinding, SettingSource } from './finding.ts';
import { listenerNames } from './schema.ts';
import type { SettingInfo } from './settings.ts';
import { type Position, pathKey } from './yaml-source.ts';

/** One source of settings: a nested object as it was written, and where each of its parts came from. */
export interface Layer {
  readonly value: Readonly<Record<string, unknown>>;
  sourceOf(path: readonly PropertyKey[]): SettingSource;
}

/** The layers on top of each other, and which of them gave a path its value. */
export interface MergedLayers {
  readonly value: Record<string, unknown>;
  sourceOf(path: readonly PropertyKey[]): SettingSource;
}

/** Merges layers, the later over the earlier: mappings key by key, everything else as a whole. */
export function mergeLayers(layers: readonly Layer[]): MergedLayers {
  const owners = new Map<string, Layer>();
  const value: Record<string, unknown> = {};
  for (const layer of layers) mergeInto(value, layer.value, [], layer, owners);
  return {
    value,
    sourceOf(path) {
      for (let length = path.length; length > 0; length--) {
        const owner = owners.get(pathKey(path.slice(0, length)));
        if (owner !== undefined) return owner.sourceOf(path);
      }
      return { kind: 'default' };
    },
  };
}

function mergeInto(
  target: Record<string, unknown>,
  from: Readonly<Record<string, unknown>>,
  path: readonly string[],
  layer: Layer,
  owners: Map<string, Layer>,
): void {
  for (const [key, value] of Object.entries(from)) {
    const childPath = [...path, key];
    owners.set(pathKey(childPath), layer);
    const present = Object.hasOwn(target, key) ? target[key] : undefined;
    if (isMapping(value)) {
      const child: Record<string, unknown> = isMapping(present) ? present : {};
      mergeInto(child, value, childPath, layer, owners);
      define(target, key, child);
    } else {
      define(target, key, value);
    }
  }
}

/** `http: ADDRESS` as the `http: { address: ADDRESS }` it stands for. */
export function expandShortForms(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const expanded: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(value)) {
    const short = (listenerNames as readonly string[]).includes(key) && child !== null && typeof child !== 'object';
    define(expanded, key, short ? { address: child } : child);
  }
  return expanded;
}

/** A layer of texts, from flags or the environment, turned into values as each setting's kind says. */
export function textLayer(
  given: Iterable<{ readonly setting: SettingInfo; readonly text: string; readonly source: SettingSource }>,
  findings: ConfigFinding[],
): Layer {
  const value: Record<string, unknown> = {};
  const sources = new Map<string, SettingSource>();
  for (const { setting, text, source } of given) {
    const read = coerceText(setting, text);
    if (!read.ok) {
      findings.push({ path: setting.name, message: `expected ${setting.form}`, source });
      continue;
    }
    let target = value;
    for (const key of setting.path.slice(0, -1)) {
      target[key] ??= {};
      target = target[key] as Record<string, unknown>;
    }
    target[setting.path.at(-1) as string] = read.value;
    sources.set(pathKey(setting.path), source);
  }
  return {
    value,
    sourceOf(path) {
      for (let length = path.length; length > 0; length--) {
        const source = sources.get(pathKey(path.slice(0, length)));
        if (source !== undefined) return source;
      }
      return { kind: 'default' };
    },
  };
}

/** A text as the value a setting of its kind takes; a text that is none is passed on for the schema to refuse by name. */
export function coerceText(
  setting: SettingInfo,
  text: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  switch (setting.kind) {
    case 'text':
      return { ok: true, value: text };
    case 'number':
      return { ok: true, value: /^-?\d{1,15}$/.test(text) ? Number(text) : text };
    case 'boolean':
      return { ok: true, value: booleanWords.get(text.toLowerCase()) ?? text };
    case 'list': {
      const list = readAsYaml(text);
      return { ok: true, value: list.ok && Array.isArray(list.value) && text.startsWith('[') ? list.value : text };
    }
    case 'structure':
      return readAsYaml(text);
  }
}

function readAsYaml(text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: parseYamlValue(text, { maxAliasCount: 0 }) as unknown };
  } catch {
    return { ok: false };
  }
}

const booleanWords: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['0', false],
  ['no', false],
  ['off', false],
  ['', false],
]);

/** The layer of a file. */
export function fileLayer(
  value: Readonly<Record<string, unknown>>,
  file: string,
  positionOf: (path: readonly PropertyKey[]) => Position,
): Layer {
  return { value, sourceOf: (path) => ({ kind: 'file', file, ...positionOf(path) }) };
}

/** Whether `value` is a mapping rather than a list or a single value. */
function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
