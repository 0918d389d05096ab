import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { codeBlocks } from '../support/markdown.ts';
import { startNode } from '../support/node.ts';

const page = resolve(import.meta.dirname, '../../docs/how-to/http-keys.md');
const hasCurl = spawnSync('curl', ['--version']).status === 0;

it.skipIf(!hasCurl)('the examples for keys over HTTP print what the page says', async () => {
  await using node = await startNode({ http: '127.0.0.1:0' });
  const blocks = codeBlocks(readFileSync(page, 'utf8'));
  let compared = 0;
  for (const [index, { language, text }] of blocks.entries()) {
    if (language !== 'sh') continue;
    const script = text.replaceAll('localhost:8080', node.http);
    const { stdout, stderr } = await promisify(execFile)('sh', ['-ec', script]);
    expect(stderr, text).toBe('');
    expect(stdout.trimEnd(), text).toBe(blocks[index + 1]?.text.trimEnd());
    compared++;
  }
  expect(compared).toBeGreaterThan(8);
});
