import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyProject, type ProjectCopy } from './project-copy.ts';

/** The name of a file in the copy -> what to make of its content. */
type Violation = Readonly<Record<string, (content: string) => string>>;

const append = (text: string) => (content: string) => content + text;
const file = (text: string) => () => text;
const replace = (from: string, to: string) => (content: string) => {
  if (!content.includes(from)) throw new Error(`nothing to change: ${from}`);
  return content.replace(from, to);
};
/** A test file is an entry of its own: what only it imports is not dead code. */
const used = (name: string) => file(`import '${name}';\n`);
const editJson = (edit: (value: any) => void) => (content: string) => {
  const value = JSON.parse(content);
  edit(value);
  return `${JSON.stringify(value, null, 2)}\n`;
};
const atHome = ['', 'home', 'somebody', 'checkout'].join('/');

/** What is done to the copy, the one checker that must go red, and a piece of what it must say. */
const violations: readonly (readonly [what: string, checker: string, says: RegExp, change: Violation])[] = [
  [
    'a type error',
    'types',
    /planted\.test\.ts\(1,\d+\): error TS2322/,
    { 'src/kernel/planted.test.ts': file("export const planted: number = 'one';\n") },
  ],
  [
    'code that is not formatted',
    'style',
    /Formatter would have printed/,
    { 'src/kernel/planted.test.ts': file('export const planted   = 1;\n') },
  ],
  [
    'a lint finding',
    'style',
    /noExplicitAny/,
    {
      'src/kernel/planted.ts': file('export const planted: any = 1;\n'),
      'src/kernel/planted.test.ts': used('./planted.ts'),
    },
  ],
  [
    'an import cycle, by types only',
    'style',
    /noImportCycles/,
    {
      'src/kernel/planted-a.ts': file("import type { B } from './planted-b.ts';\n\nexport type A = B | 1;\n"),
      'src/kernel/planted-b.ts': file("import type { A } from './planted-a.ts';\n\nexport type B = { a: A };\n"),
      'src/kernel/planted.test.ts': file("import type { A } from './planted-a.ts';\n\nexport const planted: A = 1;\n"),
    },
  ],
  [
    'a promise nobody waits for',
    'promises',
    /no-floating-promises/,
    { 'src/kernel/planted.test.ts': file('Promise.resolve(1);\n') },
  ],
  [
    'a promise where a plain function is expected',
    'promises',
    /no-misused-promises/,
    { 'src/kernel/planted.test.ts': file('setTimeout(async () => await Promise.resolve(1), 1);\n') },
  ],
  [
    'an export nobody imports',
    'unused',
    /Unused exports[\s\S]*planted/,
    { 'src/kernel/duration.ts': append('\nexport const planted = 1;\n') },
  ],
  [
    'a file nobody imports',
    'unused',
    /Unused files[\s\S]*planted/,
    { 'src/kernel/planted.ts': file('export const planted = 1;\n') },
  ],
  [
    'a forbidden import',
    'layers',
    /src\/kernel\/planted\.ts:1 {2}kernel is pure and may not import node:fs/,
    {
      'src/kernel/planted.ts': file("import { existsSync } from 'node:fs';\n\nexport const planted = existsSync;\n"),
      'src/kernel/planted.test.ts': used('./planted.ts'),
    },
  ],
  [
    'an address in the lock',
    'lock',
    /has an address/,
    {
      'package-lock.json': editJson((lock) => {
        lock.packages['node_modules/zod'].resolved = 'https://registry.example/zod.tgz';
      }),
    },
  ],
  [
    'a lock that npm ci would refuse',
    'lock',
    /needs @biomejs\/cli-darwin-arm64, which has no entry/,
    {
      'package-lock.json': editJson((lock) => {
        delete lock.packages['node_modules/@biomejs/cli-darwin-arm64'];
      }),
    },
  ],
  [
    'a dependency that is not pinned',
    'lock',
    /dependencies\.zod: \^[\d.]+ is a range/,
    {
      'package.json': replace('"zod": "', '"zod": "^'),
    },
  ],
  [
    'a trace of a machine',
    'tracked',
    /CONTRIBUTING\.md:\d+ {2}names a home folder/,
    { 'CONTRIBUTING.md': append(`\nSee ${atHome}.\n`) },
  ],
  [
    'a generated page that was edited by hand',
    'docs',
    /docs\/reference/,
    { 'docs/reference/errors.md': append('\nEdited.\n') },
  ],
  [
    'a package whose entry does not exist',
    'package',
    /dist\/nowhere\.js/,
    {
      'package.json': replace('"./package.json": "./package.json"', '"./package.json": "./dist/nowhere.js"'),
    },
  ],
  [
    'a package without its page for the reader',
    'package',
    /lacks CHANGELOG\.md/,
    {
      'package.json': replace(',\n    "CHANGELOG.md"\n', '\n'),
    },
  ],
];

