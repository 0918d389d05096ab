import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Defects that the campaign has to notice; each replaces one piece of text, found exactly once, in a copy of the built program.
 * `tamper`: flips one byte of a stored value between two lives, which only a checksum can notice.
 */
export const mutants = [
  {
    name: 'acknowledges before the commit',
    file: 'store/engine/journal.js',
    from: "if (!this.#waits || this.#failure !== '')",
    to: 'if (true)',
  },
  {
    name: 'replays what the image already contains',
    file: 'store/engine/recovery.js',
    from: 'else if (seq > this.newest || seq > this.#upto(frame.space, frame.key))',
    to: 'else',
  },
  {
    name: 'trims changes that the image does not contain',
    file: 'store/engine/checkpoint.js',
    from: 'await this.#journal.trim(begun)',
    to: 'await this.#journal.trim(this.#engine.changes.seq)',
  },
  {
    name: 'forgets the deletes',
    file: 'store/engine/journal.js',
    from: 'if (!change.durable)',
    to: 'if (!change.durable || change.op === 2)',
  },
  {
    name: 'does not check the checksums',
    file: 'store/engine/journal-file.js',
    from: "if (groupCrc(group) !== row['crc'])",
    to: 'if (false)',
    tamper: flipOneByte,
  },
];

/** Puts one defect into a copy of `dist`. @returns the folder of the copy and a function that removes it. */
export function mutate(root, mutant) {
  const base = mkdtempSync(join(tmpdir(), 'sluice-mutant-'));
  const dist = join(base, 'dist');
  cpSync(join(root, 'dist'), dist, { recursive: true });
  cpSync(join(root, 'package.json'), join(base, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(base, 'node_modules'));
  const file = join(dist, mutant.file);
  const source = readFileSync(file, 'utf8');
  if (source.split(mutant.from).length !== 2)
    throw new Error(`mutant "${mutant.name}": ${mutant.file} does not hold exactly one ${mutant.from}`);
  writeFileSync(file, source.replace(mutant.from, mutant.to));
  return { dist, remove: () => rmSync(base, { recursive: true, force: true }) };
}

/** Changes one byte of a value in each of the newest groups of the log, in a database that SQLite finds in order. */
export async function flipOneByte(dataDir, root) {
  const { loadSqlite } = await import(pathToFileURL(join(root, 'dist', 'store', 'engine', 'sqlite.js')).href);
  const database = (await loadSqlite())(join(dataDir, 'sluice.db'));
  let flipped = 0;
  for (const { seq, effects } of database.prepare('SELECT seq, effects FROM log ORDER BY seq DESC LIMIT 50').all()) {
    const bytes = Buffer.from(effects);
    const at = bytes.indexOf('....');
    if (at < 0) continue;
    bytes[at + 1] ^= 1;
    database.prepare('UPDATE log SET effects = ? WHERE seq = ?').run(bytes, seq);
    flipped++;
  }
  database.close();
  if (flipped === 0) throw new Error('no value to damage was found in the log');
}
