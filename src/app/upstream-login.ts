import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { SluiceConfig } from '../config/schema.ts';
import type { StoreTarget } from '../config/store-url.ts';
import { SluiceError } from '../errors.ts';
import { type ByteString, utf8ToBytes } from '../kernel/bytes.ts';
import type { LinkLogin } from '../link/link-connection.ts';

/**
 * How to begin a connection to the servers that `store` names.
 * @throws SluiceError CONFIG_INVALID when a file of upstream.tls cannot be read
 */
export async function loginOf(
  { upstream: { tls, connectTimeout } }: SluiceConfig,
  target: StoreTarget,
): Promise<LinkLogin> {
  const login = { connectTimeout, ...credentialsOf(target) };
  if (!target.tls) return login;
  const read = async (what: string, path: string | undefined): Promise<Buffer | undefined> => {
    if (path === undefined) return undefined;
    try {
      return await readFile(path);
    } catch (error) {
      const text = `upstream.tls.${what}: ${path} cannot be read: ${(error as Error).message}`;
      throw new SluiceError('CONFIG_INVALID', text, { cause: error });
    }
  };
  const files = {
    ca: await read('ca', tls?.ca),
    cert: await read('cert', tls?.cert),
    key: await read('key', tls?.key),
  };
  const options: ConnectionOptions = {};
  for (const [name, file] of Object.entries(files)) if (file !== undefined) options[name as 'ca'] = file;
  if (tls?.serverName !== undefined) options.servername = tls.serverName;
  return { ...login, tls: options };
}

/** Name and password as bytes; what is not configured is left out. */
export function credentialsOf({
  username,
  password,
}: {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}): { username?: ByteString; password?: ByteString } {
  return {
    ...(username === undefined ? {} : { username: utf8ToBytes(username) }),
    ...(password === undefined ? {} : { password: utf8ToBytes(password) }),
  };
}
