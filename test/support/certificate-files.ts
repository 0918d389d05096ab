import { execFile } from 'node:child_process';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tempDir } from './temp-dir.ts';

const run = promisify(execFile);

/** Makes certificates by openssl in a folder of its own: for 127.0.0.1 and localhost, signed by one authority. */
export interface CertificateMaker extends AsyncDisposable {
  readonly folder: string;
  /** PEM of the authority, and its file. */
  readonly ca: Buffer;
  readonly caFile: string;
  /** @param days how long it is valid; 0: it has just ended */
  readonly make: (subject: string, days?: number) => Promise<CertificateText>;
}

export interface CertificateText {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export async function certificateMaker(): Promise<CertificateMaker> {
  const folder = await tempDir('sluice-certificates-');
  const at = (name: string): string => join(folder.path, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-days', '300', '-subj', '/CN=Test authority'],
    ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
  ]);
  let made = 0;
  return {
    folder: folder.path,
    ca: await readFile(at('ca.pem')),
    caFile: at('ca.pem'),
    async make(subject, days = 100) {
      const name = `made-${++made}`;
      await run('openssl', [
        ...['req', ...newKey, '-subj', subject, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
        ...['-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)],
      ]);
      await run('openssl', [
        ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial'],
        ...['-days', String(days), '-copy_extensions', 'copyall', '-out', at(`${name}.pem`)],
      ]);
      return { cert: await readFile(at(`${name}.pem`)), key: await readFile(at(`${name}.key`)) };
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Puts a file in the place of another in one step, as programs that renew certificates do. */
export async function replaceFile(path: string, text: Uint8Array | string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
