/**
 * A fleet of scooters that report their positions all the time, Sluice, and a table that sees far fewer writes. Sluice is killed in the middle
 * (kill -9) and started again. Ends by itself: every row of the table must equal the last position that was accepted, else the status is 1.
 *
 *   node run.mjs
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DatabaseSync } from '@photostructure/sqlite';
import { createClient } from 'redis';

const SCOOTERS = Number(process.env.SCOOTERS ?? 2000);
/** Seconds before the kill, and after it. */
const [BEFORE, AFTER] = (process.env.SECONDS_EACH ?? '8,8').split(',').map(Number);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'scooters-'));
const file = join(folder, 'fleet.db');
const [HTTP_PORT, RESP_PORT, ADMIN_PORT] = [await freePort(), await freePort(), await freePort()];
const environment = { HTTP_PORT, RESP_PORT, ADMIN_PORT, FOLDER: folder, FLEET_URL: `sqlite:${file}` };

const database = new DatabaseSync(file);
database.exec(`pragma journal_mode = wal;
  create table scooters (id text primary key, lat real, lon real, battery integer, sluice_version integer)`);

let sluice;
process.on('exit', () => {
  sluice?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** What was accepted of each scooter, and what was sent after that and may have been. */
const fleet = Array.from({ length: SCOOTERS }, (_, id) => ({ id, accepted: undefined, unknown: [] }));
let accepted = 0;
let lost = 0;
let riding = true;

sluice = startSluice();
say('starting Sluice (built first when that was not done yet) …');
await until(async () => (await fetch(`http://127.0.0.1:${ADMIN_PORT}/ready`)).ok, 'Sluice is ready', 300_000);

const client = createClient({
  url: `redis://127.0.0.1:${RESP_PORT}`,
  disableOfflineQueue: true,
  socket: { reconnectStrategy: 100 },
});
client.on('error', () => undefined);
await client.connect();
const rides = fleet.map(ride);
const reports = setInterval(report, 1000);

await sleep(BEFORE * 1000);
say('kill -9 of Sluice, in the middle of it');
sluice.kill('SIGKILL');
await sleep(500);
sluice = startSluice();
await sleep(AFTER * 1000);

riding = false;
await Promise.all(rides);
clearInterval(reports);
say('the scooters stand still; what waits is written');
await until(async () => (await metric('sluice_write_behind_pending')) === 0, 'nothing waits', 30_000);
await report();

const rows = new Map(
  database
    .prepare('select id, lat, lon, battery from scooters')
    .all()
    .map((row) => [Number(row.id), row]),
);
const wrong = fleet.filter(({ id, accepted: last, unknown }) => {
  const row = rows.get(id);
  const is = (position) =>
    position === undefined
      ? row === undefined
      : row !== undefined && row.lat === position.lat && row.lon === position.lon && row.battery === position.battery;
  return !is(last) && !unknown.some(is);
});
const sample = fleet[0].accepted;
const read = await client.hGetAll('scooter:0');
const isRead = Number(read.lat) === sample.lat || fleet[0].unknown.length > 0;
client.destroy();
say(
  `${accepted} positions accepted, ${lost} of unknown fate, ${SCOOTERS} rows; ${wrong.length} rows are not the last accepted position`,
);
say(wrong.length === 0 && isRead ? 'all as it should be' : `wrong: ${JSON.stringify(wrong[0])}`);
process.exit(wrong.length === 0 && isRead ? 0 : 1);

/** One scooter: reports about once a second, at random. */
async function ride(scooter) {
  const position = { lat: 59.33, lon: 18.06, battery: 100 };
  while (riding) {
    await sleep(-Math.log(1 - Math.random()) * 1000);
    position.lat = Math.round((position.lat + (Math.random() - 0.5) / 1000) * 1e6) / 1e6;
    position.lon = Math.round((position.lon + (Math.random() - 0.5) / 1000) * 1e6) / 1e6;
    position.battery = Math.max(0, position.battery - (Math.random() < 0.1 ? 1 : 0));
    const sent = { ...position };
    scooter.unknown.push(sent);
    try {
      await client.hSet(`scooter:${scooter.id}`, {
        lat: `${sent.lat}`,
        lon: `${sent.lon}`,
        battery: `${sent.battery}`,
      });
      accepted++;
      scooter.accepted = sent;
      scooter.unknown.length = 0;
    } catch {
      lost++;
    }
  }
}

async function report() {
  const [written, lag, pending] = await Promise.all([
    metric('sluice_write_behind_rows_written_total'),
    metric('sluice_write_behind_lag_seconds'),
    metric('sluice_write_behind_pending'),
  ]).catch(() => []);
  if (written === undefined) say('  Sluice is away');
  else
    say(
      `  ${accepted} positions accepted; ${written} rows written since its start, ${pending} wait, the oldest for ${lag.toFixed(1)} s`,
    );
}

async function metric(name) {
  const page = await (await fetch(`http://127.0.0.1:${ADMIN_PORT}/metrics`)).text();
  return Number(new RegExp(`^${name}{.*} (.+)$`, 'm').exec(page)?.[1]);
}

function startSluice() {
  const args = [here('../../scripts/bootstrap.mjs'), 'start', '--config', here('sluice.yaml')];
  const env = {
    ...process.env,
    ...Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, `${value}`])),
  };
  return spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function until(holds, what, ms) {
  const deadline = Date.now() + ms;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(100);
  }
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
