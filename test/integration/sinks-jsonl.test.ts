import { appendFile, mkdir, open as openFile, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openJsonlSink } from '../../src/sink/jsonl/jsonl-sink.ts';
import type { LineHandle, OpenLineFile } from '../../src/sink/jsonl/line-file.ts';
import type { Sink, SinkRow } from '../../src/sink/sink.ts';
import { eventually } from '../support/eventually.ts';
import { startNode } from '../support/node.ts';
import { connectRaw } from '../support/raw-resp.ts';
import { failureOf, inTime, merge, remove, scooters, whole } from '../support/sink-rows.ts';
import { type TempDir, tempDir } from '../support/temp-dir.ts';

/** Lines of the file, each of which must be one. */
async function linesOf(file: string): Promise<{ key: { id: string }; version: number; values: object }[]> {
  const text = await readFile(file, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

const versionsIn = async (file: string): Promise<number[]> => (await linesOf(file)).map(({ version }) => version);

/** A disk with so many bytes left, which may also fail to sync; every handle tells what it did. */
class SmallDisk {
  left = Number.POSITIVE_INFINITY;
  syncs = 0;
  failSync = false;
  opened = 0;
  /** Makes every write so long, bytes. */
  most = Number.POSITIVE_INFINITY;

  readonly open: OpenLineFile = async (path, flags, mode) => {
    this.opened++;
    const handle = await openFile(path, flags, mode);
    const disk = this;
    const failing = (code: string): never => {
      throw Object.assign(new Error(`${code}: it failed`), { code });
    };
    return {
      read: handle.read.bind(handle) as LineHandle['read'],
      stat: handle.stat.bind(handle) as LineHandle['stat'],
      truncate: (size?: number) => handle.truncate(size),
      close: () => handle.close(),
      async datasync() {
        disk.syncs++;
        if (disk.failSync) failing('EIO');
        await handle.datasync();
      },
      write: (async (buffer: Buffer, at: number) => {
        const length = Math.min(buffer.length - at, disk.most, disk.left);
        if (length === 0) failing('ENOSPC');
        disk.left -= length;
        return handle.write(buffer, at, length);
      }) as LineHandle['write'],
    };
  };
}

describe('rows in a file of JSON lines', () => {
  let folder: TempDir;
  let file: string;
  let disk: SmallDisk;
  const sinks: Sink[] = [];
  beforeEach(async () => {
    folder = await tempDir();
    file = join(folder.path, 'changes.jsonl');
    disk = new SmallDisk();
  });
  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.close()));
    await folder[Symbol.asyncDispose]();
  });
  const open = (path = file): Sink => {
    const sink = openJsonlSink({ name: 'log', file: path, open: disk.open });
    sinks.push(sink);
    return sink;
  };
  const one = (version: number): SinkRow[] => [merge('a', version, { battery: String(version) })];

  test('are appended, one line each, and synced', async () => {
    const sink = open();
    expect(await sink.check(scooters, inTime())).toEqual([]);
    await sink.write(scooters, [merge('a', 1, { note: 'né\n' }), whole('b', 2, { lat: '1' })], inTime());
    expect(disk.syncs).toBe(1);
    await sink.write(scooters, [remove('a', 3)], inTime());
    expect(await linesOf(file)).toEqual([
      { table: 'scooters', key: { id: 'a' }, version: 1, change: 'merge', values: { note: 'né\n' } },
      {
        table: 'scooters',
        key: { id: 'b' },
        version: 2,
        change: 'whole',
        values: { lat: '1', battery: null, note: null },
      },
      { table: 'scooters', key: { id: 'a' }, version: 3, change: 'remove', values: {} },
    ]);
    expect(sink.explain(scooters, one(4))).toEqual([
      '{"table":"scooters","key":{"id":"a"},"version":4,"change":"merge","values":{"battery":"4"}}',
    ]);
    expect(sink.caveat).toMatch(/may be written again/);
  });

  test('are never glued to a line that a crash has torn', async () => {
    await open().write(scooters, one(1), inTime());
    for (const torn of ['{"table":"scooters","key":{"id"', '{', '\0\0\0\0', `{"a":"${'x'.repeat(200_000)}`]) {
      await appendFile(file, torn);
      const sink = open();
      await sink.check(scooters, inTime());
      expect(await versionsIn(file)).toEqual([1]);
    }
    // A whole line that has no end gets one.
    await appendFile(file, '{"key":{"id":"a"},"version":2,"values":{}}');
    await open().write(scooters, one(3), inTime());
    expect(await versionsIn(file)).toEqual([1, 2, 3]);
  });

  test('leave a file alone that is somebody else’s', async () => {
    for (const text of ['#!/bin/sh\nexit', 'PK\x03\x04', 'name,value\n1,2']) {
      await writeFile(file, text);
      const { kind, message } = await failureOf(open().write(scooters, one(1), inTime()));
      expect(kind).toBe('schema');
      expect(message).toBe(`${file}: its last line is not JSON: it is left as it is, name another file`);
      expect(await readFile(file, 'utf8')).toBe(text);
    }
  });

  test('go to a new file when the old one was moved away', async () => {
    const sink = open();
    await sink.write(scooters, one(1), inTime());
    await rename(file, `${file}.1`);
    await sink.write(scooters, one(2), inTime());
    await rename(file, `${file}.2`);
    await writeFile(file, '');
    await sink.write(scooters, one(3), inTime());
    await sink.write(scooters, one(4), inTime());
    expect(await versionsIn(`${file}.1`)).toEqual([1]);
    expect(await versionsIn(`${file}.2`)).toEqual([2]);
    expect(await versionsIn(file)).toEqual([3, 4]);
    expect(disk.opened).toBe(3);
    // Cut to nothing in place: what comes begins at the start.
    await writeFile(file, '');
    await sink.write(scooters, one(5), inTime());
    expect(await versionsIn(file)).toEqual([5]);
  });

  test('are not there in part when the disk is full', async () => {
    const sink = open();
    await sink.write(scooters, one(1), inTime());
    disk.left = 100;
    const batch = [merge('a', 2, { note: 'x' }), merge('b', 2, { note: 'y' })];
    for (let i = 0; i < 2; i++) {
      expect(await failureOf(sink.write(scooters, batch, inTime()))).toMatchObject({
        kind: 'transient',
        ambiguous: false,
        message: `${file}: the disk is full (ENOSPC)`,
      });
      expect(await versionsIn(file)).toEqual([1]);
    }
    disk.left = Number.POSITIVE_INFINITY;
    await sink.write(scooters, batch, inTime());
    expect(await versionsIn(file)).toEqual([1, 2, 2]);
  });

  test('are whole though the file takes a little at a time', async () => {
    disk.most = 7;
    await open().write(scooters, [merge('a', 1, { note: 'é'.repeat(50) }), merge('b', 2, {})], inTime());
    expect(await versionsIn(file)).toEqual([1, 2]);
  });

  test('are told as written only when the disk has them', async () => {
    const sink = open();
    await sink.write(scooters, one(1), inTime());
    disk.failSync = true;
    expect(await failureOf(sink.write(scooters, one(2), inTime()))).toMatchObject({
      kind: 'transient',
      ambiguous: true,
      message: `${file}: the disk failed (EIO)`,
    });
    expect(await versionsIn(file)).toEqual([1]);
    disk.failSync = false;
    const before = disk.opened;
    await sink.write(scooters, one(2), inTime());
    expect(disk.opened).toBe(before + 1);
    expect(await versionsIn(file)).toEqual([1, 2]);
  });

  test('of several keyspaces stand line by line in one file', async () => {
    const sink = open();
    disk.most = 11;
    const batches = Array.from({ length: 20 }, (_, i) => [merge('a', i + 1, {}), merge('b', i + 1, {})]);
    await Promise.all(batches.map((batch, i) => sink.write({ ...scooters, table: `t${i % 3}` }, batch, inTime())));
    expect(await versionsIn(file)).toEqual(batches.flatMap((_, i) => [i + 1, i + 1]));
  });

  test('wait for what somebody has to mend', async () => {
    const missing = join(folder.path, 'away', 'x.jsonl');
    const sink = open(missing);
    expect(await failureOf(sink.check(scooters, inTime()))).toMatchObject({
      kind: 'schema',
      message: `${missing}: its folder is not there (ENOENT)`,
    });
    await mkdir(join(folder.path, 'away'));
    await sink.write(scooters, one(1), inTime());
    expect(await versionsIn(missing)).toEqual([1]);
    expect(await failureOf(open(folder.path).check(scooters, inTime()))).toMatchObject({ kind: 'schema' });
    await symlink('/dev/null', join(folder.path, 'device'));
    const device = await failureOf(open(join(folder.path, 'device')).check(scooters, inTime()));
    expect(device.message).toMatch(/it is not a regular file/);
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  test('are refused when they are not text, or late, or there is a fence, or the sink is closed', async () => {
    const sink = open();
    const bad: SinkRow = { ...merge('x', 1, {}), values: new Map([['note', '\xff']]) };
    expect((await failureOf(sink.write(scooters, [...one(1), bad], inTime()))).kind).toBe('data');
    expect((await failureOf(sink.write(scooters, one(1), AbortSignal.abort()))).kind).toBe('transient');
    expect(await sink.check({ ...scooters, fence: 'fences' }, inTime())).toEqual([
      { problem: 'log is a file, which keeps no fence' },
    ]);
    expect(await versionsIn(file)).toEqual([]);
    await sink.close();
    expect((await failureOf(sink.write(scooters, one(1), inTime()))).kind).toBe('transient');
  });
});

