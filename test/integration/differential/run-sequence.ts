import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import type { RawResp } from '../../support/raw-resp.ts';
import { sameReply, startsIteration } from './compare.ts';
import { checkRandom, isRandom, makeEqual, population } from './random-replies.ts';
import { contents, isError, parseReply, type RespNode } from './resp-node.ts';
import { ask, type Side } from './sides.ts';
import { compareState } from './state.ts';
import { type CommandStep, type Sequence, type Step, showStep } from './step.ts';

/** The server that is right by definition, and the one under test. */
export interface Pair {
  readonly reference: Side;
  readonly target: Side;
}

export interface Mismatch {
  /** The index of the step; the number of steps when the data differ in the end. */
  readonly at: number;
  readonly what: string;
  readonly reference: string;
  readonly target: string;
}

/** Sends the sequence to both servers. Undefined when all replies, and the data at the end, are the same. */
export async function runSequence(pair: Pair, sequence: Sequence): Promise<Mismatch | undefined> {
  await both(pair, (side) => ask(side, 'FLUSHALL'));
  try {
    const run = new Run(pair, sequence);
    return (await run.steps()) ?? (await stateMismatch(pair, sequence));
  } finally {
    await both(pair, (side) => side.closeClients());
  }
}

async function stateMismatch(pair: Pair, { steps }: Sequence): Promise<Mismatch | undefined> {
  const difference = await compareState(pair.reference, pair.target);
  return difference && { at: steps.length, ...difference };
}

async function both<T>({ reference, target }: Pair, work: (side: Side) => Promise<T>): Promise<[T, T]> {
  return await Promise.all([work(reference), work(target)]);
}

const scans = new Set(['scan', 'sscan', 'hscan', 'zscan']);

/** A word that stands for the connection id of a client. */
const idOf = /^\$id(\d)$/;

const nameOf = (argv: readonly string[]): string => (argv[0] ?? '').toLowerCase();

class Run {
  readonly #pair: Pair;
  readonly #sequence: Sequence;
  /** The commands each client has queued; absent outside a transaction. */
  readonly #transactions = new Map<number, (readonly string[])[]>();
  /** The blocked command of each client. */
  readonly #later = new Map<number, CommandStep>();
  /** Connection ids of the clients of each side; only when the sequence names some. */
  readonly #ids = new Map<Side, string[]>();
  readonly #namesIds: boolean;
  #pings = 0;

  constructor(pair: Pair, sequence: Sequence) {
    this.#pair = pair;
    this.#sequence = sequence;
    this.#namesIds = sequence.steps.some((step) => 'argv' in step && step.argv.some((word) => idOf.test(word)));
  }

  async steps(): Promise<Mismatch | undefined> {
    const { steps } = this.#sequence;
    for (let at = 0; at < steps.length; ) {
      const batch = this.#batch(at);
      const mismatch = batch.length > 1 ? await this.#pipeline(at, batch) : await this.#single(at, steps[at] as Step);
      if (mismatch !== undefined) return mismatch;
      at += Math.max(1, batch.length);
    }
    return undefined;
  }

  /** The plain commands of one client from here on, which are sent in one write. */
  #batch(at: number): CommandStep[] {
    const batch: CommandStep[] = [];
    for (const step of this.#sequence.steps.slice(at)) {
      if (!('argv' in step) || step.reply !== undefined || this.#sequence.pushes) break;
      if (batch[0] !== undefined && batch[0].client !== step.client) break;
      if (isRandom(step.argv) || scans.has(nameOf(step.argv))) break;
      batch.push(step);
    }
    return batch;
  }

