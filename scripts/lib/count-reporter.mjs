import { writeFileSync } from 'node:fs';

/**
 * A vitest reporter that counts: passed, failed, skipped. A file that could not be loaded or whose hooks failed, and an
 * error outside of any test, count as one failure each, so that nothing broken can read as "0 failed".
 * Writes JSON to the file that `SLUICE_TEST_COUNTS` names.
 */
export default class CountReporter {
  onTestRunEnd(modules, unhandledErrors, reason) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, files: modules.length, reason };
    for (const module of modules) {
      counts.failed += module.errors().length;
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // A test that is still pending when the run ends was interrupted.
        if (state === 'pending') counts.failed++;
        else counts[state]++;
      }
    }
    writeFileSync(process.env['SLUICE_TEST_COUNTS'], JSON.stringify(counts));
  }
}
