import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RespConnection } from '../support/resp.mjs';
import { Ledger, TableWatch } from './ledger.mjs';
import { eventually, sleep, startProcess, temporaryFolder } from './servers.mjs';
import { rowOf, Writer } from './writer.mjs';

const WRITERS = 4;
/** How long a batch may take, ms. */
const TIMEOUT = 700;
/** How long it may take until everything is written when all is well again, ms. */
const DRAIN = 120_000;
/** Rows that are read over RESP at the end. */
const SAMPLE = 2_000;

/** Nodes over one store and one database with clients that write to them: what is killed, and what is looked at afterwards. */
export class Lane {
  ledger = new Ledger();
  watch = new TableWatch();
  /** What was done, by name. */
  done = {};
  problems = [];
  #parts;
  #folder = temporaryFolder('sluice-fault-wb-');
  #nodes = [];
  #writers = [];
  #tables;
  #config;
  #isOver = false;
  #watching;
  #late = 0;

  /** @param parts { dist, id, database, relay, redis, nodes, random, shapes, fence } */
  constructor(parts) {
    this.#parts = parts;
    const names = ['rows', 'counts', 'totals', 'events', 'fences'];
    this.#tables = Object.fromEntries(names.map((name) => [name, `${name}_${parts.id}`]));
  }