  async #single(at: number, step: Step): Promise<Mismatch | undefined> {
    if ('sleepMs' in step) {
      await sleep(step.sleepMs);
      return undefined;
    }
    if ('take' in step) {
      const command = this.#later.get(step.take);
      if (command === undefined) throw new Error(`client ${step.take} waits for nothing`);
      this.#later.delete(step.take);
      const replies = await both(this.#pair, async (side) => (await side.client(step.take)).next());
      return this.#compare(at, command, ...replies);
    }
    if (step.reply !== undefined) {
      await this.#clients(step.client);
      await both(this.#pair, async (side) => (await side.client(step.client)).send(...this.#words(side, step)));
      if (step.reply === 'none') return undefined;
      this.#later.set(step.client, step);
      await both(this.#pair, (side) => waitForBlocked(side, this.#later.size));
      return undefined;
    }
    if (this.#sequence.pushes) return await this.#withPushes(at, step);
    const transaction = this.#transactions.has(step.client);
    if (isRandom(step.argv)) return transaction ? await this.#inside(at, step) : await this.#random(at, step);
    if (scans.has(nameOf(step.argv)) && startsIteration(step.argv) && !transaction) return await this.#scan(at, step);
    return await this.#pipeline(at, [step]);
  }

  /** Opens the connections and speaks HELLO on those that are new. */
  async #clients(client: number): Promise<[RawResp, RawResp]> {
    for (const side of [this.#pair.reference, this.#pair.target]) {
      for (let index = side.opened(); index <= client; index++) {
        const connection = await side.client(index);
        if (this.#sequence.protocol === 3) await connection.command('HELLO', '3');
        if (!this.#namesIds) continue;
        const ids = this.#ids.get(side) ?? [];
        ids.push(parseReply(await connection.command('CLIENT', 'ID')).text);
        this.#ids.set(side, ids);
      }
    }
    return await both(this.#pair, (side) => side.client(client));
  }

  /** The words for this side: connection ids are the server's own. */
  #words(side: Side, { argv }: CommandStep): readonly string[] {
    if (!this.#namesIds) return argv;
    return argv.map((word) => word.replace(idOf, (_, client: string) => this.#ids.get(side)?.[Number(client)] ?? '0'));
  }

  async #pipeline(at: number, batch: readonly CommandStep[]): Promise<Mismatch | undefined> {
    const { client = 0 } = batch[0] ?? {};
    await this.#clients(client);
    const [mine, theirs] = await both(this.#pair, async (side) => {
      const commands = batch.map((step) => this.#words(side, step));
      return await tryPipeline(await side.client(client), commands);
    });
    for (const [i, step] of batch.entries()) {
      const mismatch = this.#compare(at + i, step, mine[i] ?? '(no reply)', theirs[i] ?? '(no reply)');
      if (mismatch !== undefined) return mismatch;
    }
    return undefined;
  }

  #compare(at: number, step: CommandStep, reference: string, target: string): Mismatch | undefined {
    const queued = this.#transactions.get(step.client);
    const same = sameReply(step.argv, reference, target, queued);
    this.#follow(step, reference);
    return same ? undefined : { at, what: showStep(step), reference, target };
  }

  /** Keeps track of transactions by the answers of the reference. */
  #follow({ client, argv }: CommandStep, reply: string): void {
    const name = nameOf(argv);
    const queued = this.#transactions.get(client);
    if (reply === '+QUEUED\r\n') queued?.push(argv);
    else if (name === 'multi' && reply === '+OK\r\n') this.#transactions.set(client, []);
    else if (['exec', 'discard', 'reset'].includes(name) && !reply.startsWith('-ERR'))
      this.#transactions.delete(client);
  }

  /** SPOP in a transaction would make the data differ; the others are compared by form when EXEC answers. */
  async #inside(at: number, step: CommandStep): Promise<Mismatch | undefined> {
    return nameOf(step.argv) === 'spop' ? undefined : await this.#pipeline(at, [step]);
  }

  async #random(at: number, step: CommandStep): Promise<Mismatch | undefined> {
    const { reference: side } = this.#pair;
    const before = await population(side, step.argv);
    const [mine, theirs] = await this.#clients(step.client);
    const [reference, target] = await Promise.all([mine.command(...step.argv), theirs.command(...step.argv)]);
    const mismatch = this.#compare(at, step, reference, target);
    if (mismatch !== undefined) return mismatch;
    const problem = checkRandom(step.argv, parseReply(target), before);
    if (problem !== undefined) return { at, what: `${showStep(step)}: ${problem}`, reference, target };
    if (nameOf(step.argv) === 'spop') await makeEqual(side, this.#pair.target, step.argv[1] ?? '');
    return undefined;
  }

  async #scan(at: number, step: CommandStep): Promise<Mismatch | undefined> {
    const clients = await this.#clients(step.client);
    const [mine, theirs] = await Promise.all(clients.map((client) => iterate(client, step.argv)));
    const [reference, target] = [mine ?? '', theirs ?? ''];
    return reference === target ? undefined : { at, what: `${showStep(step)} (whole iteration)`, reference, target };
  }

  /** Not in a transaction, which would queue the ping; not after CLIENT CACHING, which is about the next command. */
  #mayPingAfter({ client, argv }: CommandStep): boolean {
    const name = nameOf(argv);
    if (name === 'client') return argv[1]?.toLowerCase() !== 'caching';
    return name === 'exec' || name === 'discard' || (name !== 'multi' && !this.#transactions.has(client));
  }

  async #withPushes(at: number, step: CommandStep): Promise<Mismatch | undefined> {
    const [mine, theirs] = await this.#clients(step.client);
    if (!this.#mayPingAfter(step)) return await this.#pipeline(at, [step]);
    const token = `ping-${this.#pings++}`;
    const opened = this.#pair.reference.opened();
    const received = await both(this.#pair, async (side) => {
      const frames: string[][] = [];
      const own = side === this.#pair.reference ? mine : theirs;
      own.send(...this.#words(side, step));
      frames[step.client] = [...(await upToPing(own, token))];
      // What is told at the end of the server's turn may come after the answer to the first ping.
      frames[step.client]?.push(...(await upToPing(own, `${token}b`)));
      for (let index = 0; index < opened; index++) {
        if (index === step.client || this.#transactions.has(index)) continue;
        frames[index] = await upToPing(await side.client(index), token);
      }
      return frames;
    });
    this.#follow(step, received[0][step.client]?.[0] ?? '');
    for (let index = 0; index < opened; index++) {
      const [reference, target] = received.map((frames) => inOrder(step.argv, frames[index] ?? [])) as [
        string[],
        string[],
      ];
      const same =
        reference.length === target.length && reference.every((r, i) => sameReply(step.argv, r, target[i] ?? ''));
      if (!same) {
        const what = `${showStep(step)} (received by client ${index})`;
        return { at, what, reference: reference.join(''), target: target.join('') };
      }
    }
    return undefined;
  }
}

/** The replies up to the point where the server closed the connection, if it does. */
async function tryPipeline(client: RawResp, commands: readonly (readonly string[])[]): Promise<string[]> {
  const replies: string[] = [];
  const sent = commands.map((argv) => client.send(...argv));
  for (const _ of sent) {
    const reply = await client.next().catch((error: Error) => error);
    if (typeof reply !== 'string') return [...replies, `(${reply.message})`];
    replies.push(reply);
  }
  return replies;
}

async function waitForBlocked(side: Side, count: number): Promise<void> {
  await eventually(async () => {
    const info = contents(await ask(side, 'INFO', 'clients'));
    if (!info.includes(`blocked_clients:${count}\r\n`))
      throw new Error(`INFO clients does not say ${count} are blocked: ${info}`);
  });
}

/** Stands for the end of a connection among what was received. */
const closed = '(closed)';

/** All frames before the answer to a ping, in the form of any protocol and mode. */
async function upToPing(client: RawResp, token: string): Promise<string[]> {
  const bulk = `$${token.length}\r\n${token}\r\n`;
  const frames: string[] = [];
  client.send('PING', token);
  for (;;) {
    const frame = client.socket.destroyed ? closed : await client.next().catch(() => closed);
    if (frame === closed) return [...frames, closed];
    if (frame === bulk || frame === `*2\r\n$4\r\npong\r\n${bulk}`) return frames;
    frames.push(frame);
  }
}

/** Frames whose order Redis does not promise, sorted. */
function inOrder(argv: readonly string[], frames: readonly string[]): string[] {
  const name = nameOf(argv);
  // One message may match several patterns.
  if (name === 'publish') return [...frames].sort();
  // Without arguments all end, in the order of a hash table; the counts still go down one by one.
  if ((name === 'unsubscribe' || name === 'punsubscribe') && argv.length === 1) {
    const counts = frames.map((frame) => frame.slice(frame.lastIndexOf(':')));
    const heads = frames.map((frame) => frame.slice(0, frame.lastIndexOf(':'))).sort();
    return heads.map((head, i) => head + counts[i]);
  }
  return sortedRuns(frames, (frame) =>
    /^(>2\r\n\$10\r\ninvalidate|\*3\r\n\$7\r\nmessage\r\n\$20\r\n__redis__:inv)/.test(frame),
  );
}

/** What one command invalidates is told key by key, in the order the server happens to change them. */
function sortedRuns(frames: readonly string[], belongs: (frame: string) => boolean): string[] {
  const result: string[] = [];
  let run: string[] = [];
  for (const frame of frames) {
    if (belongs(frame)) {
      run.push(frame);
      continue;
    }
    result.push(...run.sort(), frame);
    run = [];
  }
  return [...result, ...run.sort()];
}

/** Everything a SCAN finds, once and sorted; or the error. */
async function iterate(client: RawResp, argv: readonly string[]): Promise<string> {
  const name = nameOf(argv);
  const cursorAt = name === 'scan' ? 1 : 2;
  const found = new Set<string>();
  let cursor = '0';
  for (let page = 0; page < 100_000; page++) {
    const words = argv.map((word, i) => (i === cursorAt ? cursor : word));
    const bytes = await client.command(...words);
    const reply = parseReply(bytes);
    const [next, elements] = reply.items ?? [];
    if (isError(reply) || next === undefined || elements?.items === undefined) return bytes;
    for (const element of elementsOf(name, elements.items)) found.add(element);
    cursor = contents(next);
    if (cursor === '0') return [...found].sort().join('\n');
  }
  throw new Error(`${name} does not come to an end`);
}

function elementsOf(name: string, items: readonly RespNode[]): string[] {
  const texts = items.map(({ type, text }) => type + text);
  if (name === 'scan' || name === 'sscan') return texts;
  return texts.flatMap((text, i) => (i % 2 === 0 ? [`${text} = ${texts[i + 1]}`] : []));
}