describe('npm run check', () => {
  let copy: ProjectCopy;
  beforeAll(() => {
    copy = copyProject(undefined, { built: true });
  });
  afterAll(() => {
    copy[Symbol.dispose]();
  });

  /** Runs these checkers (all when none is named) and returns the names of those that went red, with all that was said. */
  async function check(...names: string[]): Promise<{ red: string[]; output: string }> {
    const { stdout, stderr } = await copy.node(['scripts/check.mjs', ...names]);
    const red = [...stdout.matchAll(/^FAIL {2}(\w+)/gm)].map((match) => match[1] ?? '');
    return { red, output: stdout + stderr };
  }

  async function planted<T>(change: Violation, work: () => Promise<T>): Promise<T> {
    const before = new Map<string, string | undefined>();
    for (const [name, edit] of Object.entries(change)) {
      const path = join(copy.root, name);
      const content = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
      before.set(path, content);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, edit(content ?? ''));
    }
    try {
      return await work();
    } finally {
      for (const [path, content] of before) {
        if (content === undefined) rmSync(path);
        else writeFileSync(path, content);
      }
    }
  }

  it('is green on the untouched tree', { timeout: 300_000 }, async () => {
    const { red, output } = await check();
    expect(red, output).toEqual([]);
  });

  it.each(violations)('goes red for %s: %s', { timeout: 120_000 }, async (_what, checker, says, change) => {
    // The checkers that take a blink run each time, so that a violation is seen to concern only its own.
    const names = new Set([checker, 'style', 'layers', 'lock', 'tracked']);
    const { red, output } = await planted(change, () => check(...names));
    expect(red, output).toEqual([checker]);
    expect(output).toMatch(says);
  });
});

