import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { connectRaw } from './raw-resp.ts';
import { type RedisServer, startRedis, startServerProcess } from './redis-server.ts';
import { type Certificates, tlsArgs } from './redis-tls.ts';

/** 1 primary, 1 replica, 3 Sentinels. */
/** One of its servers; without certificates both ports are the same. */
export interface TopologyServer extends RedisServer {
  /** With TLS where there are certificates. */
  readonly peerPort: number;
}

export interface SentinelSetup extends AsyncDisposable {
  /** What the Sentinels call the primary. */
  readonly name: string;
  readonly nodes: readonly TopologyServer[];
  readonly sentinels: readonly TopologyServer[];
  /** The node that the Sentinels name now. */
  readonly primary: () => Promise<TopologyServer>;
  /** Kills the primary and waits until the Sentinels name the other node and it takes writes; about 2 s. @returns the new primary */
  readonly failOver: () => Promise<TopologyServer>;
  /** The same while the primary stays alive: it becomes the replica. */
  readonly switchOver: () => Promise<TopologyServer>;
  /** Waits until the node is a replica that has what the primary has; a primary that comes back is made one after about 10 s. */
  readonly replicating: (node: RedisServer) => Promise<void>;
}

export interface SentinelSetupOptions {
  /** Of the nodes' default user. @default none */
  readonly password?: string;
  /** Of the Sentinels. @default none */
  readonly sentinelPassword?: string;
  /** More options of the nodes. */
  readonly args?: readonly string[];
  /** After how much silence a Sentinel holds a node for dead, ms. @default 500 */
  readonly downAfter?: number;
  /** Everything speaks TLS, beside the plain ports that the tests use. @default without TLS */
  readonly certificates?: Certificates;
}

const NAME = 'main';

