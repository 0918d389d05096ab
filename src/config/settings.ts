import { z } from 'zod';
import { configSchema } from './schema.ts';
import { type SettingMeta, settingRegistry } from './setting.ts';

/** One setting of the configuration, found by walking the schema. */
export interface SettingInfo extends SettingMeta {
  /** Where it is written, e.g. `['limits', 'http', 'bodyBytes']`. */
  readonly path: readonly string[];
  /** The dotted path, without the `address` of a listener's short form, e.g. `limits.http.bodyBytes`, `http`. */
  readonly name: string;
  /** The environment variable that sets it, e.g. `SLUICE_LIMITS_HTTP_BODY_BYTES`, `SLUICE_HTTP`. */
  readonly environment: string;
  /** Its default as it would be written; undefined when it has none. */
  readonly default: unknown;
}

/** Every setting in the order of the schema. */
export function listSettings(): readonly SettingInfo[] {
  const found: SettingInfo[] = [];
  collect(configSchema, [], found);
  return found;
}

function collect(schema: z.core.$ZodType, path: readonly string[], found: SettingInfo[]): void {
  const meta = settingRegistry.get(schema);
  if (meta !== undefined) {
    const named = meta.isShortForm === true ? path.slice(0, -1) : path;
    found.push({
      ...meta,
      path,
      name: named.join('.'),
      environment: environmentName(named),
      default: schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined,
    });
    return;
  }
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) collect(schema.def.innerType, path, found);
  else if (schema instanceof z.ZodPipe) collect(schema.def.in, path, found);
  else if (schema instanceof z.ZodObject) {
    for (const [key, child] of Object.entries<z.core.$ZodType>(schema.def.shape)) collect(child, [...path, key], found);
  } else throw new Error(`setting ${path.join('.')} has no description`);
}

/** `['limits', 'maxConnections']` is `SLUICE_LIMITS_MAX_CONNECTIONS`. */
function environmentName(path: readonly string[]): string {
  return ['sluice', ...path].map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join('_');
}
