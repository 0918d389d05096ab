import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, it } from 'vitest';
import { openSluice } from '../../src/app/open-sluice.ts';
import type { SluiceConfigInput } from '../../src/config/schema.ts';
import { eventually } from '../support/eventually.ts';
import { startNode, type TestNode } from '../support/node.ts';
import { connectRaw, type RawResp } from '../support/raw-resp.ts';
import { tempDir } from '../support/temp-dir.ts';

const TABLE =
  'create table scooters (id text primary key, lat real, lon real, battery integer, note text, sluice_version integer)';

interface Fleet extends AsyncDisposable {
  readonly folder: string;
  readonly database: InstanceType<typeof DatabaseSync>;
  readonly config: SluiceConfigInput;
  /** What the table has of a scooter. */
  row(id: string): Record<string, unknown> | undefined;
}

type WriteBehind = NonNullable<NonNullable<SluiceConfigInput['keyspaces']>[number]['writeBehind']>;

async function fleet(settings: Partial<WriteBehind> = {}, table = TABLE): Promise<Fleet> {
  const folder = await tempDir();
  const file = join(folder.path, 'fleet.db');
  const database = new DatabaseSync(file);
  database.exec(`pragma journal_mode = wal; ${table}`);
  return {
    folder: folder.path,
    database,
    config: {
      http: '127.0.0.1:0',
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
            columns: ['lat', 'lon', 'battery', 'note'],
            minDelay: '20ms',
            maxDelay: '50ms',
            ...settings,
          },
        },
      ],
    },
    row: (id) =>
      database.prepare('select lat, lon, battery, note from scooters where id = ?').get(id) as
        | Record<string, unknown>
        | undefined,
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const connect = ({ resp }: TestNode): Promise<RawResp> =>
  connectRaw({ port: Number(resp.slice(resp.lastIndexOf(':') + 1)) });

