import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';

const strace = spawnSync('strace', ['-f', 'true']).status === 0;
const mustRun = process.env['CI'] === 'true' && process.platform === 'linux';

const client = `
import { createServer, connect } from 'node:net';
const [, module, dataDir, durability] = process.argv;
const { openDurableEngine } = await import(module);
const clock = { now: () => Date.now(), monotonic: () => performance.now(), setTimer: () => ({ cancel() {} }) };
const { engine, journal, ready, close } = await openDurableEngine({ clock, random: Math.random, maxBytes: 1e9, dataDir, durability });
await ready;
for (let i = 0; i < 20; i++) {
  engine.begin();
  engine.user.strings.set('key', 'value-' + String(i).padStart(4, '0'));
  const seq = engine.revealed;
  if (seq > journal.committed) await new Promise((done) => journal.onCommitted(seq, { committed: done }));
  process.stdout.write('acknowledged-' + String(i).padStart(4, '0') + '\\n');
}
await close();
`;

/** The calls of all threads in their order: what was written of each value, syncs, acknowledgements. */
async function trace(durability: string): Promise<string[]> {
  await using folder = await tempDir();
  const file = join(folder.path, 'trace');
  const calls = 'trace=fdatasync,fsync,write,writev,pwrite64,pwritev,pwritev2';
  const { status, stderr } = spawnSync('strace', [
    ...['-f', '-s', '5000', '-e', calls, '-o', file, process.execPath, '--input-type=module', '-e', client],
    ...[resolve('dist/store/engine/durable-engine.js'), join(folder.path, 'data'), durability],
  ]);
  expect(status, stderr.toString()).toBe(0);
  const events: string[] = [];
  for (const line of (await readFile(file, 'latin1')).split('\n')) {
    // A page holds the values before as well.
    const value = [...line.matchAll(/value-(\d{4})/g)]
      .map(([, number]) => number)
      .sort()
      .at(-1);
    const acknowledged = /acknowledged-(\d{4})/.exec(line)?.[1];
    if (acknowledged !== undefined) events.push(`acknowledged ${acknowledged}`);
    else if (value !== undefined) events.push(`written ${value}`);
    else if (/\b(fdatasync|fsync)(\(| resumed)/.test(line) && /= 0$/.test(line)) events.push('synced');
  }
  return events;
}

function position(events: readonly string[], event: string, after = 0): number {
  const at = events.indexOf(event, after);
  expect(at, `${event} after ${after} in ${events.slice(after, after + 10).join(', ')}`).toBeGreaterThanOrEqual(0);
  return at;
}

describe.skipIf(!strace && !mustRun)(`the calls to the system${strace ? '' : ' (strace is not installed)'}`, () => {
  it('under fsync are: the write, the sync, and only then the acknowledgement', async () => {
    const events = await trace('fsync');
    for (let i = 0; i < 20; i++) {
      const number = String(i).padStart(4, '0');
      const written = position(events, `written ${number}`);
      const synced = position(events, 'synced', written);
      expect(position(events, `acknowledged ${number}`)).toBeGreaterThan(synced);
    }
  }, 60_000);

  it('under commit are: the write, and then the acknowledgement, without a sync', async () => {
    const events = await trace('commit');
    const first = position(events, 'written 0000');
    const last = position(events, 'acknowledged 0019');
    for (let i = 0; i < 20; i++) {
      const number = String(i).padStart(4, '0');
      expect(position(events, `acknowledged ${number}`)).toBeGreaterThan(position(events, `written ${number}`));
    }
    expect(events.slice(first, last).filter((event) => event === 'synced')).toEqual([]);
  }, 60_000);
});
