import { describe, expect, it } from 'vitest';
import { EntryClass } from '../../src/store/engine/entry-class.ts';
import { tempDir } from '../support/temp-dir.ts';
import { openEngine, read, write } from './support/open-engine.ts';

describe('the journal', () => {
  it('under commit acknowledges what is on disk, and puts what comes meanwhile into one group', async () => {
    await using folder = await tempDir();
    await using opened = await openEngine(folder.path);
    const { engine, journal } = opened;
    const took: number[] = [];
    journal.observeCommit = (milliseconds) => took.push(milliseconds);
    const first = write(opened, ({ user }) => user.strings.set('a', '1'));
    expect(journal.committed).toBe(0);
    // The turn ends, the first group is on its way; these five gather behind it.
    await new Promise((done) => setImmediate(done));
    const others = Array.from({ length: 5 }, (_, i) => write(opened, ({ user }) => user.strings.set(`k${i}`, 'v')));
    await first;
    expect(journal.committed).toBe(1);
    await Promise.all(others);
    expect(journal.committed).toBe(6);
    expect(journal.stats()).toMatchObject({ groups: 2, effects: 6, pendingBytes: 0, failures: 0, problem: '' });
    expect(took).toHaveLength(2);
    expect(engine.state).toBe('ready');
  });

  it('makes a reader wait for what it reveals, and nobody for anything else', async () => {
    await using folder = await tempDir();
    await using opened = await openEngine(folder.path);
    const { engine, journal } = opened;
    await write(opened, ({ user }) => user.strings.set('old', '1'));
    const writing = write(opened, ({ user }) => user.strings.set('new', '2'));
    expect(read(opened, 'old')).toBe('1');
    expect(engine.revealed).toBeLessThanOrEqual(journal.committed);
    expect(read(opened, 'new')).toBe('2');
    expect(engine.revealed).toBeGreaterThan(journal.committed);
    await writing;
    expect(engine.revealed).toBeLessThanOrEqual(journal.committed);
  });

  it('under memory acknowledges at once and writes behind that', async () => {
    await using folder = await tempDir();
    {
      await using opened = await openEngine(folder.path, { durability: 'memory' });
      const { engine, journal } = opened;
      engine.begin();
      engine.user.strings.set('k', 'v');
      expect(engine.revealed).toBeLessThan(journal.committed);
      expect(journal.stats().groups).toBe(0);
      await journal.drain();
      expect(journal.stats().groups).toBe(1);
      engine.user.strings.set('last', 'words');
      await opened.close();
    }
    await using opened = await openEngine(folder.path);
    expect(read(opened, 'k')).toBe('v');
    expect(read(opened, 'last')).toBe('words');
  });

  it('does not write cached entries, and knows when one takes the place of a stored one', async () => {
    await using folder = await tempDir();
    let seq: number;
    {
      await using opened = await openEngine(folder.path);
      const { engine, journal } = opened;
      await write(opened, ({ user }) => {
        user.strings.set('stored', 'v');
        user.strings.set('replaced', 'v');
        user.hashes.set('replaced too', 'f', 'v');
      });
      const cached = { entryClass: EntryClass.cached };
      engine.begin();
      engine.user.strings.set('cached', 'v', cached);
      // Nothing on its way to the disk, so there is nothing to wait for.
      expect(engine.revealed).toBeLessThanOrEqual(journal.committed);
      await write(opened, ({ user }) => {
        user.strings.set('replaced', 'cached', cached);
        user.strings.set('replaced too', 'cached', cached);
        user.strings.set('cached', 'v2', cached);
        user.strings.set('after', 'v');
      });
      seq = engine.changes.seq;
    }
    await using opened = await openEngine(folder.path);
    expect(['stored', 'replaced', 'replaced too', 'cached', 'after'].map((key) => read(opened, key))).toEqual([
      'v',
      undefined,
      undefined,
      undefined,
      'v',
    ]);
    expect(opened.engine.changes.seq).toBe(seq);
  });

  it('goes on counting after a restart, and what was read from disk reveals nothing', async () => {
    await using folder = await tempDir();
    for (let life = 1; life <= 3; life++) {
      await using opened = await openEngine(folder.path);
      expect(opened.engine.changes.seq).toBe(life - 1);
      expect(read(opened, 'k')).toBe(life === 1 ? undefined : `${life - 1}`);
      expect(opened.engine.revealed).toBe(0);
      await write(opened, ({ user }) => user.strings.set('k', `${life}`));
      expect(opened.engine.changes.seq).toBe(life);
    }
  });

  it('tells a waiter at once what is already durable', async () => {
    await using folder = await tempDir();
    await using opened = await openEngine(folder.path);
    await write(opened, ({ user }) => user.strings.set('k', 'v'));
    let told = 0;
    opened.journal.onCommitted(1, { committed: () => told++ });
    expect(told).toBe(1);
  });

  it('closed once or twice, holds everything and takes no more', async () => {
    await using folder = await tempDir();
    await using opened = await openEngine(folder.path);
    const { engine } = opened;
    engine.begin();
    for (let i = 0; i < 1000; i++) engine.user.strings.set(`k${i}`, 'v');
    await Promise.all([opened.close(), opened.close()]);
    await opened.close();
    expect(() => engine.requireWritable()).toThrow('writes are refused: the store is closed');
    await using again = await openEngine(folder.path);
    expect(again.engine.user.size).toBe(1000);
  });
});
