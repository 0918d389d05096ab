import { once } from 'node:events';
import type { Server } from 'node:net';
import type { ListenerConfig } from '../config/schema.ts';
import { SluiceError } from '../errors.ts';

/** Binds a listener. @returns where it is bound, as HOST:PORT. @throws SluiceError ADDRESS_IN_USE, ADDRESS_UNAVAILABLE */
export async function listen(name: string, server: Server, { address }: ListenerConfig): Promise<string> {
  const { host, port } = address;
  server.listen({ port, ...(host === '' ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new SluiceError(
        'ADDRESS_IN_USE',
        `${name} cannot listen on ${where}: another program does; stop it or choose another address`,
        {
          cause: error,
        },
      );
    }
    throw new SluiceError('ADDRESS_UNAVAILABLE', `${name} cannot listen on ${where}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a TCP listener has an address');
  return `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}
