import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { withLongFlags } from '../../src/cli/long-flags.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { parseConfig } from '../../src/config/load.ts';
import { errorCodes } from '../../src/errors.ts';
import { metricDefinitions } from '../../src/telemetry/definitions.ts';
import { codeBlocks, withoutCode } from '../support/markdown.ts';

const root = resolve(import.meta.dirname, '../..');

function markdownBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => join(folder, name));
}

/** Every page a reader may come to, by its path from the root. */
const pages: ReadonlyMap<string, string> = new Map(
  [
    ...readdirSync(root).filter((name) => name.endsWith('.md')),
    ...markdownBelow('docs'),
    ...markdownBelow('examples'),
  ].map((name) => [name, readFileSync(join(root, name), 'utf8')]),
);
const named = [...pages].map(([name, text]) => ({ name, text }));

/** The anchors of a page's headings, as code hosts make them. */
function anchorsOf(page: string): Set<string> {
  const headings = page.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

/** What a command and each of its subcommands take, by the words that name it. */
function flagsOf(command: Command, words: readonly string[] = []): Map<string, Set<string>> {
  const flags = command.options.flatMap(({ long, short }) =>
    [long, short].filter((flag) => flag !== undefined && flag !== null),
  );
  const all = new Map([[words.join(' '), new Set([...flags, '--help', '-h'])]]);
  for (const child of command.commands)
    for (const [name, own] of flagsOf(child, [...words, child.name()])) all.set(name, own);
  return all;
}

const commands = flagsOf(buildProgram({ version: '0.0.0', onStatus: () => {} }));

/** Every use of `sluice …` in a text: the command it names and the flags it gives. */
function usesOf(
  text: string,
): { readonly line: string; readonly command: string; readonly flags: readonly string[] }[] {
  const lines = [
    ...codeBlocks(text)
      .filter(({ language }) => language !== 'text')
      .flatMap((block) => block.text.replaceAll('\\\n', ' ').split('\n')),
    ...[...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
  ];
  return lines.flatMap((line) => {
    const given =
      /(?:^|\| |\w=\S+ |npx |\.bin\/)(?:sluice|npm start --|node dist\/cli\/main\.js) +([a-z][a-z-]*(?: .*)?|--?[a-z].*)$/.exec(
        line,
      )?.[1];
    if (given === undefined) return [];
    const words = withLongFlags(
      (line.includes('npm start --') ? `start ${given}` : given).replace(/ [#|;>&].*$/, '').split(/\s+/),
    );
    const named = [words.slice(0, 2).join(' '), words[0] ?? ''].find((name) => commands.has(name)) ?? '';
    const flags = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*/, ''));
    return [{ line, command: named === '' && !given.startsWith('-') ? `? ${words[0]}` : named, flags }];
  });
}

describe('documentation', () => {
  it('has pages, and the checks below see what is in them', () => {
    expect(named.length).toBeGreaterThan(20);
    const uses = named.flatMap(({ text }) => usesOf(text));
    expect(uses.filter(({ flags }) => flags.length > 0).length).toBeGreaterThan(10);
    expect(usesOf('```sh\nX=1 sluice backup --dta a b # note\n```\n')).toMatchObject([
      { command: 'backup', flags: ['--dta'] },
    ]);
    expect(usesOf('run `sluice kys get`')).toMatchObject([{ command: '? kys' }]);
  });

  it.each(named)('$name: every link leads somewhere', ({ name, text }) => {
    const dead: string[] = [];
    for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? name : relative(root, resolve(root, dirname(name), path));
      const exists = existsSync(join(root, file));
      const page = pages.get(file);
      if (!exists || (anchor !== undefined && (page === undefined || !anchorsOf(page).has(anchor)))) dead.push(target);
      if (exists && file.startsWith('..')) dead.push(`${target} leaves the repository`);
    }
    expect(dead).toEqual([]);
  });

  it.each(named)('$name: every command and flag of sluice exists', ({ text }) => {
    const unknown = usesOf(text).flatMap(({ line, command, flags }) => {
      const known = commands.get(command);
      if (known === undefined) return [`${command.slice(2)} in: ${line}`];
      return flags.filter((flag) => !known.has(flag)).map((flag) => `${flag} in: ${line}`);
    });
    expect(unknown).toEqual([]);
  });

  /** Columns and tables that are named like metrics. */
  const columns = new Set(['sluice_version', 'sluice_id', 'sluice_fence']);
  it.each(named)('$name: every metric and error code exists', ({ name, text }) => {
    const metrics = [...text.matchAll(/\bsluice_[a-z_]+/g)]
      .map(([metric]) => metric.replace(/_(?:bucket|sum|count)$/, ''))
      .filter((metric) => !(metric in metricDefinitions) && !metric.endsWith('_') && !columns.has(metric));
    const codes = [...text.matchAll(/`([A-Z]+_[A-Z_]+)`/g)]
      .map(([, code = '']) => code)
      .filter((code) => !name.startsWith('examples/') && !code.startsWith('SLUICE_') && !(code in errorCodes));
    expect([...metrics, ...codes]).toEqual([]);
  });

  it('configurations shown are valid', () => {
    let seen = 0;
    for (const [name, text] of pages) {
      if (name.startsWith('docs/reference')) continue;
      for (const { language, text: yaml } of codeBlocks(text)) {
        if (language !== 'yaml' || /^(?:services|groups|scrape_configs):/m.test(yaml)) continue;
        seen++;
        // What a file takes from the environment is there.
        const env = Object.fromEntries(
          [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, variable = ''], i) => [variable, `secret${i}`]),
        );
        expect(() => parseConfig(yaml, { cwd: root, memoryBytes: 1024 ** 3, env }), `${name}:\n${yaml}`).not.toThrow();
      }
    }
    expect(seen).toBeGreaterThan(0);
  });

  it('every page of docs is named in its index', () => {
    const index = pages.get('docs/README.md') ?? '';
    const missing = [...pages.keys()].filter(
      (name) =>
        name.startsWith('docs/') && name !== 'docs/README.md' && !index.includes(`](${name.slice('docs/'.length)})`),
    );
    expect(missing).toEqual([]);
  });

  it('every runtime dependency has its reason in the decisions', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    // A row of a table of them, in the first decision about it or a later one.
    const decisions = [...pages].filter(([name]) => name.startsWith('docs/decisions/')).map(([, text]) => text);
    const hasRow = (name: string): boolean => decisions.some((text) => text.includes(`\n| \`${name}\` `));
    expect(Object.keys(dependencies).filter((name) => !hasRow(name))).toEqual([]);
  });

  it('decisions are numbered without gaps and have their parts', () => {
    const decisions = readdirSync(join(root, 'docs/decisions'))
      .filter((name) => name.endsWith('.md'))
      .sort();
    expect(decisions.map((name) => Number(name.slice(0, 4)))).toEqual(decisions.map((_, i) => i + 1));
    for (const name of decisions) {
      const text = readFileSync(join(root, 'docs/decisions', name), 'utf8');
      for (const part of ['Context', 'Decision', 'Consequences', 'Rejected'])
        expect(text, name).toContain(`\n## ${part}\n`);
    }
  });
});