describe('the layering rules', () => {
  let copy: ProjectCopy;
  beforeAll(() => {
    copy = copyProject(['scripts/', 'src/']);
  });
  afterAll(() => {
    copy[Symbol.dispose]();
  });

  /** File below src, its content, and the line of the report that must come of it; undefined for what is allowed. */
  const rules: readonly (readonly [name: string, content: string, says: string | undefined])[] = [
    ['kernel/a.ts', "export { readFile } from 'node:fs';", 'kernel is pure and may not import node:fs'],
    ['kernel/b.ts', "import '../store/engine/x.ts';", 'kernel may not import store/engine (store/engine/x.ts)'],
    ['kernel/c.ts', "export const c = () => import('../app/x.ts');", 'kernel may not import app (app/x.ts)'],
    ['kernel/d.ts', "export type D = import('../app/x.ts').X;", 'kernel may not import app (app/x.ts)'],
    ['kernel/e.ts', "import type { X } from '../app/x.ts';", 'kernel may not import app (app/x.ts)'],
    ['kernel/f.ts', 'export const f = () => Date.now();', 'Date.now: only app reads the clock'],
    ['kernel/g.ts', 'export const g = () => Math.random();', 'Math.random: only app reads the clock'],
    ['kernel/h.ts', 'export const h = () => new Date();', 'new Date(): only app reads the clock'],
    ['command/ha.ts', 'export const ha = () => Date.now();', 'Date.now: only app reads the clock'],
    ['resp/i.ts', "import { connect } from 'node:net';", 'resp is pure and may not import node:net'],
    ['http/j.ts', "import { createServer } from 'node:http';", 'http is pure and may not import node:http'],
    ['http/k.ts', 'export const k = () => setTimeout(() => {}, 1);', 'setTimeout(: this part is pure'],
    ['resp/l.ts', "export const l = () => process.env['HOME'];", 'process: this part is pure'],
    ['gateway/m.ts', "import '../usage/x.ts';", 'gateway may not import usage (usage/x.ts)'],
    ['keyspace/n.ts', "import '../store/redis/x.ts';", 'keyspace may not import store/redis (store/redis/x.ts)'],
    ['face/http/o.ts', "import '../../store/engine/x.ts';", 'face/http may not import store/engine'],
    ['face/resp/p.ts', "import '../http/x.ts';", 'face/resp may not import face/http'],
    ['store/engine/q.ts', "import '../../command/x.ts';", 'store/engine may not import command'],
    ['app/r.ts', "import '../cli/x.ts';", 'app may not import cli'],
    ['app/s.ts', 'export const s = () => process.exit(1);', 'process.exit: only cli ends the process'],
    ['app/t.ts', 'process.exitCode = 1;', 'process.exitCode =: only cli ends the process'],
    ['app/u.ts', "process.once('SIGTERM', () => {});", 'process.once: only cli handles signals'],
    ['app/v.ts', "export const v = () => process.kill(1, 'SIGTERM');", 'process.kill(: only cli handles signals'],
    ['app/w.ts', 'export default 1;', 'export default: no default exports'],
    ['app/x.ts', 'let counter = 0;\nexport const next = () => counter++;', 'let: no module-level variables'],
    ['app/y.ts', 'export const seen = new Map<string, number>();', 'new Map<string, number>(): no mutable collection'],
    ['app/z.ts', "import { Registry } from 'prom-client';", 'prom-client may be imported only in telemetry/metrics.ts'],
    ['app/za.ts', "import 'left-pad/x.js';", 'package left-pad has no owner'],
    ['app/zb.ts', "export const w = new URL('../cli/x.ts', import.meta.url);", 'app may not import cli'],
    [
      'app/zc.ts',
      "export const m = process.getBuiltinModule('node:sqlite');",
      'node:sqlite may be imported only in store/engine',
    ],
    ['app/zd.ts', 'export const load = (name: string) => import(name);', 'import() of a computed name'],
    ['app/ze.ts', "import '../../scripts/x.mjs';", 'imports ../../scripts/x.mjs, which is outside src'],
    ['cellar/zf.ts', 'export const zf = 1;', 'no rule for this folder'],
    ['app/zg.ts', "export const zg = 'no end;", 'could not be read: line 1: string without an end'],
    ['kernel/ok-a.ts', "import type { ByteString } from './bytes.ts';\nexport type A = ByteString;", undefined],
    [
      'kernel/ok-b.ts',
      "// import '../app/x.ts'; Date.now()\nexport const b = `let x = ${'from'} Date.now()`;",
      undefined,
    ],
    [
      'kernel/ok-c.ts',
      "export const c = (s: string) => s.replace(/['\"`]/g, '') + new Date(0).toISOString();",
      undefined,
    ],
    ['app/ok-d.ts', 'export const alive = (pid: number) => process.kill(pid, 0);', undefined],
    ['app/ok-e.ts', 'export function e() {\n  let i = 0;\n  return new Map([[i++, 1]]);\n}', undefined],
    ['app/ok-f.ts', 'export const make = () => new Map();', undefined],
    ['cli/ok-g.ts', "process.once('SIGINT', () => process.exit(130));", undefined],
    ['app/ok-h.test.ts', "import '../cli/x.ts';", undefined],
  ];

  it('refuse each forbidden thing, name file, line and reason, and let the rest pass', async () => {
    for (const [name, content] of rules) {
      mkdirSync(dirname(join(copy.root, 'src', name)), { recursive: true });
      appendFileSync(join(copy.root, 'src', name), `${content}\n`);
    }
    const { stdout, status } = await copy.node(['scripts/check-layers.mjs']);
    const said = stdout.split('\n');
    for (const [name, , says] of rules) {
      const line = said.find((text) => text.startsWith(`src/${name}`));
      if (says === undefined) expect(line).toBeUndefined();
      else expect(line ?? `nothing about ${name}`).toContain(says);
    }
    expect(status).toBe(1);
  });

  it('fail when they see next to nothing', async () => {
    using empty = copyProject(['scripts/']);
    const { stdout, status } = await empty.node(['scripts/check-layers.mjs']);
    expect(stdout).toContain('saw only 0 files');
    expect(status).toBe(1);
  });
});
