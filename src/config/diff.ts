import { isDeepStrictEqual } from 'node:util';
import type { SluiceConfig } from './schema.ts';
import { listSettings } from './settings.ts';

/** What a changed configuration can do without a restart. */
export interface ConfigDiff {
  /** Names of changed settings that a reload applies, e.g. `log.level`. */
  readonly reloadable: readonly string[];
  /** Names of changed settings that wait for a restart. */
  readonly needRestart: readonly string[];
  /** `next` with the settings that wait for a restart at their old values: what is in effect after the reload. */
  readonly effective: SluiceConfig;
}

/** Compares two configurations setting by setting. */
export function diffReloadable(old: SluiceConfig, next: SluiceConfig): ConfigDiff {
  const reloadable: string[] = [];
  const needRestart: string[] = [];
  // Only reloadable settings are taken over, so `effective` starts as the old one and shares what did not change.
  let effective = old as unknown as Node;
  for (const { name, path, reloadable: isReloadable } of listSettings()) {
    const value = valueAt(next, path);
    if (isDeepStrictEqual(valueAt(old, path), value)) continue;
    if (isReloadable) {
      reloadable.push(name);
      effective = replaceAt(effective, path, value);
    } else {
      needRestart.push(name);
    }
  }
  return { reloadable, needRestart, effective: effective as unknown as SluiceConfig };
}

type Node = Readonly<Record<string, unknown>>;

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) at = at !== null && typeof at === 'object' ? (at as Node)[key] : undefined;
  return at;
}

function replaceAt(target: Node, path: readonly string[], value: unknown): Node {
  const [key, ...rest] = path as [string, ...string[]];
  const child = rest.length === 0 ? value : replaceAt((target[key] ?? {}) as Node, rest, value);
  return Object.freeze({ ...target, [key]: child });
}
