import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const index = resolve(import.meta.dirname, '../../dist/index.js');

test('a program that waits for a store that is away gets its answer, and ends by itself after close', async () => {
  // Nothing else keeps this program alive.
  const program = `
    import { openSluice } from ${JSON.stringify(index)};
    const sluice = await openSluice({ store: 'redis://127.0.0.1:1', log: { level: 'silent' } });
    try { await sluice.get('a'); } catch (error) { console.log(error.code); } finally { await sluice.close(); console.log('closed'); }
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  expect(stdout).toBe('STORE_UNAVAILABLE\nclosed\n');
});
