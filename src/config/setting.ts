import { z } from 'zod';
import { byteSizeForm, parseByteSize } from '../kernel/bytesize.ts';
import { durationForm, parseDuration } from '../kernel/duration.ts';

/** What one setting says of itself; the reference page, the environment names and the messages are made from it. */
export interface SettingMeta {
  /** What it does, in a sentence or two; Markdown. */
  readonly description: string;
  /** What may be written, for messages: "expected <form>". */
  readonly form: string;
  /**
   * How a text from a flag or the environment becomes a value: as it stands, as a number or boolean, or read as YAML; a `list` is read as
   * YAML where it is a list in brackets, and stands for itself otherwise.
   */
  readonly kind: 'text' | 'number' | 'boolean' | 'list' | 'structure';
  /** Whether a reload of the configuration takes effect without a restart. */
  readonly reloadable: boolean;
  /** Whether it names a file or folder. Relative ones in the file are relative to it, others to the working directory. */
  readonly isPath?: boolean;
  /** Whether a listener's short form (`http: ADDRESS`) stands for it, so that its own name does not appear in names made from its path. */
  readonly isShortForm?: boolean;
  /** Whether its value must never be shown. */
  readonly secret?: boolean;
  /** The default in words, where it is not a plain value. */
  readonly defaultText?: string;
}

/** Where the schema keeps the {@link SettingMeta} of its settings. */
export const settingRegistry = z.registry<SettingMeta>();

/** A setting with a default: `Written` is its form in the file, `Value` what the code gets. */
export type Setting<Value, Written> = z.ZodPrefault<z.ZodType<Value, Written>>;

type Given = Omit<SettingMeta, 'form' | 'kind' | 'reloadable'> & {
  readonly reloadable?: boolean;
  readonly form?: string;
};

function describeSetting(given: Given, form: string, kind: SettingMeta['kind']): SettingMeta {
  return { ...given, form: given.form ?? form, kind, reloadable: given.reloadable === true };
}

/** A duration, written `10s`, read as milliseconds. */
export function durationSetting(
  defaultValue: string,
  given: Given & { readonly min?: string; readonly max?: string },
): Setting<number, string | 0> {
  const { min = '0', max = '365d', ...rest } = given;
  const form = `${durationForm}, from ${min} to ${max}`;
  return measured(defaultValue, form, rest, parseDuration, min, max);
}

/** A size, written `64MiB`, read as bytes. */
export function byteSizeSetting(
  defaultValue: string,
  given: Given & { readonly min: string; readonly max: string },
): Setting<number, string | 0> {
  const { min, max, ...rest } = given;
  return measured(defaultValue, `${byteSizeForm}, from ${min} to ${max}`, rest, parseByteSize, min, max);
}

function measured(
  defaultValue: string,
  form: string,
  given: Given,
  parse: (text: string) => number | undefined,
  min: string,
  max: string,
): Setting<number, string | 0> {
  const low = parse(min) as number;
  const high = parse(max) as number;
  const error = (issue: { readonly input?: unknown }): string => `expected ${form}; found ${showValue(issue.input)}`;
  return z
    .union([z.literal(0), z.string()], { error })
    .transform((written, context) => {
      const value = parse(String(written));
      if (value !== undefined && value >= low && value <= high) return value;
      context.issues.push({ code: 'custom', message: error({ input: written }), input: written });
      return z.NEVER;
    })
    .prefault(defaultValue)
    .register(settingRegistry, describeSetting(given, form, 'text'));
}

/** A whole number between `min` and `max`. */
export function countSetting(
  defaultValue: number,
  given: Given & { readonly min: number; readonly max: number },
): Setting<number, number> {
  const { min, max, ...rest } = given;
  const form = `a whole number from ${min} to ${max}`;
  const error = (issue: { readonly input?: unknown }): string => `expected ${form}; found ${showValue(issue.input)}`;
  return z
    .int({ error })
    .min(min, { error })
    .max(max, { error })
    .prefault(defaultValue)
    .register(settingRegistry, describeSetting(rest, form, 'number'));
}

/** `true` or `false`. */
export function flagSetting(defaultValue: boolean, given: Given): Setting<boolean, boolean> {
  return z
    .boolean({ error: () => 'expected true or false' })
    .prefault(defaultValue)
    .register(settingRegistry, describeSetting(given, 'true or false', 'boolean'));
}

/** One of a few words. */
export function choiceSetting<const Choice extends string>(
  choices: readonly [Choice, ...Choice[]],
  defaultValue: NoInfer<Choice>,
  given: Given,
): Setting<Choice, Choice> {
  const schema: z.ZodType<Choice, Choice> = z.enum(choices, {
    error: () => `expected one of ${choices.join(', ')}`,
  }) as unknown as z.ZodType<Choice, Choice>;
  return schema
    .prefault(defaultValue as never)
    .register(settingRegistry, describeSetting(given, `one of ${choices.join(', ')}`, 'text'));
}

/** A text that `parse` turns into a value, or refuses with undefined. */
export function textSetting<Value>(
  defaultValue: string,
  given: Given & { readonly form: string },
  parse: (text: string) => Value | undefined,
): Setting<Value, string> {
  return parsedText(given.form, parse)
    .prefault(defaultValue)
    .register(settingRegistry, describeSetting(given, given.form, 'text'));
}

/** The schema of a text that `parse` turns into a value, or refuses with undefined; for texts inside lists and records. */
export function parsedText<Value>(form: string, parse: (text: string) => Value | undefined): z.ZodType<Value, string> {
  return z.string({ error: () => `expected ${form}` }).transform((written, context) => {
    const value = parse(written);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: `expected ${form}; found ${showValue(written)}`, input: written });
    return z.NEVER;
  });
}

/** A text that may name something: not empty, no NUL; for {@link parsedText}. */
export function nonEmpty(text: string): string | undefined {
  return text === '' || text.includes('\0') ? undefined : text;
}

/** A value as a message may show it: short, and on one line. */
export function showValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  // The address of a store may hold a password.
  const text =
    typeof value === 'string'
      ? JSON.stringify(value.replace(/\/\/[^/]*@/g, '//…@'))
      : `the ${typeof value} ${String(value)}`;
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
