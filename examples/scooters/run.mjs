/**
 * A fleet of scooters that report their positions all the time, Sluice, and a table that sees far fewer writes. Sluice is killed in the middle
 * (kill -9) and started again; later the database goes away for a while. Ends by itself: every row must be the last report that was accepted,
 * else the status is 1.
 *
 *   node run.mjs               SQLite: nothing to install
 *   node run.mjs --postgres    a PostgreSQL of its own, from the programs that are installed
 *   FLEET_URL=postgres://user:password@host/database node run.mjs
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Board } from './board.mjs';
import { openDatabase, seed } from './database.mjs';
import { connect, Fleet } from './fleet.mjs';
import { Ledger } from './ledger.mjs';
import { findPython, PythonFleet } from './python-fleet.mjs';
import { Reader } from './reader.mjs';
import { Sluice } from './sluice.mjs';
import { say } from './tools.mjs';

const { values: flags } = parseArgs({ options: { postgres: { type: 'boolean' } } });
const SCOOTERS = Number(process.env.SCOOTERS ?? 2000);
/** Seconds: before Sluice is killed, after that, without the database, after that. */
const [FIRST, SECOND, AWAY, LAST] = (process.env.SECONDS_EACH ?? '8,8,4,8').split(',').map(Number);

const folder = mkdtempSync(join(tmpdir(), 'scooters-'));
const atEnd = [() => rmSync(folder, { recursive: true, force: true })];
process.on('exit', () => {
  for (const end of atEnd.reverse()) end();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const ledger = new Ledger(SCOOTERS, Math.ceil(SCOOTERS / 10));
const database = await openDatabase({ url: process.env.FLEET_URL || undefined, ownPostgres: flags.postgres, folder });
await seed(database, ledger);
say(
  `the database is ${database.name}; it knows ${SCOOTERS / 2} scooters of ${SCOOTERS}, and ${ledger.size - SCOOTERS} that are parked`,
);

const sluice = await Sluice.make(join(folder, 'data'), database.url);
atEnd.push(() => sluice.killNow());
say('starting Sluice (built first when that was not done yet) …');
await sluice.start();

const fleets = await startFleets();
const reader = new Reader(await connect(sluice.ports.resp), `http://127.0.0.1:${sluice.ports.http}`, ledger);
reader.start();
const board = new Board(sluice, ledger, reader);
board.start();

await sleep(FIRST * 1000);
await board.look();
say('\nkill -9 of Sluice, in the middle of it');
await sluice.kill();
const killed = performance.now();
await sluice.start();
say(`Sluice is there again, after ${((performance.now() - killed) / 1000).toFixed(1)} s`);
await sleep(SECOND * 1000);
await database.away(AWAY);
await sleep(LAST * 1000);

await Promise.all(fleets.map((fleet) => fleet.stop()));
await reader.stop();
await board.stop();
say('\nthe scooters stand still; sluice flush --wait');
say(await sluice.flush('60s'));
await board.look(30_000);
const status = Object.values(await sluice.status(30_000));

const { accepted, unknown, trips, rides } = ledger.counts;
const { written, loaded } = board;
const { answers, overHttp, parked, unanswered, wrong } = reader;
say(
  `${accepted} reports accepted, ${unknown} of unknown fate; rows written: ${written}, one for ${(accepted / written).toFixed(1)} reports`,
);
say(`${trips} trips and ${rides} rides accepted`);
say(
  `${answers} reads answered, ${overHttp} of them over HTTP, ${parked} of parked scooters; ${unanswered} not answered`,
);
say(`${loaded} rows were read from the table, because Sluice did not know them\n`);
let failed = 0;
const rows = (columns, table) => database.query(`select ${columns} from ${table}`);
check(
  'every row is the last accepted report, or a later one of unknown fate',
  ledger.wrongRows(await rows('*', 'example_scooters')),
);
check('every accepted trip is in the table once', ledger.wrongTrips(await rows('scooter, trip', 'example_trips')));
check(
  'every city has the accepted rides, and unknown ones at most',
  ledger.wrongCities(await rows('city, rides', 'example_cities')),
);
check('every read had what was accepted or read before it', wrong);
const left = status.filter(({ pending, deadLetters }) => pending + deadLetters > 0);
check(
  'nothing waits, and nothing was set aside',
  left.map((one) => JSON.stringify(one)),
);
await database.close();
say(failed === 0 ? '\nall as it should be' : `\nnot as it should be; Sluice said:\n${sluice.printed}`);
process.exit(failed === 0 ? 0 : 1);

/** A tenth of the scooters speaks Python, where that can be. */
async function startFleets() {
  const python = findPython();
  const count = python === undefined ? 0 : Math.floor(SCOOTERS / 10);
  const first = SCOOTERS - count;
  const nodeFleet = new Fleet(
    await connect(sluice.ports.resp),
    ledger,
    Array.from({ length: first }, (_, id) => id),
  );
  nodeFleet.start();
  if (python === undefined) {
    say(`${SCOOTERS} scooters with node-redis; none with redis-py: python3 -c "import redis" does not work here\n`);
    return [nodeFleet];
  }
  const pythonFleet = new PythonFleet(python, sluice.ports.resp, ledger, { first, count });
  atEnd.push(() => pythonFleet.kill());
  say(`${first} scooters with node-redis, ${count} with redis-py\n`);
  return [nodeFleet, pythonFleet];
}

function check(what, wrong) {
  say(
    `${wrong.length === 0 ? 'ok    ' : 'WRONG '} ${what}${wrong.length === 0 ? '' : `: ${wrong.length} are not, such as ${wrong[0]}`}`,
  );
  failed += wrong.length;
}
