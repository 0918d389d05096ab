import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { runCli } from '../support/run-cli.ts';
import { tempDir } from '../support/temp-dir.ts';

let folder: Awaited<ReturnType<typeof tempDir>>;
let database: InstanceType<typeof DatabaseSync>;
let node: TestNode;

beforeAll(async () => {
  folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  database = new DatabaseSync(file);
  database.exec(
    'pragma journal_mode = wal; create table scooters (id text primary key, battery integer, sluice_version integer)',
  );
  node = await startNode({
    resp: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    store: 'embedded',
    data: join(folder.path, 'data'),
    connections: { fleet: { url: `sqlite:${file}` } },
    keyspaces: [
      {
        match: 'scooter:*',
        writeBehind: {
          sink: 'fleet',
          table: 'scooters',
          key: 'id',
          columns: ['battery'],
          minDelay: '1h',
          maxDelay: '1h',
        },
      },
    ],
  });
});
afterAll(async () => {
  await node?.close();
  database?.close();
  await folder?.[Symbol.asyncDispose]();
});

async function cli(...args: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const { status, stdout, stderr } = await runCli([...args, '--admin', node.admin]);
  return { status, out: stdout.toString(), err: stderr };
}

async function hset(key: string, battery: string): Promise<void> {
  await using client = await connectRaw({ port: Number(node.resp.split(':')[1]) });
  await client.command('HSET', key, 'battery', battery);
}

const count = (): unknown => (database.prepare('select count(*) as n from scooters').get() as { n: number }).n;

describe('the commands of rows that are written behind', () => {
  it('print what would run, write it, and tell how it does', async () => {
    await hset('scooter:1', '5');
    const dry = await cli('flush', '--dry-run');
    expect(dry).toMatchObject({ status: 0, err: '' });
    expect(dry.out).toMatch(/^-- scooter:\*: 1 row waits.*\n.*insert into/is);
    expect(count()).toBe(0);
    expect((await cli('write-behind')).out).toMatch(/^scooter:\*: rows to scooters\n {2}1 of at most 1000000 wait/);
    const flushed = await cli('flush', '--wait', '--keyspace', 'scooter:*');
    expect(flushed).toEqual({ status: 0, out: 'scooter:*: all that waited is written\n', err: '' });
    expect(count()).toBe(1);
    const status = await cli('write-behind', '--json');
    expect(status.status).toBe(0);
    expect(JSON.parse(status.out)).toMatchObject({ keyspaces: [{ keyspace: 'scooter:*', pending: 0, written: 1 }] });
  });

  it('list dead letters on one line each, show, replay and drop them', async () => {
    await hset('scooter:a\nb', 'full');
    await hset('scooter:2', 'empty');
    expect((await cli('flush', '--wait')).status).toBe(0);
    await eventually(async () => expect((await cli('dead-letters', 'list')).out.split('\n')).toHaveLength(3));
    const { out } = await cli('dead-letters', 'list');
    expect(out).toMatch(/^[0-9a-f]{6}-1 {2}\d{4}-.*Z {2}scooter:\* {2}scooter:a\\x0ab {2}.*battery/);
    const [first = '', second = ''] = out.split('\n').map((line) => line.split(' ')[0]);
    expect(JSON.parse((await cli('dead-letters', 'show', first)).out)).toMatchObject({
      id: first,
      fields: { battery: 'full' },
    });
    expect((await cli('dead-letters', 'list', '--limit', '1', '--json')).out.split('\n')).toHaveLength(2);
    expect(await cli('write-behind')).toMatchObject({ status: 1, out: expect.stringContaining('ALARM dead_letters') });
    const failed = await cli('dead-letters', 'replay', '--all');
    expect(failed).toMatchObject({ status: 1, err: expect.stringContaining('battery') });
    expect(failed.out).toMatch(/^0 written, 0 skipped .*, 2 still cannot be written\n$/);
    expect(await cli('dead-letters', 'drop', first)).toEqual({ status: 0, out: '1 dropped\n', err: '' });
    expect((await cli('dead-letters', 'drop', first)).status).toBe(1);
    await hset('scooter:2', '9');
    expect((await cli('dead-letters', 'replay', second)).out).toMatch(/^0 written, 1 skipped/);
    expect((await cli('dead-letters', 'list')).out).toBe('');
  });

  it.each([
    [['flush', '--timeout', '1s'], '--wait'],
    [['flush', '--wait', '--timeout', 'soon'], '--timeout'],
    [['flush', '--wait', '--dry-run'], 'either'],
    [['flush', '--keyspace', 'none'], 'scooter:*'],
    [['dead-letters', 'replay'], '--all'],
    [['dead-letters', 'drop', '--all', 'x'], '--all'],
    [['dead-letters', 'drop', 'x', '--keyspace', 'scooter:*'], '--keyspace'],
    [['dead-letters', 'list', '--limit', '0'], '--limit'],
  ])('refuse %j', async (args, word) => {
    const { status, err } = await cli(...args);
    expect(status).toBe(2);
    expect(err).toContain(word);
  });

  it('end with status 1 while what waits cannot be written', async () => {
    database.exec('alter table scooters rename to away');
    await hset('scooter:3', '1');
    const { status, out } = await cli('flush', '--wait', '--timeout', '300ms');
    expect(status).toBe(1);
    expect(out).toMatch(/^scooter:\*: not all that waited is written, 2 rows wait: .*scooters/);
    expect((await cli('dead-letters', 'show', 'none')).status).toBe(1);
    database.exec('alter table away rename to scooters');
  });
});
