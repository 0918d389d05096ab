import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { connectRaw } from './raw-resp.ts';
import { persistence, type RedisServer, startServerProcess } from './redis-server.ts';
import { type Certificates, tlsArgs } from './redis-tls.ts';

export interface ClusterNode extends RedisServer {
  /** Its name in the cluster. */
  readonly id: string;
  /** The port that the nodes tell clients of; with TLS where there are certificates. */
  readonly peerPort: number;
  readonly ask: (...argv: readonly string[]) => Promise<string>;
}

/** What happens while a slot moves; each is awaited. */
export interface MoveHooks {
  /** The slot is marked on both nodes, all keys are still where they were: keys that do not exist are asked for at the target. */
  readonly opened?: () => void | Promise<void>;
  /** Half of the keys are at the target. */
  readonly halfway?: () => void | Promise<void>;
  /** All keys are at the target, which does not own the slot yet. */
  readonly moved?: () => void | Promise<void>;
}

/** Primaries first, then their replicas in the same order, as they were started. */
export interface ClusterSetup extends AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  readonly slotOf: (key: string) => Promise<number>;
  /** Index in `nodes` of the primary that has the slot now, as a node that answers sees it. */
  readonly ownerOf: (slot: number) => Promise<number>;
  /** Moves a slot with its keys to the primary `to` as resharding does. */
  readonly moveSlot: (slot: number, to: number, hooks?: MoveHooks) => Promise<void>;
  /** Kills the node and waits until another has its slots; about 3 s. @returns the index of the new primary */
  readonly failOver: (index: number) => Promise<number>;
  /** `CLUSTER FAILOVER` on a replica: it and its primary change places. */
  readonly switchOver: (replica: number) => Promise<void>;
  /** Waits until every node that runs sees the cluster whole. */
  readonly healthy: () => Promise<void>;
}

export interface ClusterSetupOptions {
  /** @default 3 */
  readonly primaries?: number;
  /** For each primary. @default 1 */
  readonly replicas?: number;
  /** Of the default user, on all nodes. @default none */
  readonly password?: string;
  readonly args?: readonly string[];
  /** After how much silence a node holds another for dead, ms. @default 1000 */
  readonly nodeTimeout?: number;
  /** Everything speaks TLS, beside the plain ports that the tests use. @default without TLS */
  readonly certificates?: Certificates;
  /** What survives a restart of a node. @default nothing */
  readonly keeps?: 'nothing' | 'writes';
}

const SLOTS = 16_384;

/** Starts the nodes on free loopback ports and joins them to one cluster; about 5 s. */
export async function startCluster({
  primaries = 3,
  replicas = 1,
  password,
  args = [],
  nodeTimeout = 1000,
  certificates,
  keeps = 'nothing',
}: ClusterSetupOptions = {}): Promise<ClusterSetup> {
  const started: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    const nodes = await Promise.all(
      Array.from({ length: primaries * (1 + replicas) }, async () => {
        const tlsPort = certificates === undefined ? undefined : await freePort();
        const server = await startServerProcess(async (port, folder) => [
          ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder],
          ...persistence[keeps],
          ...[
            '--cluster-enabled',
            'yes',
            '--cluster-port',
            `${await freePort()}`,
            '--cluster-config-file',
            'nodes.conf',
          ],
          ...['--cluster-node-timeout', `${nodeTimeout}`, '--cluster-replica-validity-factor', '0'],
          ...['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'],
          ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
          ...(certificates === undefined || tlsPort === undefined ? [] : tlsArgs(certificates, tlsPort)),
          ...args,
        ]);
        started.push(server);
        const ask = (...argv: readonly string[]): Promise<string> => command(server.port, password, argv);
        return Object.assign(server, { ask, peerPort: tlsPort ?? server.port, id: bulk(await ask('CLUSTER', 'MYID')) });
      }),
    );
    const setup = new Setup(nodes, password === undefined ? [] : ['AUTH', password], stop);
    await setup.join(primaries);
    return setup;
  } catch (error) {
    await stop();
    throw error;
  }
}

class Setup implements ClusterSetup {
  readonly nodes: readonly ClusterNode[];
  /** Words of MIGRATE. */
  readonly #auth: readonly string[];
  readonly #stop: () => Promise<void>;

