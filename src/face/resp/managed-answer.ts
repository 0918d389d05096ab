import { type ManagedCommand, managedCommand } from '../../command/managed-commands.ts';
import { SluiceError } from '../../errors.ts';
import type { ByteString } from '../../kernel/bytes.ts';
import { errorFrame, Slot, type SlotOwner } from './slot.ts';

/** A key of a read-through keyspace. */
export interface ManagedTarget {
  readonly keyspace: { readonly name: string };
}

/** What the face needs of read-through keys. @throws SluiceError, from `read` and `purge` also as rejections */
export interface ManagedReads<Target extends ManagedTarget = ManagedTarget> {
  /** Undefined for a key of no keyspace. */
  find(key: ByteString): Target | undefined;
  /** The value; undefined when the origin has none. At once where the cache knows. */
  read(
    target: Target,
  ): { readonly value: ByteString | undefined } | Promise<{ readonly value: ByteString | undefined }>;
  /** @returns how many had a value that was kept */
  purge(targets: readonly Target[]): Promise<number>;
}

/** What the answers need of the client. */
export interface ManagedClient extends SlotOwner {
  readonly managed: ManagedReads;
  readonly proto: 2 | 3;
  answer(text: ByteString): void;
  answerBulk(value: ByteString | null): void;
  /** Takes the place of a reply that is still to come. */
  await(slot: Slot): void;
  /**
   * The client reads these keys: one that tracks what it reads must hear of their changes.
   * @returns does it once more, behind the change that a fetch is; undefined for a client that tracks nothing
   * @throws SluiceError MANAGED_KEY where nobody would tell of them
   */
  remember(keys: readonly ByteString[]): (() => void) | undefined;
  /** Runs a command on one key of no keyspace. @returns the frame of its reply */
  runPlain(argv: readonly ByteString[]): Promise<ByteString>;
}

type Targets = readonly (ManagedTarget | undefined)[];

/** Longest reply put together here. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024;

/**
 * Answers a command some of whose keys are read through.
 * @param positions of its keys
 * @returns false: none of them is, or it is to be done to what is kept, as it is
 * @throws SluiceError MANAGED_KEY for a command that is not for such keys
 */
export function answerManaged(
  client: ManagedClient,
  argv: readonly ByteString[],
  name: string,
  positions: readonly number[],
  inTransaction: boolean,
): boolean {
  const { managed } = client;
  let first: ManagedTarget | undefined;
  const targets: Targets = positions.map((position) => {
    const target = managed.find(argv[position] as ByteString);
    first ??= target;
    return target;
  });
  if (first === undefined) return false;
  const row = requireRow(name, first, inTransaction);
  if (row.does === 'look') return false;
  const isOfOne = name === 'get' || name === 'strlen';
  // Words too many: the error is the ordinary one.
  if (isOfOne && argv.length !== 2) return false;
  const read = row.does === 'read' ? positions.map((position) => argv[position] as ByteString) : [];
  const again = client.remember(read);
  if (isOfOne) answerOne(client, name, first, again);
  else answerMany(client, argv, name, targets, again);
  return true;
}

function requireRow(name: string, { keyspace }: ManagedTarget, inTransaction: boolean): ManagedCommand {
  const row = managedCommand(name);
  const where = `keys of ${JSON.stringify(keyspace.name)}, whose values come from their origin`;
  if (row === undefined) throw new SluiceError('MANAGED_KEY', `'${name}' is not for ${where}`);
  if (inTransaction) throw new SluiceError('MANAGED_KEY', `a transaction cannot have ${where}`);
  return row;
}

function answerOne(client: ManagedClient, name: string, target: ManagedTarget, again: (() => void) | undefined): void {
  const answer = client.managed.read(target);
  if (!(answer instanceof Promise)) {
    if (name === 'get') client.answerBulk(answer.value ?? null);
    else client.answer(lengthFrame(answer.value));
    return;
  }
  const slot = new Slot(client, 'none');
  client.await(slot);
  const nil = nilOf(client);
  answer.then(
    ({ value }) => {
      again?.();
      slot.settle(name === 'get' ? bulkFrame(value, nil) : lengthFrame(value));
    },
    (error: unknown) => slot.settle(errorFrame(error)),
  );
}

function answerMany(
  client: ManagedClient,
  argv: readonly ByteString[],
  name: string,
  targets: Targets,
  again: (() => void) | undefined,
): void {
  const slot = new Slot(client, 'none');
  client.await(slot);
  const keys = argv.slice(1);
  const reply =
    name === 'mget'
      ? mget(client, keys, targets)
      : name === 'exists'
        ? exists(client, keys, targets)
        : purge(client, name, keys, targets);
  reply.then(
    (frame) => {
      again?.();
      slot.settle(frame);
    },
    (error: unknown) => slot.settle(errorFrame(error)),
  );
}

async function mget(client: ManagedClient, keys: readonly ByteString[], targets: Targets): Promise<ByteString> {
  const nil = nilOf(client);
  let bytes = 0;
  const frames = await Promise.all(
    keys.map(async (key, i) => {
      const target = targets[i];
      const frame =
        target === undefined
          ? await client.runPlain(['GET', key])
          : bulkFrame((await client.managed.read(target)).value, nil);
      bytes += frame.length;
      if (bytes > MAX_REPLY_BYTES)
        throw new SluiceError('VALUE_TOO_LARGE', `the reply is longer than ${MAX_REPLY_BYTES} bytes`);
      // A key of another type is absent to MGET; every other error is one of the whole command.
      if (frame.startsWith('-WRONGTYPE')) return nil;
      return frame;
    }),
  );
  return frames.find((frame) => frame.startsWith('-')) ?? `*${frames.length}\r\n${frames.join('')}`;
}

async function exists(client: ManagedClient, keys: readonly ByteString[], targets: Targets): Promise<ByteString> {
  const frames = await Promise.all(
    keys.map(async (key, i) => {
      const target = targets[i];
      if (target === undefined) return client.runPlain(['EXISTS', key]);
      return (await client.managed.read(target)).value === undefined ? ':0\r\n' : ':1\r\n';
    }),
  );
  return sum(frames);
}

async function purge(
  client: ManagedClient,
  name: string,
  keys: readonly ByteString[],
  targets: Targets,
): Promise<ByteString> {
  // All at once, and watched at once: one that fails must not go unheard while the others are waited for.
  const [purged, ...others] = await Promise.all([
    client.managed.purge(targets.filter((target) => target !== undefined)),
    ...keys.filter((_, i) => targets[i] === undefined).map((key) => client.runPlain([name.toUpperCase(), key])),
  ]);
  return sum([`:${purged}\r\n`, ...others]);
}

/** The sum of integer replies, or the first error among them. */
function sum(frames: readonly ByteString[]): ByteString {
  const error = frames.find((frame) => frame.startsWith('-'));
  return error ?? `:${frames.reduce((total, frame) => total + Number(frame.slice(1, -2)), 0)}\r\n`;
}

function nilOf({ proto }: ManagedClient): ByteString {
  return proto === 3 ? '_\r\n' : '$-1\r\n';
}

function bulkFrame(value: ByteString | undefined, nil: ByteString): ByteString {
  return value === undefined ? nil : `$${value.length}\r\n${value}\r\n`;
}

function lengthFrame(value: ByteString | undefined): ByteString {
  return `:${value?.length ?? 0}\r\n`;
}
