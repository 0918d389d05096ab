/**
 * Nothing in the project may depend on, or tell of, the machine it was written on: home folders, the place of the
 * checkout, the name of the machine, a private package registry.
 */
import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { at, projectFiles, root } from './lib/project.mjs';

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const publicRegistry = 'registry.npmjs.org';

const rules = [
  {
    what: 'a home folder',
    pattern: /(?<![\w.~-])(?:\/home\/(?!(?:you|user|node)\b)[a-z_][\w-]*|\/Users\/\w+|\/root)(?=\/)|\b[A-Z]:\\+Users\\/,
  },
  { what: 'the place of this checkout', pattern: wholePath(root) },
  { what: 'your home folder', pattern: wholePath(`${homedir()}/`) },
  {
    what: 'the name of this machine',
    pattern: hostname().length > 6 ? new RegExp(`\\b${escaped(hostname())}\\b`) : undefined,
  },
  { what: 'a package registry', pattern: /^\s*(?:@[\w-]+:)?registry\s*=|\/\/[^\s/]+\/[^\s]*:_auth/m },
  { what: 'the registry this machine uses', pattern: configuredRegistry() },
].filter(({ pattern }) => pattern !== undefined);

function wholePath(path) {
  return path.length > 2
    ? new RegExp(`(?<![\\w./-])${escaped(path)}${path.endsWith('/') ? '' : '(?![\\w-])'}`)
    : undefined;
}

/** npm tells its scripts which registry it is configured for. */
function configuredRegistry() {
  const address = process.env['npm_config_registry'];
  const host = address === undefined ? publicRegistry : new URL(address).host;
  return host === publicRegistry ? undefined : new RegExp(escaped(host));
}

const files = projectFiles();
let problems = 0;
for (const file of files) {
  const text = readFileSync(at(file), 'utf8');
  if (text.includes('\0')) continue;
  text.split('\n').forEach((line, index) => {
    for (const { what, pattern } of rules) {
      const match = pattern.exec(line);
      if (match === null) continue;
      problems++;
      console.log(`${file}:${index + 1}  names ${what}: ${match[0]}`);
    }
  });
}
if (files.length === 0) console.log('saw no files: the check looks at the wrong place');
console.log(`${files.length} files, ${problems} places that name this machine`);
process.exitCode = problems === 0 && files.length > 0 ? 0 : 1;
