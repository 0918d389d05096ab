import { z } from 'zod';
import type { ConfigFinding } from './finding.ts';
import type { MergedLayers } from './layers.ts';
import { nearestWord } from './nearest.ts';
import { configSchema } from './schema.ts';
import { showValue } from './setting.ts';
import { listSettings, type SettingInfo } from './settings.ts';

type Issue = z.core.$ZodIssue;
type Parsed = z.output<typeof configSchema>;

/** What the schema says of merged layers: the parsed value, or what is wrong with it. */
export type Validation =
  | { readonly ok: true; readonly value: Parsed }
  | { readonly ok: false; readonly findings: readonly ConfigFinding[] };

/** Runs the schema over merged layers; its complaints become findings with the place each value came from. */
export function validate(merged: MergedLayers): Validation {
  const result = configSchema.safeParse(merged.value, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  const settings = listSettings();
  return { ok: false, findings: result.error.issues.flatMap((issue) => toFindings(issue, settings, merged)) };
}

function toFindings(issue: Issue, settings: readonly SettingInfo[], merged: MergedLayers): ConfigFinding[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return { path: showPath(path), message: unknownKey(issue.path, key, settings), source: merged.sourceOf(path) };
    });
  }
  const setting = settings.find(({ path }) => path.join('\0') === issue.path.join('\0'));
  return [
    {
      path: setting?.name ?? showPath(issue.path),
      message: explain(issue, setting, holdsSecrets(issue.path, settings)),
      source: merged.sourceOf(issue.path),
    },
  ];
}

function holdsSecrets(path: readonly PropertyKey[], settings: readonly SettingInfo[]): boolean {
  return settings.some((setting) => setting.secret === true && setting.path.every((key, index) => path[index] === key));
}

function explain(issue: Issue, setting: SettingInfo | undefined, hidden: boolean): string {
  const found = hidden ? '' : `; found ${showValue(issue.input)}`;
  // Messages of our own already say the form; they are the ones with a transform or a union behind them.
  if (issue.code === 'custom' || issue.code === 'invalid_union') return issue.message;
  if (setting !== undefined) {
    return `expected ${setting.form}${found}`;
  }
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    return `expected a mapping${found}`;
  }
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  return issue.message;
}

/** `users[0].name`. */
function showPath(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function unknownKey(parent: readonly PropertyKey[], key: string, settings: readonly SettingInfo[]): string {
  const siblings = keysAt(configSchema, parent);
  const near = nearestWord(key, siblings);
  const namesake = settings.find(({ path }) => path.at(-1)?.toLowerCase() === key.toLowerCase());
  const elsewhere =
    namesake ?? settings.find(({ path }) => path.join('').toLowerCase().endsWith(key.toLowerCase()) && key.length > 3);
  if (near !== undefined && namesake === undefined) return `unknown setting; did you mean ${near}?`;
  if (elsewhere !== undefined) return `unknown setting; did you mean ${elsewhere.name}?`;
  return `unknown setting; here may stand ${siblings.join(', ')}`;
}

/** The keys the schema knows at `path`. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return keysAt(schema.def.innerType, path);
  if (schema instanceof z.ZodPipe) return keysAt(schema.def.in, path);
  const [first, ...rest] = path;
  if (schema instanceof z.ZodArray) return keysAt(schema.def.element, rest);
  if (schema instanceof z.ZodRecord) return keysAt(schema.def.valueType, rest);
  if (schema instanceof z.ZodUnion) return schema.def.options.flatMap((option) => keysAt(option, path));
  if (!(schema instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.def.shape;
  if (first === undefined) return Object.keys(shape);
  const child = shape[String(first)];
  return child === undefined ? [] : keysAt(child, rest);
}
