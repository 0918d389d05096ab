/**
 * package-lock.json must install everywhere: no addresses in it (an installation uses the registry it is configured
 * for), an integrity hash per package, every dependency that is named present (npm sometimes writes a lock that
 * `npm ci` then refuses), and the same direct dependencies as package.json, pinned to one version.
 */
import { readFileSync } from 'node:fs';
import { at } from './lib/project.mjs';

const read = (name) => JSON.parse(readFileSync(at(name), 'utf8'));
const { packages, lockfileVersion } = read('package-lock.json');
const manifest = read('package.json');
const problems = [];

if (lockfileVersion !== 3) problems.push(`lockfileVersion is ${lockfileVersion}, expected 3: write it with npm >= 9`);

for (const [path, entry] of Object.entries(packages)) {
  const name = path || 'the project itself';
  if (entry.resolved !== undefined && !entry.link) {
    problems.push(
      `${name}: has an address (${entry.resolved}); .npmrc says omit-lockfile-registry-resolved, install with it`,
    );
  }
  if (path !== '' && !entry.link && entry.integrity === undefined) problems.push(`${name}: has no integrity hash`);
  for (const dependency of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
    if (!isPresent(path, dependency)) {
      problems.push(
        `${name}: needs ${dependency}, which has no entry; \`npm ci\` would refuse (pin an older version of it)`,
      );
    }
  }
}

for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']) {
  const wanted = manifest[kind] ?? {};
  const locked = packages['']?.[kind] ?? {};
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(locked)])) {
    if (wanted[name] !== locked[name]) {
      problems.push(`${kind}.${name}: package.json says ${wanted[name]}, the lock ${locked[name]}; run npm install`);
    }
    if (kind !== 'peerDependencies' && !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(wanted[name] ?? '0.0.0')) {
      problems.push(`${kind}.${name}: ${wanted[name]} is a range; pin one version`);
    }
  }
}

/** Whether `name` is found from the package at `path`, looking upwards as Node does. */
function isPresent(path, name) {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')))) {
    const candidate = from === '' ? `node_modules/${name}` : `${from}/node_modules/${name}`;
    if (packages[candidate] !== undefined) return true;
    if (from === '') return false;
  }
}

for (const problem of problems) console.log(problem);
console.log(`${Object.keys(packages).length} packages in the lock, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
