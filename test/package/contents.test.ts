import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface Packed {
  /** Bytes of the archive. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** What would be published, from `dist` as it is built now (`npm test` builds first). */
describe('the package', () => {
  let packed: Packed;
  beforeAll(() => {
    const npm = process.env['npm_execpath'];
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
    const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    const { stdout } = spawnSync(command, [...first, ...args], { cwd: root, encoding: 'utf8' });
    [packed] = Object.values(JSON.parse(stdout)) as [Packed];
  });

  it('holds the compiled code, its types and what a reader needs, and nothing else', () => {
    const unexpected = packed.files
      .map(({ path }) => path)
      .filter((path) => !/^dist\/.*\.(?:js|js\.map|d\.ts)$/.test(path))
      .sort();
    expect(unexpected).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']);
    expect(packed.files.filter(({ path }) => path.includes('.test.'))).toEqual([]);
  });

  it('stays small', () => {
    expect(packed.size).toBeLessThan(2 * 1024 * 1024);
  });

  it('exports these names and no others', async () => {
    expect(Object.keys(await import(join(root, 'dist/index.js'))).sort()).toEqual([
      'SluiceError',
      'errorCodes',
      'isSluiceError',
      'openSluice',
    ]);
  });

  it('runs no script when it is installed', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
});
