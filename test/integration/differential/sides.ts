import { connectRaw, type RawResp } from '../../support/raw-resp.ts';
import { isError, parseReply, type RespNode } from './resp-node.ts';

export interface Endpoint {
  /** @default 127.0.0.1 */
  readonly host?: string;
  readonly port: number;
  /** The words of the AUTH that the observer starts with. */
  readonly auth?: readonly string[];
}

/** One of the two servers under comparison, with the connections of the running sequence. */
export interface Side {
  /** A connection that lasts, for what is not part of the sequence. */
  readonly observer: RawResp;
  /** The connection of this client, opened when first asked for. */
  readonly client: (index: number) => Promise<RawResp>;
  /** How many clients have a connection. */
  readonly opened: () => number;
  /** Ends the clients of a sequence. */
  readonly closeClients: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export async function openSide(endpoint: Endpoint, pushes: 'apart' | 'in line' = 'apart'): Promise<Side> {
  const observer = await connectRaw(endpoint);
  if (endpoint.auth !== undefined) await observer.command(...endpoint.auth);
  let clients: RawResp[] = [];
  const closeClients = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
    clients = [];
  };
  return {
    observer,
    closeClients,
    opened: () => clients.length,
    client: async (index) => {
      while (clients.length <= index) clients.push(await connectRaw({ ...endpoint, pushes }));
      return clients[index] as RawResp;
    },
    close: async () => {
      await closeClients();
      await observer.close();
    },
  };
}

/** Asks the observer. */
export async function ask(side: Side, ...argv: readonly string[]): Promise<RespNode> {
  const reply = parseReply(await side.observer.command(...argv));
  if (isError(reply)) throw new Error(`${argv.join(' ')}: ${reply.text}`);
  return reply;
}
