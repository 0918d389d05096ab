import { contents, isError, isNil, type RespNode } from './resp-node.ts';
import { ask, type Side } from './sides.ts';

const randomCommands = new Set(['spop', 'srandmember', 'hrandfield', 'randomkey']);

/** Whether the reply to this command is chosen at random. */
export function isRandom(argv: readonly string[]): boolean {
  return randomCommands.has((argv[0] ?? '').toLowerCase());
}

/** What a random choice may choose from: members, `field\0value` pairs, or keys. */
export async function population(side: Side, argv: readonly string[]): Promise<ReadonlySet<string>> {
  const name = (argv[0] ?? '').toLowerCase();
  const key = argv[1] ?? '';
  if (name === 'randomkey') return new Set(texts(await ask(side, 'KEYS', '*')));
  const wanted = name === 'hrandfield' ? 'hash' : 'set';
  if ((await ask(side, 'TYPE', key)).text !== wanted) return new Set();
  if (wanted === 'set') return new Set(texts(await ask(side, 'SMEMBERS', key)));
  const pairs = texts(await ask(side, 'HGETALL', key));
  return new Set(pairs.flatMap((text, i) => (i % 2 === 0 ? [text, `${text}\0${pairs[i + 1]}`] : [])));
}

/** What is wrong with a random choice that has the right form. */
export function checkRandom(
  argv: readonly string[],
  reply: RespNode,
  population: ReadonlySet<string>,
): string | undefined {
  if (isError(reply) || isNil(reply)) return undefined;
  const withValues = argv.length === 4;
  const flat = texts(reply);
  const chosen = withValues ? flat.flatMap((text, i) => (i % 2 === 0 ? [`${text}\0${flat[i + 1]}`] : [])) : flat;
  const stranger = chosen.find((text) => !population.has(text));
  if (stranger !== undefined) return `${JSON.stringify(stranger)} is not there to be chosen`;
  const repeats = argv[2]?.startsWith('-') ?? false;
  if (!repeats && new Set(chosen).size !== chosen.length) return 'an element was chosen twice';
  return undefined;
}

/** Gives both servers the reference's set again after each has popped other members. */
export async function makeEqual(reference: Side, target: Side, key: string): Promise<void> {
  if ((await ask(reference, 'TYPE', key)).text !== 'set') return;
  const members = texts(await ask(reference, 'SMEMBERS', key));
  const deadline = (await ask(reference, 'PEXPIRETIME', key)).text;
  for (const side of [reference, target]) {
    await ask(side, 'DEL', key);
    await ask(side, 'SADD', key, ...members);
    if (deadline !== '-1') await ask(side, 'PEXPIREAT', key, deadline);
  }
}

function texts(reply: RespNode): string[] {
  return reply.items === undefined ? [contents(reply)] : reply.items.flatMap(texts);
}
