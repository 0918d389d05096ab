import { stringify } from 'yaml';
import { listenerNames } from './schema.ts';
import { listSettings, type SettingInfo } from './settings.ts';

/** The reference of all settings as Markdown, without a title. */
export function configReference(): string {
  const groups = new Map<string, SettingInfo[]>();
  for (const setting of listSettings()) {
    const group = setting.path.length === 1 ? '' : groupOf(setting);
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  return [...groups].map(([group, settings]) => section(group, settings)).join('\n');
}

function groupOf({ path }: SettingInfo): string {
  const [first = ''] = path;
  if ((listenerNames as readonly string[]).includes(first)) return 'Listeners';
  return path.slice(0, path.length === 2 || first !== 'limits' ? 1 : 2).join('.');
}

function section(group: string, settings: readonly SettingInfo[]): string {
  const title = group === '' ? 'Store, users and the rest' : group === 'Listeners' ? group : `\`${group}\``;
  const lines = [`## ${title}`, ''];
  for (const setting of settings) {
    lines.push(`### \`${setting.name}\``, '', setting.description, '');
    lines.push(
      `- Form: ${setting.form}`,
      `- Default: ${showDefault(setting)}`,
      `- Environment: \`${setting.environment}\``,
    );
    lines.push(`- Reload: ${setting.reloadable ? 'takes effect at once' : 'needs a restart'}`, '');
  }
  return lines.join('\n');
}

function showDefault({ default: value, defaultText }: SettingInfo): string {
  if (defaultText !== undefined) return defaultText;
  return value === undefined ? 'none; required' : `\`${String(value)}\``;
}

/** Every default as a configuration file with its explanations, as `sluice check --print-defaults` prints it. */
export function defaultsAsYaml(): string {
  const lines: string[] = [];
  let open: readonly string[] = [];
  // A part none of whose settings has a value would read as null.
  const filled = new Set(
    listSettings().flatMap(({ name, default: value }) => {
      const path = value === undefined ? [] : name.split('.');
      return path.map((_, depth) => path.slice(0, depth).join('.'));
    }),
  );
  for (const setting of listSettings()) {
    const path = setting.name.split('.');
    const indent = '  '.repeat(path.length - 1);
    // The rest of a listener does not go with its short form, which is the one printed.
    if ((listenerNames as readonly string[]).includes(path[0] as string) && path.length > 1) continue;
    // A part that is optional as a whole (tls) has no defaults to print.
    if (setting.default === undefined && setting.defaultText === undefined) continue;
    if (setting.path.includes('tls')) continue;
    for (let depth = 0; depth < path.length - 1; depth++) {
      const group = path.slice(0, depth + 1);
      if (group.join('.') === open.slice(0, depth + 1).join('.')) continue;
      lines.push(`${'  '.repeat(depth)}${filled.has(group.join('.')) ? '' : '# '}${path[depth]}:`);
    }
    open = path;
    for (const line of wrap(summaryOf(setting).replaceAll('`', ''), 100 - indent.length))
      lines.push(`${indent}# ${line}`);
    const key = path.at(-1) as string;
    if (setting.default === undefined) lines.push(`${indent}# ${key}: (${setting.defaultText})`);
    else lines.push(`${indent}${stringify({ [key]: setting.default }, { flowCollectionPadding: false }).trim()}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Without the tables. */
function summaryOf({ description }: SettingInfo): string {
  return (description.split('\n\n')[0] as string).replaceAll('\n', ' ');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}