  async start() {
    const { database, relay, redis, nodes, random, id, shapes, fence } = this.#parts;
    const { text, integer, serial } = database;
    const { rows, counts, totals, events, fences } = this.#tables;
    const key = `id ${text} primary key`;
    const version = `sluice_version ${integer}`;
    await database.run(`create table ${rows} (${key}, n ${integer}, a ${integer}, b ${integer}, ${version})`);
    await database.run(`create table ${counts} (${key}, n ${integer}, ${version})`);
    await database.run(`create table ${totals} (${key}, n ${integer}, ${version})`);
    await database.run(
      `create table ${events} (place ${serial}, id ${text} not null, n ${integer}, sluice_id ${text} unique)`,
    );
    await database.run(`create table ${fences} (name ${text} primary key, epoch ${integer} not null)`);
    const delays = [
      `minDelay: 10ms, maxDelay: 40ms, maxBatch: 250, timeout: ${TIMEOUT}ms`,
      ...(fence ? [`fence: ${fences}`] : []),
    ].join(', ');
    const more = {
      row: '',
      counter: `  - match: "total:*"
    writeBehind: { shape: counter, sink: fleet, table: ${totals}, key: id, columns: [n], ${delays} }
`,
      record: `  - match: "event:*"
    writeBehind: { shape: record, sink: fleet, table: ${events}, key: id, columns: [n], ${delays} }
`,
    };
    this.#config = join(this.#folder.path, 'sluice.yaml');
    const store = redis === undefined ? 'embedded' : `redis://127.0.0.1:${redis.port}/${id % 16}`;
    const url = JSON.stringify(database.url(relay?.port));
    writeFileSync(
      this.#config,
      `store: ${store}
checkpoint: { logBytes: 1MiB }
connections: { fleet: { url: ${url}, connectTimeout: 500ms } }
keyspaces:
  - match: "row:*"
    writeBehind: { sink: fleet, table: ${rows}, key: id, columns: [n, a, b], ${delays} }
  - match: "count:*"
    writeBehind: { sink: fleet, table: ${counts}, key: id, columns: [n], ${delays} }
${shapes.map((shape) => more[shape]).join('')}`,
    );
    mkdirSync(join(this.#folder.path, 'cwd'));
    this.#nodes = Array.from({ length: nodes }, (_, number) => ({ number, process: undefined, ports: undefined }));
    await Promise.all(this.#nodes.map((node) => this.#startNode(node)));
    this.#writers = Array.from({ length: WRITERS }, (_, number) => {
      const address = () => {
        const ready = this.#nodes.filter(({ ports }) => ports !== undefined);
        return ready[Math.floor(random() * ready.length)]?.ports.resp;
      };
      const settleMs = redis === undefined ? 0 : 150;
      return new Writer({ name: `w${number}`, ledger: this.ledger, random, address, shapes, settleMs });
    });
    for (const writer of this.#writers) writer.start();
    this.#watching = this.#watch();
  }

  /** Kills one node, and starts it again; sometimes it is killed while it starts. @returns how many kills that were */
  async killNode() {
    const { random, redis } = this.#parts;
    const node = this.#nodes[Math.floor(random() * this.#nodes.length)];
    let kills = 1;
    await this.#stopNode(node, 'SIGKILL');
    if (redis === undefined && random() < 0.3) this.#spoil(node);
    while (random() < 0.15) {
      const starting = this.#spawn(node);
      await sleep(random() * 500);
      await starting.kill();
      kills++;
      this.#count('kills of a node that starts');
    }
    await this.#startNode(node);
    this.#count('kills of a node', kills);
    return kills;
  }

  /** Ends one node as a service manager does, and starts it again. */
  async stopNode() {
    const node = this.#nodes[Math.floor(this.#parts.random() * this.#nodes.length)];
    const status = await this.#stopNode(node, 'SIGTERM');
    if (status !== 0 && status !== 75 && status !== 3)
      this.problems.push({ kind: 'exit', key: '', text: `the status ${status} after SIGTERM` });
    this.#count(`SIGTERM, status ${status}`);
    await this.#startNode(node);
  }

  /**
   * Stops one node where it is for longer than what it has claimed is left to it. What was written through it just before is deleted through
   * the others meanwhile: it may not come back when the node goes on.
   */
  async freezeNode(ms) {
    const { random, relay } = this.#parts;
    const node = this.#nodes[Math.floor(random() * this.#nodes.length)];
    const { ports } = node;
    const names = Array.from({ length: 40 }, () => `frozen-${this.#late++}`);
    await this.#quiet();
    const connection = await RespConnection.connect(ports.resp);
    // So that it is likely to stand in the middle of a transaction.
    relay?.slow(10 + random() * 10, 500);
    for (const key of names)
      await this.#send(connection, ['HSET', `row:${key}`, 'n', '1', 'b', '1'], this.ledger.write(key));
    await sleep(20 + random() * 150);
    node.ports = undefined;
    node.process.signal('SIGSTOP');
    connection.close();
    for (const writer of this.#writers) writer.pause(false);
    await sleep(ms);
    const other = this.#nodes.find(({ ports: others }) => others !== undefined);
    const way = await RespConnection.connect(other.ports.resp);
    for (const key of names) await this.#send(way, ['DEL', `row:${key}`], this.ledger.remove(key));
    way.close();
    await sleep(1_000);
    node.process.signal('SIGCONT');
    node.ports = ports;
    this.#count('frozen past the lease');
  }

  /** Something happens to the way to the database. */
  trouble() {
    const { relay, random } = this.#parts;
    if (relay === undefined) return;
    const long = TIMEOUT * (0.6 + random());
    const kinds = {
      'cut after COMMIT was sent': () => relay.atCommit('cut'),
      'no answer to COMMIT': () => relay.atCommit('swallow'),
      'COMMIT arrives late': () => relay.atCommit('hold', long),
      'cut before COMMIT': () => relay.atCommit('drop'),
      'connections cut': () => relay.cut(),
      'black hole': () => relay.blackHole(long),
      'half-open': () => relay.halfOpen(),
      'everything arrives late': () => relay.hold(long),
      slow: () => relay.slow(5 + random() * 30, 400),
    };
    const names = Object.keys(kinds);
    const name = names[Math.floor(random() * names.length)];
    kinds[name]();
    // What is to happen at a COMMIT counts when it has happened.
    if (!name.includes('COMMIT')) this.#count(name);
  }

  /**
   * A row is written, its COMMIT arrives late, and the row is deleted meanwhile. Nothing else is written at that time: the transaction that is
   * late would hold up the other rows, and the deletion with them.
   */
  async deleteBefore() {
    const { relay, random } = this.#parts;
    if (relay === undefined) return;
    await this.#quiet();
    const port = this.#nodes.find(({ ports }) => ports !== undefined)?.ports.resp;
    let connection = await RespConnection.connect(port);
    try {
      const key = `late-${this.#late++}`;
      relay.atCommit('hold', TIMEOUT * (1.5 + 2 * random()));
      await this.#send(connection, ['HSET', `row:${key}`, 'n', '1', 'b', '1'], this.ledger.write(key));
      await sleep(150);
      if (random() < 0.4) {
        // The transaction belongs to a process that is gone.
        connection.close();
        const [node] = this.#nodes;
        await this.#stopNode(node, 'SIGKILL');
        await this.#startNode(node);
        connection = await RespConnection.connect(node.ports.resp);
        this.#count('kills of a node');
      }
      await this.#send(connection, ['DEL', `row:${key}`], this.ledger.remove(key));
      await sleep(TIMEOUT * 2);
      this.#count('deleted before a late COMMIT');
    } finally {
      connection.close();
      for (const writer of this.#writers) writer.pause(false);
    }
  }

  /** Nobody writes any more, and nothing waits. */
  async #quiet() {
    for (const writer of this.#writers) writer.pause(true);
    this.#parts.relay?.heal();
    const look = async () => {
      if ((await this.#pending()) > 0) throw new Error('rows wait');
    };
    // When other rows wait for long there are other troubles.
    await eventually(look, 5_000).catch(() => {});
    await sleep(120);
  }

  async #send(connection, command, change) {
    try {
      const [reply] = await connection.send([command]);
      if (reply instanceof Error) throw reply;
      this.ledger.ok(change);
    } catch {
      this.ledger.lost(change);
    }
  }

  /** All is well again: waits until everything is written, and compares. */
  async finish() {
    const { relay } = this.#parts;
    for (const writer of this.#writers) await writer.stop();
    relay?.heal();
    for (const node of this.#nodes) if (node.process.isOver) await this.#startNode(node);
    this.#isOver = true;
    await this.#watching;
    const until = performance.now() + DRAIN;
    for (;;) {
      const pending = await this.#pending().catch(() => undefined);
      const before = this.ledger.problems.length;
      if (pending === 0) {
        if (await this.#compare().catch(() => false)) break;
        if (performance.now() < until) this.ledger.problems.length = before;
      }
      if (performance.now() > until) {
        this.problems.push({ kind: 'unwritten', key: '', text: `${pending} rows wait after ${DRAIN / 1000} s` });
        await this.#compare();
        break;
      }
      // What was lost does not come.
      if (pending === 0 && performance.now() > until - DRAIN + 10_000) {
        await this.#compare();
        break;
      }
      await sleep(100);
    }
    await this.#readBack();
    this.problems.push(...this.ledger.problems, ...this.watch.problems);
    const atCommit = {
      cut: 'cut after COMMIT was sent',
      swallow: 'no answer to COMMIT',
      hold: 'COMMIT arrived late',
      drop: 'cut before COMMIT',
    };
    for (const [what, count] of Object.entries(relay?.done ?? {})) this.#count(atCommit[what], count);
    for (const { errors } of this.#writers) for (const [text, count] of errors) this.#count(`answered: ${text}`, count);
    if (this.problems.length > 0) this.log = this.#nodes.map((node) => node.process.output()).join('\n');
  }

  async close() {
    this.#isOver = true;
    for (const writer of this.#writers) await writer.stop();
    await Promise.all(this.#nodes.map((node) => node.process?.kill()));
    await this.#watching;
    const { database } = this.#parts;
    for (const table of Object.values(this.#tables))
      await database.run(`drop table if exists ${table}`).catch(() => {});
    this.#folder.remove();
  }

  #count(name, by = 1) {
    this.done[name] = (this.done[name] ?? 0) + by;
  }

  #spawn(node) {
    const { dist } = this.#parts;
    const args = [
      'start',
      '--config',
      this.#config,
      '--http',
      'off',
      '--resp',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
    ];
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLUICE_')));
    node.process = startProcess(
      process.execPath,
      [join(dist, 'cli', 'main.js'), ...args, '--data', this.#dataOf(node)],
      { cwd: join(this.#folder.path, 'cwd'), env },
    );
    return node.process;
  }

  async #startNode(node) {
    const running = this.#spawn(node);
    const addressOf = (name) => {
      const match = new RegExp(`${name}\\W+(?:\\w+://)?127\\.0\\.0\\.1:(\\d+)\\D`, 'i').exec(
        running.output().replace(/\u001b\[[\d;]*m/g, ''),
      );
      if (match === null) throw new Error(`no address of ${name}:\n${running.output()}`);
      return Number(match[1]);
    };
    const started = performance.now();
    const ports = await eventually(async () => {
      if (running.isOver) return undefined;
      return { resp: addressOf('resp'), admin: addressOf('admin') };
    }, 30_000);
    if (ports === undefined) throw new Error(`a node did not start:\n${running.output()}`);
    await eventually(async () => {
      if (running.isOver) throw new Error(`a node ended:\n${running.output()}`);
      const connection = await RespConnection.connect(ports.resp);
      try {
        const [reply] = await connection.send([['HGETALL', 'row:none']]);
        if (reply instanceof Error) throw reply;
      } finally {
        connection.close();
      }
    }, 30_000);
    node.ports = ports;
    this.slowestStart = Math.max(this.slowestStart ?? 0, performance.now() - started);
  }

  async #stopNode(node, signal) {
    node.ports = undefined;
    return await node.process.kill(signal);
  }

  #dataOf({ number }) {
    return join(this.#folder.path, `data-${number}`);
  }

  /** Bytes behind the end of the write-ahead log of the store, as a write that was torn leaves them. */
  #spoil(node) {
    const file = join(this.#dataOf(node), 'sluice.db-wal');
    if (!existsSync(file)) return;
    const { random } = this.#parts;
    const length = 1 + Math.floor(random() * 9000);
    const { size } = statSync(file);
    let bytes = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
    if (random() < 0.5 && size > 8_000) bytes = readFileSync(file).subarray(32 + 4120, 32 + 4120 + length);
    appendFileSync(file, bytes);
    this.#count('garbage behind the -wal');
  }

  async #watch() {
    const { database } = this.#parts;
    const hot = this.#writers.flatMap((writer) => writer.hot);
    const list = hot.map((key) => `'${key}'`).join(',');
    while (!this.#isOver) {
      try {
        const rows = await database.run(`select id, n from ${this.#tables.rows} where id in (${list})`);
        this.watch.look(hot, new Map(rows.map(({ id, n }) => [id, Number(n)])));
      } catch {
        // The database is away.
      }
      await sleep(100);
    }
  }

  async #pending() {
    const [{ ports }] = this.#nodes;
    const metrics = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text();
    const pending = [...metrics.matchAll(/^sluice_write_behind_pending\{.*\} (\d+)$/gm)];
    if (pending.length === 0) throw new Error('no metric of rows that wait');
    return pending.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** @returns whether everything in the tables is as it must be */
  async #compare() {
    const { database } = this.#parts;
    const number = (value) => (value === null ? null : Number(value));
    const rows = new Map(
      (await database.run(`select id, n, a, b from ${this.#tables.rows}`)).map(({ id, n, a, b }) => [
        id,
        { n: number(n), a: number(a), b: number(b) },
      ]),
    );
    const counts = new Map(
      (await database.run(`select id, n from ${this.#tables.counts}`)).map(({ id, n }) => [id, Number(n)]),
    );
    let isRight = true;
    for (const key of this.ledger.rows) {
      if (!this.ledger.see(key, rows.get(key), 'in the table at the end', false)) isRight = false;
      rows.delete(key);
    }
    const totals = await database.run(`select id, n from ${this.#tables.totals}`);
    const sums = new Map(totals.map(({ id, n }) => [`total:${id}`, Number(n)]));
    for (const [id, n] of counts) sums.set(`count:${id}`, n);
    for (const key of this.ledger.counters) {
      if (!this.ledger.seeCounter(key, sums.get(key), 'in the table at the end')) isRight = false;
    }
    const records = await database.run(`select id, n from ${this.#tables.events} order by place`);
    for (const key of this.ledger.streams) {
      const found = records.filter(({ id }) => id === key).map(({ n }) => Number(n));
      if (!this.ledger.seeRecords(key, found, 'in the table at the end')) isRight = false;
    }
    for (const key of rows.keys()) {
      this.ledger.problems.push({ kind: 'invented', key, text: 'nobody has written this row' });
      isRight = false;
    }
    return isRight;
  }

  /** What is read over RESP at the end is right, too. */
  async #readBack() {
    const [{ ports }] = this.#nodes;
    const keys = [...this.ledger.rows];
    const step = Math.max(1, Math.floor(keys.length / SAMPLE));
    const sample = keys.filter((_, i) => i % step === 0);
    const connection = await RespConnection.connect(ports.resp);
    try {
      const replies = await connection.send(sample.map((key) => ['HGETALL', `row:${key}`]));
      for (const [i, key] of sample.entries()) {
        if (replies[i] instanceof Error)
          this.problems.push({ kind: 'unreadable', key, text: `at the end: ${replies[i].message}` });
        else this.ledger.see(key, rowOf(replies[i]), 'read at the end', false);
      }
    } finally {
      connection.close();
    }
  }
}
