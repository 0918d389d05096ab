import { readFile } from 'node:fs/promises';
import { addressForm, parseAddress } from '../config/address.ts';
import { usageError } from './exit-status.ts';

/** A running node, and how to speak to it. */
export interface NodeTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Undefined: no TLS. */
  readonly tls: { readonly ca: string | undefined } | undefined;
}

/**
 * The node that `--resp` or `--admin` (`flag`), its environment variable or its default names, with the credentials given.
 * @throws USAGE for a wrong address or a missing secret.
 */
export async function nodeTarget(
  options: Readonly<Record<string, unknown>>,
  flag: 'resp' | 'admin',
): Promise<NodeTarget> {
  const { env } = process;
  const variable = flag === 'resp' ? 'SLUICE_RESP' : 'SLUICE_ADMIN';
  const given = options[flag] as string | undefined;
  const text = given ?? (env[variable] || (flag === 'resp' ? '127.0.0.1:6380' : '127.0.0.1:8081'));
  const address = parseAddress(text);
  if (address === undefined || address === 'off' || address.port === 0) {
    throw usageError(
      `${given === undefined ? variable : `--${flag}`}: expected ${addressForm}; found ${JSON.stringify(text)}`,
    );
  }
  const user = (options['user'] as string | undefined) ?? (env['SLUICE_USER'] || undefined);
  const passwordVariable = options['passwordEnv'] as string;
  const password = env[passwordVariable] || undefined;
  if (user !== undefined && password === undefined) {
    throw usageError(
      `the secret of ${user} is expected in the environment variable ${passwordVariable}, which is not set`,
    );
  }
  const ca = options['ca'] as string | undefined;
  if (ca !== undefined && options['tls'] !== true) throw usageError('--ca is of use only with --tls');
  return {
    host: address.host === '' ? '127.0.0.1' : address.host,
    port: address.port,
    user,
    password,
    tls: options['tls'] === true ? { ca: ca === undefined ? undefined : await readCa(ca) } : undefined,
  };
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`--ca ${file} cannot be read: ${(error as Error).message}`);
  }
}