  constructor(nodes: readonly ClusterNode[], auth: readonly string[], stop: () => Promise<void>) {
    this.nodes = nodes;
    this.#auth = auth;
    this.#stop = stop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  async join(primaries: number): Promise<void> {
    const { nodes } = this;
    const first = this.#node(0);
    await Promise.all(nodes.map((node, i) => must(node, 'CLUSTER', 'SET-CONFIG-EPOCH', `${i + 1}`)));
    for (const [i, node] of nodes.entries()) {
      if (i < primaries) {
        const from = Math.ceil((i * SLOTS) / primaries);
        const to = Math.ceil(((i + 1) * SLOTS) / primaries) - 1;
        await must(node, 'CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`);
      }
      if (node === first) continue;
      const bus = bulk((await node.ask('CONFIG', 'GET', 'cluster-port')).split('\r\n').slice(3).join('\r\n'));
      await must(first, 'CLUSTER', 'MEET', node.host, `${node.peerPort}`, bus);
    }
    await this.#every(async (node) => {
      const known = /cluster_known_nodes:(\d+)/.exec(await node.ask('CLUSTER', 'INFO'))?.[1];
      if (known !== `${nodes.length}`) throw new Error(`it knows ${known} nodes`);
    });
    await Promise.all(
      nodes.slice(primaries).map((node, i) => must(node, 'CLUSTER', 'REPLICATE', this.#node(i % primaries).id)),
    );
    await this.healthy();
  }

  readonly healthy = async (): Promise<void> => {
    const running: ClusterNode[] = [];
    for (const node of this.nodes) {
      if (await node.ask('PING').catch(() => undefined)) running.push(node);
    }
    await this.#every(async (node) => {
      const info = await node.ask('CLUSTER', 'INFO');
      if (!info.includes('cluster_state:ok')) throw new Error(info);
      const map = await node.ask('CLUSTER', 'SLOTS');
      for (const { id } of running) if (!map.includes(id)) throw new Error(`${id} is not in ${map}`);
      const replication = await node.ask('INFO', 'replication');
      if (replication.includes('master_link_status:down')) throw new Error(replication);
    }, running);
  };

  readonly slotOf = async (key: string): Promise<number> =>
    Number((await this.#node(this.nodes.length - 1).ask('CLUSTER', 'KEYSLOT', key)).slice(1));

  readonly ownerOf = async (slot: number): Promise<number> => {
    for (const node of this.nodes) {
      const text = await node.ask('CLUSTER', 'NODES').catch(() => undefined);
      if (text === undefined) continue;
      const line = text.split('\n').find((one) => one.includes('myself'));
      const [id, , , , , , , , ...ranges] = (line ?? '').split(' ');
      const has = ranges.some((range) => {
        const [from = '', to = from] = range.split('-');
        return /^\d+$/.test(from) && Number(from) <= slot && slot <= Number(to);
      });
      if (has) return this.nodes.findIndex((one) => one.id === id);
    }
    throw new Error(`nobody has slot ${slot}`);
  };

  readonly moveSlot = async (slot: number, to: number, { opened, halfway, moved }: MoveHooks = {}): Promise<void> => {
    const source = this.#node(await this.ownerOf(slot));
    const target = this.#node(to);
    if (source === target) return;
    await must(target, 'CLUSTER', 'SETSLOT', `${slot}`, 'IMPORTING', source.id);
    await must(source, 'CLUSTER', 'SETSLOT', `${slot}`, 'MIGRATING', target.id);
    await opened?.();
    const count = Number((await source.ask('CLUSTER', 'COUNTKEYSINSLOT', `${slot}`)).slice(1));
    await this.#migrate(slot, source, target, Math.ceil(count / 2));
    await halfway?.();
    await this.#migrate(slot, source, target, Number.POSITIVE_INFINITY);
    await moved?.();
    // The target first: otherwise there would be a moment in which nobody owns it.
    await must(target, 'CLUSTER', 'SETSLOT', `${slot}`, 'NODE', target.id);
    await must(source, 'CLUSTER', 'SETSLOT', `${slot}`, 'NODE', target.id);
  };

  readonly failOver = async (index: number): Promise<number> => {
    const dead = this.#node(index);
    const [slot] = await this.#slotsOf(dead);
    if (slot === undefined) throw new Error(`node ${index} has no slots`);
    await dead.kill();
    const now = await eventually(() => this.ownerOf(slot), { timeoutMs: 30_000, intervalMs: 50 });
    return now;
  };

  readonly switchOver = async (replica: number): Promise<void> => {
    const node = this.#node(replica);
    await eventually(
      async () => {
        const reply = await node.ask('CLUSTER', 'FAILOVER');
        if (reply !== '+OK\r\n' && !(await node.ask('ROLE')).includes('master')) throw new Error(reply);
      },
      { timeoutMs: 10_000, intervalMs: 100 },
    );
    await eventually(
      async () => {
        const role = await node.ask('ROLE');
        if (!role.includes('master')) throw new Error(role);
      },
      { timeoutMs: 10_000 },
    );
  };

  async #migrate(slot: number, source: ClusterNode, target: ClusterNode, most: number): Promise<void> {
    for (let left = most; left > 0; ) {
      const reply = await source.ask('CLUSTER', 'GETKEYSINSLOT', `${slot}`, `${Math.min(left, 100)}`);
      const keys = bulks(reply);
      if (keys.length === 0) return;
      left -= keys.length;
      await must(source, 'MIGRATE', target.host, `${target.peerPort}`, '', '0', '5000', ...this.#auth, 'KEYS', ...keys);
    }
  }

  async #slotsOf(node: ClusterNode): Promise<number[]> {
    const owned: number[] = [];
    const line = (await node.ask('CLUSTER', 'NODES')).split('\n').find((one) => one.includes('myself'));
    for (const range of (line ?? '').trim().split(' ').slice(8)) {
      const from = Number(range.split('-')[0]);
      if (Number.isInteger(from)) owned.push(from);
    }
    return owned;
  }

  #node(index: number): ClusterNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  async #every(isSo: (node: ClusterNode) => Promise<void>, nodes = this.nodes): Promise<void> {
    await Promise.all(nodes.map((node) => eventually(() => isSo(node), { timeoutMs: 30_000, intervalMs: 50 })));
  }
}

async function command(port: number, password: string | undefined, argv: readonly string[]): Promise<string> {
  await using client = await connectRaw({ port });
  if (password !== undefined) await client.command('AUTH', password);
  return await client.command(...argv);
}

async function must(node: ClusterNode, ...argv: readonly string[]): Promise<void> {
  const reply = await node.ask(...argv);
  if (!/^\+(OK|NOKEY)\r\n$/.test(reply)) throw new Error(`${argv.slice(0, 4).join(' ')} on ${node.port}: ${reply}`);
}

/** The text of a bulk string. */
function bulk(reply: string): string {
  return bulks(`*1\r\n${reply}`)[0] ?? '';
}

/** The texts of an array of bulk strings. */
function bulks(reply: string): string[] {
  const texts: string[] = [];
  for (let at = reply.indexOf('\r\n') + 2; at < reply.length; ) {
    const end = reply.indexOf('\r\n', at);
    const length = Number(reply.slice(at + 1, end));
    texts.push(reply.slice(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return texts;
}
