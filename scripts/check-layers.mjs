/**
 * Who may import whom, and what a layer may touch. Run by `npm run check`; on its own: node scripts/check-layers.mjs
 *
 * Checked for every file of src but the tests: `from '…'`, `import '…'`, `import('…')` in code and in types, `require`,
 * `getBuiltinModule` and `new URL('./x.ts', …)`.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { lex } from './lib/lex.mjs';
import { filesBelow, root } from './lib/project.mjs';

/** Fewer files than this means that the check looked at the wrong place, not that all is well. */
const fewestFiles = 150;

const base = ['kernel', 'errors.ts'];
/** What drivers and features may know of the rest: the pure parts, the ports, the names of events. */
const shared = [...base, 'http', 'resp', 'store/ports.ts', 'store/keys.ts', 'telemetry/events.ts'];
/** Pure readers of what origins are configured with, so that a configuration is refused with its line. */
const originTexts = [
  'origin/fetch/allow-list.ts',
  'origin/fetch/fetch-target.ts',
  'origin/http/request-template.ts',
  'origin/http/url-template.ts',
  'origin/sql/database-url.ts',
  'origin/sql/sql-template.ts',
];
const features = ['cache', 'guard', 'keyspace', 'write-behind', 'gateway', 'usage', 'response-cache'];

/**
 * Part of src -> the parts it may import (itself always). A part is a folder or a file; a file belongs to the longest
 * part that contains it. A folder that is not named here is refused: decide where it belongs and write it down.
 */
const mayImport = {
  'errors.ts': [],
  'node-buffer.d.ts': [],
  kernel: ['errors.ts'],
  http: base,
  resp: base,

  'store/ports.ts': base,
  'store/keys.ts': base,
  'telemetry/events.ts': base,
  telemetry: [...base, 'telemetry/events.ts'],

  // Drivers: each talks to one kind of outside thing.
  // How SQLite is found and opened, and what its results are called.
  'store/engine/sqlite.ts': base,
  'store/engine': [...base, 'store/keys.ts', 'store/engine/sqlite.ts', 'telemetry/events.ts'],
  // What is decided in one atomic step: on the engine, and as scripts for Redis.
  'store/decisions': [...shared, 'store/engine'],
  'store/embedded': [...shared, 'store/engine', 'store/decisions'],
  'store/redis': [...shared, 'store/decisions', 'link'],
  // Between two of them, by what both promise.
  'store/buffered': [...shared, 'store/decisions'],
  link: shared,
  'client/http': shared,
  'origin/origin.ts': shared,
  ...Object.fromEntries(originTexts.map((file) => [file, [...base, 'http', 'origin/sql/database.ts', ...originTexts]])),
  'origin/sql/database.ts': base,
  'origin/http': [...shared, 'origin/origin.ts', 'client/http', ...originTexts],
  'origin/sql': [...shared, 'origin/origin.ts', 'origin/sql/database.ts', ...originTexts],
  'origin/fetch': [...shared, 'origin/origin.ts', 'client/http', ...originTexts],
  'sink/sink.ts': shared,
  // Sinks connect to the same databases and APIs as origins do, and open files as the engine does.
  sink: [
    ...shared,
    'sink/sink.ts',
    'client/http',
    'origin/sql',
    'origin/sql/database-url.ts',
    'store/engine/sqlite.ts',
  ],

  // Features import neither each other nor a driver.
  ...Object.fromEntries(features.map((feature) => [feature, shared])),
  keyspace: [...shared, 'origin/origin.ts'],
  'write-behind': [...shared, 'sink/sink.ts'],

  config: [...base, 'http', ...originTexts],
  // The command table runs on the engine; the faces reach the engine only through commands and ports.
  command: [...shared, 'store/engine', 'store/decisions', ...features],
  face: [...shared, 'command', 'telemetry', ...features],
  'face/resp': [...shared, 'face', 'command', 'telemetry', ...features],
  'face/http': [...shared, 'face', 'command', 'telemetry', ...features],
  // The admin face is an HTTP face: it refuses in the same words.
  'face/admin': [...shared, 'face', 'face/http', 'command', 'telemetry', ...features],

  app: [
    ...shared,
    ...features,
    'command',
    'config',
    'face',
    'face/resp',
    'face/http',
    'face/admin',
    'store/engine',
    'store/decisions',
    'store/embedded',
    'store/redis',
    'store/buffered',
    'link',
    'client/http',
    'origin/origin.ts',
    'origin/http',
    'origin/sql',
    'origin/fetch',
    'sink',
    'sink/sink.ts',
    ...originTexts,
    'telemetry',
  ],
  cli: [...base, 'resp', 'http', 'config', 'app', 'telemetry'],

  // Published: the library, and what tests of a driver need.
  'index.ts': [...base, 'app', 'config', 'store/ports.ts'],
  testing: [...base, 'store/ports.ts'],
};

