import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { tempDir } from '../support/temp-dir.ts';

const example = resolve(import.meta.dirname, '../../examples/express-fastapi');
const hasExpress = canResolve('express');
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import fastapi, uvicorn, redis.asyncio'], { stdio: 'ignore' }).status === 0,
);

function canResolve(name: string): boolean {
  try {
    createRequire(resolve(example, 'express/app/index.js')).resolve(name);
    return true;
  } catch {
    return false;
  }
}

test('the applications of examples/express-fastapi run with Sluice as their Redis', { timeout: 60_000 }, async ({
  skip,
}) => {
  skip(!hasExpress, 'express is not installed: npm install in examples/express-fastapi');
  await using folder = await tempDir('sluice-example-');
  const [expressPort, fastapiPort, respPort] = [await freePort(), await freePort(), await freePort()];
  const child = spawn(process.execPath, ['run.mjs'], {
    cwd: example,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      EXPRESS_PORT: `${expressPort}`,
      FASTAPI_PORT: `${fastapiPort}`,
      SLUICE_RESP: `127.0.0.1:${respPort}`,
      SLUICE_DATA: folder.path,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'exit');
  try {
    const page = async (port: number): Promise<unknown> => await (await fetch(`http://127.0.0.1:${port}/`)).json();
    const patience = { timeoutMs: 30_000, intervalMs: 50 };
    expect(await eventually(() => page(expressPort), patience), output).toEqual({ value: 'Express value' });
    if (python === undefined) expect(output).toContain('FastAPI   is not started');
    else expect(await eventually(() => page(fastapiPort), patience), output).toEqual(['Python value']);
    await using redis = await connectRaw({ port: respPort });
    expect(await redis.command('GET', 'expresskey')).toBe('$13\r\nExpress value\r\n');
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${output}`, { cause: error });
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
  expect(child.exitCode, output).toBe(0);
});
