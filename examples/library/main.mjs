/**
 * A page counter that survives restarts, in a program of its own: no listener, no other process.
 *
 *   node main.mjs [PAGE]     counts a visit and tells what is known
 */
import { isSluiceError, openSluice } from 'sluice';

const page = process.argv[2] ?? 'home';

let sluice;
try {
  // One process owns a folder at a time. The default durability, `commit`, survives a kill -9.
  sluice = await openSluice({ data: './counter-data', maxBytes: '64MiB' });
} catch (error) {
  if (!isSluiceError(error, 'DATA_LOCKED')) throw error;
  console.error('another counter is running in this folder');
  process.exit(1);
}

try {
  // Resolves when the addition is on disk.
  const visits = await sluice.incr(`visits:${page}`);

  // Only the first caller of a minute gets 'created'; later ones are refused until the key expires.
  const outcome = await sluice.set(`seen:${page}`, new Date().toISOString(), { ttl: 60_000, onlyIf: 'absent' });

  console.log(`${page}: ${visits} visits${outcome === 'created' ? ', the first of this minute' : ''}`);

  // Keys and values are bytes.
  for await (const key of sluice.scan('visits:*')) {
    const value = await sluice.get(key);
    console.log(`  ${Buffer.from(key)} = ${Buffer.from(value ?? [])}`);
  }
} finally {
  await sluice.close();
}