/** Package (or optional part of Node) -> the only parts that may import it. Anything else is refused. */
const packageOwners = {
  hono: ['face/admin'],
  '@photostructure/sqlite': ['store/engine', 'origin/sql'],
  'node:sqlite': ['store/engine', 'origin/sql'],
  mysql2: ['origin/sql', 'sink/mysql'],
  pg: ['origin/sql', 'sink/postgres'],
  commander: ['cli'],
  'ipaddr.js': ['client/http'],
  pino: ['telemetry/log.ts'],
  'prom-client': ['telemetry/metrics.ts'],
  undici: ['client/http'],
  yaml: ['config'],
  zod: ['config'],
  vitest: ['testing'],
};

/** Parts that compute and do nothing else: no input or output, no clock, no randomness, no timers, no environment. */
const pure = [
  ...['kernel', 'http', 'resp', 'errors.ts', 'store/ports.ts', 'store/keys.ts', 'telemetry/events.ts'],
  ...originTexts,
];
const nodeModulesOfPure = ['node:buffer', 'node:assert', 'node:util'];

const forbidden = [
  {
    // The journal's worker thread measures real disks; nothing it decides for the data depends on it.
    outside: ['app', 'cli', 'store/engine/journal-worker.ts'],
    pattern: /\bDate\.now\b|\bMath\.random\b|\bperformance\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)/g,
    why: 'only app reads the clock and makes randomness: take a Clock, or the number itself, as a parameter',
  },
  {
    in: pure,
    pattern: /(?<![\w.$])(?:setTimeout|setInterval|setImmediate|fetch)\s*\(|(?<![\w.$])process\b(?!\s*[:?(])/g,
    why: 'this part is pure: take timers, settings and connections as parameters',
  },
  {
    outside: ['cli'],
    pattern: /\bprocess\.(?:exit|abort|reallyExit)\b|\bprocess\.exitCode\s*=/g,
    why: 'only cli ends the process: throw a SluiceError',
  },
  {
    outside: ['cli'],
    // `process.kill(pid, 0)` sends nothing: it asks whether a process lives.
    pattern: /\bprocess\.kill\s*\((?![^()]*,\s*0\s*\))|\bprocess\s*\.(?:on|once|addListener|prependListener)\b/g,
    why: 'only cli handles signals and events of the process: offer a close() and let cli call it',
  },
  {
    outside: [],
    pattern: /\bexport\s+default\b|\bas\s+default\b/g,
    why: 'no default exports: name it',
  },
  {
    outside: [],
    atModuleLevel: true,
    pattern: /(?<![\w$.])(?:let|var)\s/g,
    why: 'no module-level variables: two instances in one process would share it; keep it in an object somebody owns',
  },
  {
    outside: [],
    atModuleLevel: true,
    pattern: /\bnew\s+(?:Map|Set|WeakMap|WeakSet)\s*(?:<[^=;]*>)?\(\s*\)/g,
    why: 'no mutable collection at module level: keep it in an object somebody owns',
  },
];

const partNames = Object.keys(mayImport).sort((a, b) => b.length - a.length);
const isIn = (file, part) => file === part || file.startsWith(`${part}/`);
const partOf = (file) => partNames.find((part) => isIn(file, part));
const slashes = (path) => path.split(sep).join('/');

/** Every violation in one file, as `{ line, message }`. `file` is relative to src, with `/`. */
function violationsIn(file, source) {
  const part = partOf(file);
  if (part === undefined) {
    return [{ line: 1, message: 'no rule for this folder: add it to the table in scripts/check-layers.mjs' }];
  }
  const { code, strings, lineAt } = lex(source);
  const found = [];
  const report = (offset, message) => found.push({ line: lineAt(offset), message });

  for (const { at, value } of strings) {
    const before = code.slice(Math.max(0, at - 60), at);
    const isImport = /(?:\bfrom|\bimport|\bimport\s*\(|\brequire(?:\.resolve)?\s*\(|\bgetBuiltinModule\s*\()\s*$/.test(
      before,
    );
    const isFile = /\bnew\s+URL\s*\(\s*$/.test(before) && /^\.\.?\/.*\.[cm]?[jt]s$/.test(value);
    if (isImport || isFile) {
      const message = refusal(file, part, value);
      if (message !== undefined) report(at, message);
    }
  }
  for (const { index } of code.matchAll(/(?<![\w$.])import\s*\((?!\s*['"])/g)) {
    report(index, 'import() of a computed name cannot be checked: write the name out');
  }

  const depths = moduleLevelOf(code);
  for (const rule of forbidden) {
    const applies =
      rule.in === undefined ? !rule.outside.some((p) => isIn(file, p)) : rule.in.some((p) => isIn(file, p));
    if (!applies) continue;
    for (const match of code.matchAll(rule.pattern)) {
      if (rule.atModuleLevel && (depths[match.index] !== 0 || inArrow(code, match.index))) continue;
      report(match.index, `${match[0].trim().replace(/\s+/g, ' ')}: ${rule.why}`);
    }
  }
  return found;
}

/** Why `file` may not import `name`, or undefined when it may. */
function refusal(file, part, name) {
  if (name.startsWith('.')) {
    const target = slashes(relative('.', join(dirname(file), name)));
    if (target.startsWith('../')) return `imports ${name}, which is outside src`;
    const targetPart = partOf(target);
    if (targetPart === undefined) return `imports ${target}: no rule for that folder in scripts/check-layers.mjs`;
    if (targetPart === part || mayImport[part].includes(targetPart)) return undefined;
    const allowed = mayImport[part].join(', ') || 'nothing';
    return `${part} may not import ${targetPart} (${target}); it may import: ${allowed}`;
  }
  if (pure.includes(part) && name.startsWith('node:') && !nodeModulesOfPure.includes(name)) {
    return `${part} is pure and may not import ${name}`;
  }
  const packageName = name.startsWith('@') ? name.split('/').slice(0, 2).join('/') : name.split('/')[0];
  const owners = Object.hasOwn(packageOwners, name) ? packageOwners[name] : packageOwners[packageName];
  if (owners === undefined) {
    if (name.startsWith('node:')) return undefined;
    return `package ${packageName} has no owner: add it to packageOwners in scripts/check-layers.mjs`;
  }
  if (owners.some((owner) => isIn(file, owner))) return undefined;
  return `${packageName} may be imported only in ${owners.join(', ')}`;
}

/** True in the body of an arrow function without braces: what it makes belongs to its caller. */
function inArrow(code, index) {
  return /=>[^;]*$/.test(code.slice(Math.max(0, code.lastIndexOf(';', index)), index));
}

/** How many brackets are open at each character. */
function moduleLevelOf(code) {
  const depths = new Uint16Array(code.length);
  let depth = 0;
  for (let i = 0; i < code.length; i++) {
    const char = code[i];
    if (char === ')' || char === ']' || char === '}') depth--;
    depths[i] = depth;
    if (char === '(' || char === '[' || char === '{') depth++;
  }
  return depths;
}

const source = join(root, 'src');
const files = filesBelow(source).filter((file) => /\.[cm]?tsx?$/.test(file) && !/\.test\.tsx?$/.test(file));
const lines = [];
for (const path of files) {
  const file = slashes(relative(source, path));
  try {
    const found = violationsIn(file, readFileSync(path, 'utf8'));
    lines.push(...found.sort((a, b) => a.line - b.line).map(({ line, message }) => `src/${file}:${line}  ${message}`));
  } catch (error) {
    lines.push(`src/${file}  could not be read: ${error.message}`);
  }
}
if (files.length < fewestFiles) {
  lines.push(
    `saw only ${files.length} files under src, expected at least ${fewestFiles}: the check looks at the wrong place`,
  );
}
for (const line of lines) console.log(line);
console.log(`${files.length} files, ${lines.length} violations of the layering rules`);
process.exitCode = lines.length === 0 ? 0 : 1;