describe('rows that are written behind', () => {
  it('are read at once as they were written, and come to be in the table', async () => {
    await using scooters = await fleet();
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    expect(
      await client.pipeline([
        ['HSET', 'scooter:1', 'lat', '59.3', 'lon', '18.1', 'battery', '80'],
        ['HGETALL', 'scooter:1'],
        ['HINCRBY', 'scooter:1', 'battery', '-5'],
        ['HGET', 'scooter:1', 'battery'],
        ['HMGET', 'scooter:1', 'lat', 'note'],
        ['EXISTS', 'scooter:1', 'scooter:2'],
        ['TYPE', 'scooter:1'],
        ['HLEN', 'scooter:1'],
      ]),
    ).toEqual([
      ':3\r\n',
      '*6\r\n$7\r\nbattery\r\n$2\r\n80\r\n$3\r\nlat\r\n$4\r\n59.3\r\n$3\r\nlon\r\n$4\r\n18.1\r\n',
      ':75\r\n',
      '$2\r\n75\r\n',
      '*2\r\n$4\r\n59.3\r\n$-1\r\n',
      ':1\r\n',
      '+hash\r\n',
      ':3\r\n',
    ]);
    await eventually(() => expect(scooters.row('1')).toEqual({ lat: 59.3, lon: 18.1, battery: 75, note: null }));
    // What is written is known on.
    expect(await client.command('HGET', 'scooter:1', 'battery')).toBe('$2\r\n75\r\n');
  });

  it('change in the columns that were named, and in no others', async () => {
    await using scooters = await fleet();
    scooters.database.exec("insert into scooters values ('1', 1, 2, 3, 'mine', 0)");
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'lat', '9');
    await eventually(() => expect(scooters.row('1')).toEqual({ lat: 9, lon: 2, battery: 3, note: 'mine' }));
    await client.command('HDEL', 'scooter:1', 'note');
    await eventually(() => expect(scooters.row('1')).toEqual({ lat: 9, lon: 2, battery: 3, note: null }));
  });

  it('are removed, whatever was to be written before', async () => {
    await using scooters = await fleet();
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'lat', '1', 'note', 'old');
    await eventually(() => expect(scooters.row('1')).toBeDefined());
    expect(await client.command('DEL', 'scooter:1')).toBe(':1\r\n');
    expect(await client.command('HGETALL', 'scooter:1')).toBe('*0\r\n');
    await eventually(() => expect(scooters.row('1')).toBeUndefined());
    // What comes after it is a new row, with nothing of the old one.
    await client.pipeline([
      ['HSET', 'scooter:1', 'note', 'x', 'lat', '5'],
      ['DEL', 'scooter:1'],
      ['HSET', 'scooter:1', 'lat', '7'],
    ]);
    await eventually(() => expect(scooters.row('1')).toEqual({ lat: 7, lon: null, battery: null, note: null }));
  });

  it('are JSON over HTTP and in a program', async () => {
    await using scooters = await fleet();
    await using node = await startNode(scooters.config);
    const url = `http://${node.http}/scooter:1`;
    const put = (body: string): Promise<Response> => fetch(url, { method: 'PUT', body });
    expect((await put('{"lat":59.3,"battery":80,"note":null}')).status).toBe(201);
    const read = await fetch(url);
    expect(read.headers.get('content-type')).toBe('application/json');
    expect(await read.json()).toEqual({ lat: '59.3', battery: '80' });
    await eventually(() => expect(scooters.row('1')).toEqual({ lat: 59.3, lon: null, battery: 80, note: null }));
    expect((await put('{"lon":1}')).status).toBe(204);
    await eventually(() => expect(scooters.row('1')).toEqual({ lat: null, lon: 1, battery: null, note: null }));
    for (const wrong of ['[1]', 'x', '{"lat":{}}', '{"color":1}']) expect((await put(wrong)).status).toBe(400);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(url)).status).toBe(404);
    await eventually(() => expect(scooters.row('1')).toBeUndefined());

    await node.close();
    const sluice = await openSluice({
      ...scooters.config,
      http: 'off',
      resp: 'off',
      admin: 'off',
      log: { level: 'silent' },
    });
    await sluice.set('scooter:2', '{"lat":4}');
    expect(Buffer.from((await sluice.get('scooter:2')) ?? '').toString()).toBe('{"lat":"4"}');
    await sluice.close();
    expect(scooters.row('2')).toMatchObject({ lat: 4 });
  });

  it('refuse what is not for them', async () => {
    await using scooters = await fleet();
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    for (const command of [
      ['APPEND', 'scooter:1', 'x'],
      ['EXPIRE', 'scooter:1', '1'],
      ['RENAME', 'scooter:1', 'other'],
      ['DEL', 'scooter:1', 'other'],
    ])
      expect(await client.command(...command)).toMatch(/^-ERR SLUICE_MANAGED /);
    expect(await client.command('HSET', 'scooter:1', 'color', 'red')).toMatch(/^-ERR .*has no column in scooters/);
    expect(await client.command('HSET', 'scooter:1', 'lat')).toMatch(/^-ERR wrong number of arguments/);
    expect(await client.command('HINCRBY', 'scooter:1', 'battery', 'x')).toMatch(/^-ERR value is not an integer/);
    const [, refused, aborted] = await client.pipeline([['MULTI'], ['HSET', 'scooter:1', 'lat', '1'], ['EXEC']]);
    expect(refused).toMatch(/^-ERR SLUICE_MANAGED a transaction cannot have/);
    expect(aborted).toMatch(/^-EXECABORT/);
  });

  it('survive FLUSHALL, and are no keys of the store', async () => {
    await using scooters = await fleet({ minDelay: '300ms', maxDelay: '400ms' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.command('HSET', 'scooter:1', 'lat', '1');
    expect(await client.command('DBSIZE')).toBe(':0\r\n');
    expect(await client.command('FLUSHALL')).toBe('+OK\r\n');
    await eventually(() => expect(scooters.row('1')).toMatchObject({ lat: 1 }));
  });

  it('are written once for many changes', async () => {
    await using scooters = await fleet({ minDelay: '300ms', maxDelay: '300ms' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    for (let i = 1; i <= 500; i++) client.send('HSET', 'scooter:1', 'battery', String(i));
    for (let i = 1; i <= 500; i++) expect(await client.next()).toBe(i === 1 ? ':1\r\n' : ':0\r\n');
    await eventually(() => expect(scooters.row('1')).toMatchObject({ battery: 500 }));
    const metrics = await (await fetch(`http://${node.admin}/metrics`)).text();
    const written = Number(/sluice_write_behind_rows_written_total{.*} (\d+)/.exec(metrics)?.[1]);
    expect(written).toBeGreaterThanOrEqual(1);
    expect(written).toBeLessThanOrEqual(5);
    expect(metrics).toMatch(/sluice_write_behind_accepted_total{.*} 500/);
  });

  it('set aside the one that the table can never take, and write the others', async () => {
    await using scooters = await fleet({ minDelay: '100ms', maxDelay: '150ms' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    await client.pipeline(
      Array.from({ length: 50 }, (_, i) => ['HSET', `scooter:${i}`, 'battery', i === 17 ? 'not a number' : String(i)]),
    );
    await eventually(() => expect(scooters.row('49')).toMatchObject({ battery: 49 }));
    await eventually(async () =>
      expect(await (await fetch(`http://${node.admin}/metrics`)).text()).toMatch(/set_aside_total{.*} 1/),
    );
    const count = scooters.database.prepare('select count(*) as n from scooters').get() as { n: number };
    expect(Number(count.n)).toBe(49);
    expect(scooters.row('17')).toBeUndefined();
  });

  it('wait while the table is not there, and are written when it is', async () => {
    await using scooters = await fleet({}, 'create table other (a)');
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    expect(await client.command('HSET', 'scooter:1', 'lat', '1')).toBe(':1\r\n');
    await eventually(async () =>
      expect(await (await fetch(`http://${node.admin}/metrics`)).text()).toMatch(/write_behind_stopped{.*} 1/),
    );
    expect(await client.command('HSET', 'scooter:1', 'lat', '2')).toBe(':0\r\n');
    scooters.database.exec(TABLE);
    await eventually(() => expect(scooters.row('1')).toMatchObject({ lat: 2 }), { timeoutMs: 20_000 });
  });

  it('are refused beyond maxPending', async () => {
    await using scooters = await fleet({ maxPending: 3, minDelay: '1h', maxDelay: '1h' });
    await using node = await startNode(scooters.config);
    await using client = await connect(node);
    let i = 0;
    await eventually(async () =>
      expect(await client.command('HSET', `scooter:${i++}`, 'lat', '1')).toMatch(
        /^-ERR SLUICE_OVERLOADED .* wait to be written/,
      ),
    );
    expect(i).toBeLessThan(1000);
  });

  it('are written at the end, and those that cannot be are kept for the next start', async () => {
    await using scooters = await fleet({ minDelay: '1h', maxDelay: '1h' });
    {
      await using node = await startNode(scooters.config);
      await using client = await connect(node);
      await client.command('HSET', 'scooter:1', 'lat', '1');
    }
    expect(scooters.row('1')).toMatchObject({ lat: 1 });
    scooters.database.exec('alter table scooters rename to away');
    {
      await using node = await startNode(scooters.config);
      await using client = await connect(node);
      await client.command('HSET', 'scooter:1', 'lat', '2');
    }
    scooters.database.exec('alter table away rename to scooters');
    expect(scooters.row('1')).toMatchObject({ lat: 1 });
    {
      await using node = await startNode(scooters.config);
      await using client = await connect(node);
      expect(await client.command('HGET', 'scooter:1', 'lat')).toBe('$1\r\n2\r\n');
    }
    expect(scooters.row('1')).toMatchObject({ lat: 2 });
  });
});
