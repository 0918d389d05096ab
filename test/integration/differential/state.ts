import { sameReply } from './compare.ts';
import { contents, parseReply } from './resp-node.ts';
import type { Side } from './sides.ts';
import { showCommand } from './step.ts';

/** How the whole value of each type is read. */
const readers: Readonly<Record<string, (key: string) => readonly string[]>> = {
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  hash: (key) => ['HGETALL', key],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
};

/** The first difference between the data of the two servers: keys, types, values or times of expiry. */
export async function compareState(
  reference: Side,
  target: Side,
): Promise<{ what: string; reference: string; target: string } | undefined> {
  const ask = async (commands: readonly (readonly string[])[]) => {
    const [mine, theirs] = await Promise.all([
      reference.observer.pipeline(commands),
      target.observer.pipeline(commands),
    ]);
    for (const [i, argv] of commands.entries()) {
      if (sameReply(argv, mine[i] ?? '', theirs[i] ?? '')) continue;
      return { what: `afterwards ${showCommand(argv)}`, reference: mine[i] ?? '', target: theirs[i] ?? '' };
    }
    return mine;
  };
  // Not DBSIZE: it counts keys that have expired until they are swept.
  const list = await ask([['KEYS', '*']]);
  if (!Array.isArray(list)) return list;
  const keys = (parseReply(list[0] ?? '').items ?? []).map(contents);
  const facts = await ask(
    keys.flatMap((key) => [
      ['TYPE', key],
      ['PEXPIRETIME', key],
    ]),
  );
  if (!Array.isArray(facts)) return facts;
  const types = facts.filter((_, i) => i % 2 === 0).map((reply) => parseReply(reply).text);
  const values = await ask(keys.map((key, i) => readers[types[i] ?? '']?.(key) ?? ['TYPE', key]));
  return Array.isArray(values) ? undefined : values;
}