/** Starts them on free loopback ports and waits until each knows all others; about 3 s. */
export async function startSentinel({
  password,
  sentinelPassword,
  args = [],
  downAfter = 500,
  certificates,
}: SentinelSetupOptions = {}): Promise<SentinelSetup> {
  const started: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const keep = (server: RedisServer, tlsPort: number | undefined): TopologyServer => {
    started.push(server);
    return Object.assign(server, { peerPort: tlsPort ?? server.port });
  };
  const tlsPortOrNone = (): Promise<number> | undefined => (certificates === undefined ? undefined : freePort());
  const tls = (tlsPort: number | undefined): readonly string[] =>
    certificates === undefined || tlsPort === undefined ? [] : tlsArgs(certificates, tlsPort);
  const startNode = async (more: readonly string[]): Promise<TopologyServer> => {
    const tlsPort = await tlsPortOrNone();
    return keep(await startRedis({ args: [...nodeArgs, ...tls(tlsPort), ...more] }), tlsPort);
  };
  const secrets = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
  const nodeArgs = ['--repl-diskless-sync-delay', '0', '--repl-timeout', '5', ...secrets, ...args];
  try {
    const primary = await startNode([]);
    const replica = await startNode(['--replicaof', primary.host, `${primary.peerPort}`]);
    // A Sentinel asks a primary for its replicas when it meets it, and then only every 10 s.
    await synchronous(replica, password);
    const sentinels = await Promise.all(
      [1, 2, 3].map(async () => {
        const tlsPort = await tlsPortOrNone();
        return keep(
          await startServerProcess(async (port, folder) => {
            const file = join(folder, 'sentinel.conf');
            const lines = [
              ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`],
              ...inConfigFile(tls(tlsPort)),
              `sentinel monitor ${NAME} ${primary.host} ${primary.peerPort} 2`,
              `sentinel down-after-milliseconds ${NAME} ${downAfter}`,
              `sentinel failover-timeout ${NAME} 3000`,
              ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${password}`]),
              ...(sentinelPassword === undefined
                ? []
                : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`]),
            ];
            await writeFile(file, `${lines.join('\n')}\n`);
            return [file, '--sentinel'];
          }),
          tlsPort,
        );
      }),
    );
    const setup = new Setup([primary, replica], sentinels, password, sentinelPassword, stop);
    await setup.ready();
    return setup;
  } catch (error) {
    await stop();
    throw error;
  }
}

class Setup implements SentinelSetup {
  readonly name = NAME;
  readonly nodes: readonly TopologyServer[];
  readonly sentinels: readonly TopologyServer[];
  readonly #password: string | undefined;
  readonly #sentinelPassword: string | undefined;
  readonly #stop: () => Promise<void>;

  constructor(
    nodes: readonly TopologyServer[],
    sentinels: readonly TopologyServer[],
    password: string | undefined,
    sentinelPassword: string | undefined,
    stop: () => Promise<void>,
  ) {
    this.nodes = nodes;
    this.sentinels = sentinels;
    this.#password = password;
    this.#sentinelPassword = sentinelPassword;
    this.#stop = stop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  async ready(): Promise<void> {
    await Promise.all(
      this.sentinels.map((sentinel) =>
        eventually(
          async () => {
            const facts = await this.#askSentinel(sentinel, 'SENTINEL', 'MASTER', NAME);
            for (const wanted of [
              'num-slaves\r\n$1\r\n1\r\n',
              'num-other-sentinels\r\n$1\r\n2\r\n',
              'flags\r\n$6\r\nmaster\r\n',
            ])
              if (!facts.includes(wanted)) throw new Error(`no ${wanted} in ${facts}`);
          },
          { timeoutMs: 20_000, intervalMs: 50 },
        ),
      ),
    );
  }

  readonly primary = async (): Promise<TopologyServer> => {
    let last: unknown;
    for (const sentinel of this.sentinels) {
      try {
        const reply = await this.#askSentinel(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
        const named = this.nodes.find(({ peerPort }) => reply.endsWith(`\r\n${peerPort}\r\n`));
        if (named !== undefined) return named;
        last = new Error(`no node of ours: ${reply}`);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  };

  readonly failOver = async (): Promise<TopologyServer> => {
    const before = await this.primary();
    await before.kill();
    return this.#changed(before);
  };

  readonly switchOver = async (): Promise<TopologyServer> => {
    const before = await this.primary();
    await eventually(
      async () => {
        for (const sentinel of this.sentinels) {
          const reply = await this.#askSentinel(sentinel, 'SENTINEL', 'FAILOVER', NAME);
          if (reply === '+OK\r\n') return;
          if (!/NOGOODSLAVE|INPROG/.test(reply)) throw new Error(reply);
        }
        throw new Error('no Sentinel has a good replica');
      },
      { timeoutMs: 10_000, intervalMs: 200 },
    );
    return this.#changed(before);
  };

  readonly replicating = (node: RedisServer): Promise<void> => synchronous(node, this.#password);

  async #changed(before: TopologyServer): Promise<TopologyServer> {
    return eventually(
      async () => {
        const now = await this.primary();
        if (now === before) throw new Error('the primary is still the old one');
        const role = await this.#askNode(now, 'ROLE');
        if (!role.includes('master')) throw new Error(role);
        return now;
      },
      { timeoutMs: 20_000, intervalMs: 50 },
    );
  }

  #askSentinel(sentinel: RedisServer, ...argv: readonly string[]): Promise<string> {
    return ask(sentinel, this.#sentinelPassword, argv);
  }

  #askNode(node: RedisServer, ...argv: readonly string[]): Promise<string> {
    return ask(node, this.#password, argv);
  }
}

/** `--name value` as lines of a configuration file. */
function inConfigFile(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => (i % 2 === 0 ? [`${arg.slice(2)} ${args[i + 1]}`] : []));
}

function synchronous(node: RedisServer, password: string | undefined): Promise<void> {
  return eventually(
    async () => {
      const info = await ask(node, password, ['INFO', 'replication']);
      if (!info.includes('role:slave') || !info.includes('master_link_status:up')) throw new Error(info);
    },
    { timeoutMs: 20_000, intervalMs: 50 },
  );
}

async function ask({ port }: RedisServer, password: string | undefined, argv: readonly string[]): Promise<string> {
  await using client = await connectRaw({ port });
  if (password !== undefined) await client.command('AUTH', password);
  return await client.command(...argv);
}
