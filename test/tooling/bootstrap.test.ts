import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyProject, type ProjectCopy } from './project-copy.ts';

const main = `#!/usr/bin/env node
const status: number = Number(process.env['PLANTED_STATUS'] ?? '0');
console.log(JSON.stringify(process.argv.slice(2)));
process.exit(status);
`;

/** The scripts of this project around a command of three lines. */
function smallProject(): ProjectCopy {
  const copy = copyProject(['scripts/', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']);
  mkdirSync(join(copy.root, 'src/cli'), { recursive: true });
  writeFileSync(join(copy.root, 'src/cli/main.ts'), main);
  return copy;
}

describe('bootstrap', () => {
  let copy: ProjectCopy;
  beforeAll(() => {
    copy = smallProject();
  });
  afterAll(() => {
    copy[Symbol.dispose]();
  });
  const start = (args: string[] = [], environment = {}) =>
    copy.node(['scripts/bootstrap.mjs', 'start', ...args], environment);

  it('builds, then runs the command in the same process with the flags it was given', async () => {
    const { stdout, stderr, status } = await start(['--http', '127.0.0.1:9999']);
    expect(stderr).toContain('building dist');
    expect(stdout).toBe('["start","--http","127.0.0.1:9999"]\n');
    expect(status).toBe(0);
  });

  it('passes the exit status on and does not build again while nothing changed', async () => {
    const { stderr, status } = await start([], { PLANTED_STATUS: '7' });
    expect(stderr).toBe('');
    expect(status).toBe(7);
  });

  it('builds again when a source is newer, and drops what no source makes any more', async () => {
    writeFileSync(join(copy.root, 'dist/gone.js'), '');
    const later = new Date(Date.now() + 5000);
    utimesSync(join(copy.root, 'src/cli/main.ts'), later, later);
    expect((await start()).stderr).toContain('building dist');
    expect(existsSync(join(copy.root, 'dist/gone.js'))).toBe(false);
  });

  it('builds again after a build that was interrupted, and removes what that one left', async () => {
    // A killed build leaves its own folder, and at worst no dist at all.
    rmSync(join(copy.root, 'dist'), { recursive: true });
    mkdirSync(join(copy.root, '.dist-99999999/cli'), { recursive: true });
    writeFileSync(join(copy.root, '.dist-99999999/cli/main.js'), 'throw new Error("half a build");');
    const { stdout, status } = await start();
    expect({ stdout, status }).toEqual({ stdout: '["start"]\n', status: 0 });
    expect(readdirSync(copy.root).filter((name) => name.startsWith('.dist-'))).toEqual([]);
  });

  it('builds again when dist has no stamp', async () => {
    rmSync(join(copy.root, 'dist/.build-stamp'));
    expect((await start()).stderr).toContain('building dist');
  });

  it('fails with the compiler’s message and keeps the old dist when the sources do not compile', async () => {
    const broken = join(copy.root, 'src/broken.ts');
    const before = readFileSync(join(copy.root, 'dist/cli/main.js'), 'utf8');
    writeFileSync(broken, "export const n: number = 'no';\n");
    const { stdout, stderr, status } = await start();
    rmSync(broken);
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
    expect(stderr).toContain('src/broken.ts(1,14): error TS2322');
    expect(readFileSync(join(copy.root, 'dist/cli/main.js'), 'utf8')).toBe(before);
  });

  it('names the tasks when asked for one that does not exist', async () => {
    const { stderr, status } = await copy.node(['scripts/bootstrap.mjs', 'dance']);
    expect(stderr).toContain('start|build|test|check|bench|fault|soak');
    expect(status).toBe(2);
  });

  it('says which file is missing when a task has no program', async () => {
    const { stderr, status } = await copy.node(['scripts/bootstrap.mjs', 'soak']);
    expect(stderr).toContain('test/fault/soak.mjs does not exist');
    expect(status).toBe(1);
  });
});

describe('the test runner', () => {
  let copy: ProjectCopy;
  beforeAll(() => {
    copy = copyProject(['scripts/', 'package.json', 'vitest.config.ts']);
    mkdirSync(join(copy.root, 'src'));
    const file = (name: string, body: string): void => {
      writeFileSync(join(copy.root, 'src', name), `import { describe, expect, it, beforeAll } from 'vitest';\n${body}`);
    };
    file('good.test.ts', "it('one', () => {});\nit('two', () => {});\nit.skip('three', () => {});\n");
    file('bad.test.ts', "it('adds', () => expect(1 + 1).toBe(3));\n");
    file('broken.test.ts', "import './nowhere.ts';\nit('never runs', () => {});\n");
    file('hook.test.ts', "describe('a', () => { beforeAll(() => { throw new Error('no'); }); it('b', () => {}); });\n");
    file(
      'late.test.ts',
      "it('c', () => { setTimeout(() => { throw new Error('late'); }, 5); });\nit('d', () => new Promise((r) => setTimeout(r, 50)));\n",
    );
  });
  afterAll(() => {
    copy[Symbol.dispose]();
  });
  const run = async (...args: string[]) => {
    const { stdout, status } = await copy.node(['scripts/test.mjs', ...args], { CI: undefined });
    return { last: stdout.trimEnd().split('\n').at(-1), status };
  };

  it('ends with the counts and status 0 when all is well', async () => {
    expect(await run('src/good.test.ts')).toEqual({ last: '2 passed, 0 failed, 1 skipped', status: 0 });
  });

  it('counts a failed test, and passes arguments on', async () => {
    expect(await run('src/bad.test.ts', 'src/good.test.ts')).toEqual({
      last: '2 passed, 1 failed, 1 skipped',
      status: 1,
    });
    expect(await run('src/good.test.ts', '-t', 'one')).toEqual({ last: '1 passed, 0 failed, 2 skipped', status: 0 });
  });

  it.each(['broken', 'hook', 'late'])('counts what is broken outside of a test: %s', async (name) => {
    const { last, status } = await run(`src/${name}.test.ts`);
    expect(last).toMatch(/ passed, 1 failed/);
    expect(status).toBe(1);
  });

  it('fails when no test ran', async () => {
    expect(await run('nothing-has-this-name')).toEqual({ last: '0 passed, 1 failed', status: 1 });
  });

  it('fails without running anything when a server is missing and CI is set', async () => {
    const nowhere = { CI: 'true', PATH: copy.root };
    const { stdout, stderr, status } = await copy.node(['scripts/test.mjs', 'src/good.test.ts'], nowhere);
    expect(stderr).toContain('not found: redis-server');
    expect(stderr).toContain('sudo apt-get install --no-install-recommends redis-server redis-tools');
    expect({ stdout, status }).toEqual({ stdout: '0 passed, 1 failed\n', status: 1 });
  });

  it('says what is missing and goes on when CI is not set', async () => {
    const nowhere = { CI: undefined, PATH: copy.root };
    const { stdout, stderr, status } = await copy.node(['scripts/test.mjs', 'src/good.test.ts'], nowhere);
    expect(stderr).toContain('not found: redis-server');
    expect(stderr).toContain('going on without');
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 passed, 0 failed, 1 skipped');
    expect(status).toBe(0);
  });

  it('refuses a server that cannot be run', async () => {
    const { stderr, status } = await copy.node(['scripts/test.mjs'], { SLUICE_TEST_REDIS: join(copy.root, 'none') });
    expect(stderr).toContain('is not a program that can be run');
    expect(status).toBe(1);
  });
});
