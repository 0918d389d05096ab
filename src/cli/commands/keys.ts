import { SluiceError } from '../../errors.ts';
import { type ByteString, bytesToUtf8, fromBuffer, toBuffer, utf8ToBytes } from '../../kernel/bytes.ts';
import { durationForm, parseDuration } from '../../kernel/duration.ts';
import { exitFailed, exitOk, usageError } from '../exit-status.ts';
import { nodeTarget } from '../node-target.ts';
import { RespClient } from '../resp-client.ts';
import { readStandardInput } from '../standard-input.ts';

type Options = Readonly<Record<string, unknown>>;

/** The largest value any configuration allows. */
const maxValueBytes = 256 * 1024 * 1024;

/** `sluice keys get KEY`. */
export async function getKey(options: Options, [key]: readonly string[]): Promise<number> {
  await using client = await RespClient.open(await nodeTarget(options, 'resp'));
  const value = await client.call('GET', utf8ToBytes(key as string));
  if (value === null) {
    process.stderr.write(`sluice: there is no key ${JSON.stringify(key)}\n`);
    return exitFailed;
  }
  await writeOut(toBuffer(text(value)));
  return exitOk;
}

/** `sluice keys set KEY VALUE|-`. */
export async function setKey(options: Options, [key, given]: readonly string[]): Promise<number> {
  const ttl = options['ttl'] as string | undefined;
  const ttlMs = ttl === undefined ? undefined : parseDuration(ttl);
  if (ttl !== undefined && (ttlMs === undefined || ttlMs === 0)) {
    throw usageError(`--ttl: expected ${durationForm}, above 0; found ${JSON.stringify(ttl)}`);
  }
  const target = await nodeTarget(options, 'resp');
  const value = given === '-' ? fromBuffer(await readStandardInput(maxValueBytes)) : utf8ToBytes(given as string);
  await using client = await RespClient.open(target);
  const words: ByteString[] = ['SET', utf8ToBytes(key as string), value];
  if (ttlMs !== undefined) words.push('PX', String(ttlMs));
  if (options['ifAbsent'] === true) words.push('NX');
  if ((await client.call(...words)) !== null) return exitOk;
  process.stderr.write(`sluice: ${JSON.stringify(key)} exists and was not changed\n`);
  return exitFailed;
}

/** `sluice keys del KEY…`. */
export async function deleteKeys(options: Options, keys: readonly string[]): Promise<number> {
  await using client = await RespClient.open(await nodeTarget(options, 'resp'));
  const count = await client.call('DEL', ...keys.map(utf8ToBytes));
  process.stdout.write(`${text(count)}\n`);
  return exitOk;
}

/** `sluice keys scan [PATTERN]`. */
export async function scanKeys(options: Options, [pattern = '*']: readonly string[]): Promise<number> {
  const limit = countOption(options['limit'] as string | undefined);
  const nullEnded = options['null'] === true;
  await using client = await RespClient.open(await nodeTarget(options, 'resp'));
  let cursor: ByteString = '0';
  let left = limit;
  // A key may come twice while the table of the node is being resized.
  const seen = new Set<ByteString>();
  do {
    const reply = await client.call('SCAN', cursor, 'MATCH', utf8ToBytes(pattern), 'COUNT', '1000');
    if (!Array.isArray(reply) || !Array.isArray(reply[1]))
      throw new SluiceError('PROTOCOL', 'the reply to SCAN is not one');
    cursor = text(reply[0]);
    const lines: Buffer[] = [];
    for (const item of reply[1] as readonly unknown[]) {
      const key = text(item);
      if (left === 0 || seen.has(key)) continue;
      seen.add(key);
      left--;
      lines.push(nullEnded ? toBuffer(`${key}\0`) : Buffer.from(`${printable(key)}\n`));
    }
    await writeOut(Buffer.concat(lines));
  } while (cursor !== '0' && left > 0);
  return exitOk;
}

function countOption(given: string | undefined): number {
  if (given === undefined) return Number.POSITIVE_INFINITY;
  const count = /^\d{1,15}$/.test(given) ? Number(given) : 0;
  if (count === 0) throw usageError(`--limit: expected a whole number above 0; found ${JSON.stringify(given)}`);
  return count;
}

/** A key on one line of a terminal: control characters, and bytes that are no UTF-8, as `\xNN`, a backslash as `\\`. */
function printable(key: ByteString): string {
  const decoded = bytesToUtf8(key);
  const asHex = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  if (decoded.includes('\uFFFD')) return key.replaceAll('\\', '\\\\').replace(/[^\x20-\x7e]/g, asHex);
  return decoded.replaceAll('\\', '\\\\').replace(/[\x00-\x1f\x7f-\x9f]/g, asHex);
}

function text(reply: unknown): ByteString {
  if (typeof reply === 'string' || typeof reply === 'number' || typeof reply === 'bigint') return String(reply);
  throw new SluiceError('PROTOCOL', 'the node answered with a reply of another type than the command has');
}

function writeOut(bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(bytes, () => resolve());
  });
}
