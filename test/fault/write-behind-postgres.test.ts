import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startNode } from '../support/node.ts';
import { startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { tempDir } from '../support/temp-dir.ts';

it.skipIf(findProgram('postgres') === undefined)(
  'rows are accepted while PostgreSQL is killed and started, and all of them come to be there; one that it refuses is set aside',
  { timeout: 120_000 },
  async () => {
    await using folder = await tempDir();
    await using postgres = await startPostgres();
    await postgres.run('create table scooters (id text primary key, battery int4, note text, sluice_version bigint)');
    await using node = await startNode({
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store: 'embedded',
      data: folder.path,
      connections: { fleet: { url: postgres.url() } },
      keyspaces: [
        {
          match: 'scooter:*',
          writeBehind: {
            sink: 'fleet',
            table: 'scooters',
            key: 'id',
            columns: ['battery', 'note'],
            minDelay: '20ms',
            maxDelay: '50ms',
            maxBatch: 100,
            timeout: '2s',
          },
        },
      ],
    });
    await using client = await connectRaw({ port: Number(node.resp.slice(node.resp.lastIndexOf(':') + 1)) });
    const last = new Map<string, number>();
    let writing = true;
    const writer = (async () => {
      for (let i = 1; writing; i++) {
        const id = i % 4 === 0 ? `hot-${i % 8}` : `once-${i}`;
        expect(await client.command('HSET', `scooter:${id}`, 'battery', String(i))).toMatch(/^:/);
        last.set(id, i);
        if (i % 50 === 0) await sleep(5);
      }
    })();
    for (let round = 0; round < 3; round++) {
      await sleep(300);
      await postgres.kill();
      await sleep(200);
      await postgres.restart();
    }
    await sleep(200);
    writing = false;
    await writer;
    await client.command('HSET', 'scooter:bad', 'battery', 'much');
    await client.command('HDEL', 'scooter:hot-0', 'note');
    const metrics = async (): Promise<string> => (await fetch(`http://${node.admin}/metrics`)).text();
    await eventually(async () => expect(await metrics()).toMatch(/write_behind_set_aside_total{.*} 1\n/), {
      timeoutMs: 60_000,
    });
    await eventually(async () => expect(await metrics()).toMatch(/write_behind_pending{.*} 0\n/), {
      timeoutMs: 60_000,
    });
    const rows = await postgres.run('select id, battery from scooters');
    expect(new Map(rows.map(({ id, battery }) => [id, battery]))).toEqual(last);
    expect(last.size).toBeGreaterThan(300);
  },
);
