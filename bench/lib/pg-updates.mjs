/**
 * `node bench/lib/pg-updates.mjs URL CONNECTIONS KEYS SECONDS STATEMENT`: runs a prepared statement over and over by so many connections of
 * the package `pg`, each one after the other; its only parameter is a random whole number below KEYS. Prints what came of it as one line of JSON.
 */
import pg from 'pg';
import { below } from './data.mjs';

const [url, connections, keys, seconds, text] = process.argv.slice(2);
const clients = await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  }),
);
const times = [];
const started = performance.now();
const until = started + Number(seconds) * 1000;
await Promise.all(
  clients.map(async (client) => {
    for (let from = performance.now(); from < until; ) {
      const { rowCount } = await client.query({ name: 'update', text, values: [below(Number(keys))] });
      if (rowCount !== 1) throw new Error(`${rowCount} rows were updated`);
      const now = performance.now();
      times.push(now - from);
      from = now;
    }
  }),
);
const took = (performance.now() - started) / 1000;
await Promise.all(clients.map((client) => client.end()));
times.sort((a, b) => a - b);
const percentile = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];
console.log(
  JSON.stringify({
    ...{ operations: times.length, seconds: took, rate: times.length / took },
    ...{ p50: percentile(0.5), p99: percentile(0.99), max: times.at(-1) },
  }),
);
