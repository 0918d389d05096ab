import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { utf8ToBytes } from '../../src/kernel/bytes.ts';
import { eventually } from '../support/eventually.ts';
import { startMariadb } from '../support/mariadb.ts';
import { startNode } from '../support/node.ts';
import { findProgram } from '../support/programs.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { tempDir } from '../support/temp-dir.ts';

/** What a scooter's row is to be. */
interface Row {
  readonly lat?: number;
  readonly battery?: number;
  readonly note?: string;
}

it.skipIf(findProgram('mariadbd') === undefined)(
  'rows are changed in part, removed and set anew while MariaDB is killed and started, and each comes to be what it was last; one that it refuses is set aside',
  { timeout: 120_000 },
  async () => {
    await using folder = await tempDir();
    await using mariadb = await startMariadb();
    await mariadb.run(
      'create table fleet.scooters (id varchar(64) collate utf8mb4_bin primary key, lat double, battery int, note varchar(20), theirs int default 7, sluice_version bigint not null)',
    );
    await using node = await startNode({
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store: 'embedded',
      data: folder.path,
      connections: { fleet: { url: mariadb.url() } },
      keyspaces: [
        {
          match: 'scooter:*',
          writeBehind: {
            sink: 'fleet',
            table: 'scooters',
            key: 'id',
            columns: ['lat', 'battery', 'note'],
            minDelay: '20ms',
            maxDelay: '50ms',
            maxBatch: 100,
            timeout: '2s',
          },
        },
      ],
    });
    await using client = await connectRaw({ port: Number(node.resp.slice(node.resp.lastIndexOf(':') + 1)) });
    const rows = new Map<string, Row>();
    const change = async (id: string, values: Row): Promise<void> => {
      const given = Object.entries(values).flatMap(([field, value]) => [field, utf8ToBytes(String(value))]);
      expect(await client.command('HSET', `scooter:${id}`, ...given)).toMatch(/^:/);
      rows.set(id, { ...rows.get(id), ...values });
    };
    const remove = async (id: string): Promise<void> => {
      expect(await client.command('DEL', `scooter:${id}`)).toMatch(/^:/);
      rows.delete(id);
    };
    let writing = true;
    const writer = (async () => {
      for (let i = 1; writing; i++) {
        const hot = `hot-${i % 7}`;
        if (i % 3 === 0) await change(`once-${i}`, { lat: i / 8, battery: i % 100 });
        else if (i % 3 === 1) await change(hot, i % 2 === 0 ? { battery: i } : { lat: i / 4, note: `né ${i}` });
        else if (i % 5 === 0) await remove(hot);
        else if (i % 60 === 2 && i > 60) await remove(`once-${i - 59}`);
        if (i % 50 === 0) await sleep(5);
      }
    })();
    for (let round = 0; round < 3; round++) {
      await sleep(300);
      await mariadb.kill();
      await sleep(200);
      await mariadb.restart();
    }
    await sleep(200);
    writing = false;
    await writer;
    await client.command('HSET', 'scooter:bad', 'battery', 'much');
    const metrics = async (): Promise<string> => (await fetch(`http://${node.admin}/metrics`)).text();
    await eventually(async () => expect(await metrics()).toMatch(/write_behind_set_aside_total{.*} 1\n/), {
      timeoutMs: 60_000,
    });
    await eventually(async () => expect(await metrics()).toMatch(/write_behind_pending{.*} 0\n/), {
      timeoutMs: 60_000,
    });
    const found = await mariadb.run('select id, lat, battery, note, theirs from fleet.scooters');
    const expected = [...rows].map(([id, row]) => [id, { lat: null, battery: null, note: null, theirs: 7, ...row }]);
    expect(new Map(found.map(({ id, ...row }) => [id, row]))).toEqual(new Map(expected as [string, unknown][]));
    expect(rows.size).toBeGreaterThan(300);
  },
);

it.skipIf(findProgram('mariadbd') === undefined)(
  'counters and records count once each, however often MariaDB is killed while they are written',
  { timeout: 120_000 },
  async () => {
    await using folder = await tempDir();
    await using mariadb = await startMariadb();
    const key = 'varchar(64) collate utf8mb4_bin';
    await mariadb.run(
      `use fleet; create table visits (page ${key} primary key, n bigint, sluice_version bigint not null);
       create table trips (num bigint auto_increment primary key, sluice_id ${key} not null unique, scooter varchar(20), at int);
       create table writers (name varchar(255) collate utf8mb4_bin primary key, epoch bigint not null)`,
    );
    const writeBehind = { sink: 'fleet', fence: 'writers', minDelay: '20ms', maxDelay: '50ms', timeout: '2s' } as const;
    await using node = await startNode({
      resp: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      store: 'embedded',
      data: folder.path,
      connections: { fleet: { url: mariadb.url() } },
      keyspaces: [
        {
          match: 'visits:*',
          writeBehind: { ...writeBehind, shape: 'counter', table: 'visits', key: 'page', columns: ['n'] },
        },
        {
          match: 'trip:*',
          writeBehind: { ...writeBehind, shape: 'record', table: 'trips', key: 'scooter', columns: ['at'] },
        },
      ],
    });
    await using client = await connectRaw({ port: Number(node.resp.slice(node.resp.lastIndexOf(':') + 1)) });
    const counts = new Map<string, number>();
    const trips: number[] = [];
    let writing = true;
    const writer = (async () => {
      for (let i = 1; writing; i++) {
        const page = i % 5 === 0 ? `once-${i}` : `hot-${i % 3}`;
        const by = (i % 11) - 3;
        expect(await client.command('INCRBY', `visits:${page}`, String(by))).toMatch(/^:/);
        counts.set(page, (counts.get(page) ?? 0) + by);
        if (i % 4 === 0) {
          expect(await client.command('RPUSH', 'trip:1', `{"at":${i}}`)).toMatch(/^:/);
          trips.push(i);
        }
        if (i % 25 === 0) await sleep(5);
      }
    })();
    for (let round = 0; round < 4; round++) {
      await sleep(250);
      await mariadb.kill();
      await sleep(100);
      await mariadb.restart();
    }
    await sleep(200);
    writing = false;
    await writer;
    const metrics = async (): Promise<string> => (await fetch(`http://${node.admin}/metrics`)).text();
    await eventually(
      async () => {
        const found = [...(await metrics()).matchAll(/write_behind_pending{.*} (\d+)\n/g)].map(
          ([, pending]) => pending,
        );
        expect(found).toEqual(['0', '0']);
      },
      { timeoutMs: 60_000 },
    );
    expect(await metrics()).not.toMatch(/write_behind_set_aside_total{.*} [1-9]/);
    const visits = await mariadb.run('select page, n from fleet.visits');
    expect(new Map(visits.map(({ page, n }) => [page, n]))).toEqual(counts);
    const found = await mariadb.run('select scooter, at from fleet.trips order by num');
    expect(found).toEqual(trips.map((at) => ({ scooter: '1', at })));
    expect(trips.length).toBeGreaterThan(100);
    expect((await mariadb.run('select 1 from fleet.writers')).length).toBeGreaterThan(0);
  },
);