describe('keyspaces that are written to a file of JSON lines', () => {
  test('have every change of a row in its order, over restarts and rotation', async () => {
    await using folder = await tempDir();
    const file = join(folder.path, 'changes.jsonl');
    const config = {
      resp: '127.0.0.1:0',
      store: 'embedded',
      data: join(folder.path, 'data'),
      connections: { log: `jsonl:${file}` },
      keyspaces: [
        {
          match: 'scooter:*',
          writeBehind: {
            sink: 'log',
            table: 'scooters',
            key: 'id',
            columns: ['lat', 'battery'],
            minDelay: '10ms',
            maxDelay: '30ms',
          },
        },
      ],
    };
    const seen: { key: { id: string }; version: number; values: object }[] = [];
    for (let round = 0; round < 3; round++) {
      {
        await using node = await startNode(config);
        const port = Number(node.resp.slice(node.resp.lastIndexOf(':') + 1));
        await using client = await connectRaw({ port });
        for (let i = 0; i < 50; i++) await client.command('HSET', `scooter:${i}`, 'lat', `${round}.${i}`);
        await eventually(async () => expect((await linesOf(file)).length).toBeGreaterThan(0));
        await client.command('HSET', 'scooter:7', 'battery', String(round));
      }
      await appendFile(file, '{"torn');
      await rename(file, `${file}.${round}`);
      const text = await readFile(`${file}.${round}`, 'utf8');
      seen.push(
        ...text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line)),
      );
      await writeFile(file, round === 0 ? '{"to' : '');
    }
    const rows = new Map<string, { version: number; values: Record<string, unknown> }>();
    for (const { key, version, values } of seen) {
      const known = rows.get(key.id);
      expect(version).toBeGreaterThan(known?.version ?? 0);
      rows.set(key.id, { version, values: { ...known?.values, ...values } });
    }
    expect(rows.size).toBe(50);
    for (let i = 0; i < 50; i++)
      expect(rows.get(String(i))?.values).toEqual({ lat: `2.${i}`, ...(i === 7 ? { battery: '2' } : {}) });
  });
});
