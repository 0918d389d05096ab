import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { startSluiceProcess } from '../support/sluice-process.ts';
import { tempDir } from '../support/temp-dir.ts';

const ROUNDS = 6;
const CLIENTS = 8;
/** Keys that are written all the time; all others are written once, so that no later write can hide a loss. */
const HOT = 4;

/** What is known of a key: what was answered last, and what may have been accepted after that. */
interface Known {
  acked: string | undefined;
  readonly unknown: Set<string | undefined>;
}

it('no accepted row is lost and no removed one comes back, however often Sluice is killed', {
  timeout: 120_000,
}, async () => {
  await using folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec(
    'pragma journal_mode = wal; create table scooters (id text primary key, battery integer, sluice_version integer)',
  );
  const config = join(folder.path, 'sluice.yaml');
  await writeFile(
    config,
    `connections: { fleet: { url: "sqlite:${file}" } }
keyspaces:
  - match: "scooter:*"
    writeBehind: { sink: fleet, table: scooters, key: id, columns: [battery], minDelay: 20ms, maxDelay: 60ms, maxBatch: 50 }
`,
  );
  const dataDir = join(folder.path, 'data');
  const start = () => startSluiceProcess({ args: ['--config', config], dataDir });
  const all = new Map<string, Known>();
  let next = 0;
  let writes = 0;

  /** One client, until its connection ends. */
  async function write(port: number, hot: string): Promise<void> {
    const client = await connectRaw({ port });
    for (let i = 0; ; i++) {
      const key = i % 5 === 0 ? hot : `once-${next++}`;
      const removes = i % 7 === 6;
      const value = removes ? undefined : String(++writes);
      const known = all.get(key) ?? { acked: undefined, unknown: new Set() };
      all.set(key, known);
      const command = removes ? ['DEL', `scooter:${key}`] : ['HSET', `scooter:${key}`, 'battery', value as string];
      known.unknown.add(value);
      try {
        const reply = await client.command(...command);
        expect(reply).toMatch(/^:/);
      } catch {
        return;
      }
      known.acked = value;
      known.unknown.clear();
    }
  }

  for (let round = 0; round < ROUNDS; round++) {
    await using sluice = await start();
    const clients = Array.from({ length: CLIENTS }, (_, i) => write(sluice.resp.port, `hot-${round}-${i % HOT}-${i}`));
    await sleep(200 + Math.random() * 400);
    await sluice.kill('SIGKILL');
    await Promise.all(clients);
  }
  await using sluice = await start();
  await eventually(
    async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${sluice.admin.port}/metrics`)).text();
      expect(metrics).toMatch(/write_behind_pending{.*} 0\n/);
      expect(metrics).toMatch(/write_behind_rows_written_total{.*} [1-9]/);
    },
    { timeoutMs: 30_000 },
  );
  const rows = new Map(
    (database.prepare('select id, battery from scooters').all() as { id: string; battery: number }[]).map(
      ({ id, battery }) => [id, String(battery)],
    ),
  );
  database.close();
  const wrong = [...all].filter(([key, { acked, unknown }]) => {
    const row = rows.get(key);
    return row !== acked && !unknown.has(row);
  });
  expect(wrong).toEqual([]);
  expect(all.size).toBeGreaterThan(200);
});
