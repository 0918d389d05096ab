import { defineConfig } from 'vitest/config';

/** Where tests may live; everything else in `test/` is support code. */
const include = ['src/**/*.test.ts', 'test/{integration,conformance,fault,tooling,package}/**/*.test.ts'];

export default defineConfig({
  // `using` and `await using` are lowered: Node 20 does not parse them.
  oxc: { target: 'es2023' },
  test: {
    include,
    pool: 'forks',
    // Two cores are the least a contributor has; more workers only make the real servers slow.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    passWithNoTests: false,
    restoreMocks: true,
    unstubEnvs: true,
    // `.only` left in a file would hide the rest of it.
    allowOnly: false,
  },
});
