import { hashSecret } from '../../config/secret.ts';
import { exitOk, usageError } from '../exit-status.ts';
import { readStandardInput } from '../standard-input.ts';

/** `sluice hash-secret`. */
export async function printHash(): Promise<number> {
  const text = (await readStandardInput(64 * 1024)).toString('utf8').replace(/\r?\n$/, '');
  if (text === '' || text.includes('\n')) throw usageError('expected the secret as one line on standard input');
  process.stdout.write(`${await hashSecret(text)}\n`);
  return exitOk;
}
