import { type ByteString, bytesToUtf8 } from '../kernel/bytes.ts';
import { ReplyError, type ReplyValue, VerbatimText } from '../resp/reply-decoder.ts';

/** What a server answered about itself. Undefined: it could not be asked, or did not say. */
export interface ServerFacts {
  /** HOST:PORT */
  readonly address: string;
  readonly flavour: 'redis' | 'valkey' | 'sluice';
  readonly version: string | undefined;
  readonly mode: 'standalone' | 'sentinel' | 'cluster' | undefined;
  readonly role: 'primary' | 'replica' | undefined;
  /** Of a replica: its primary, HOST:PORT. */
  readonly primary: string | undefined;
  readonly replicas: readonly ReplicaFacts[] | undefined;
  /** Bytes; 0: no bound. */
  readonly maxMemory: number | undefined;
  readonly maxMemoryPolicy: string | undefined;
  readonly appendOnly: boolean | undefined;
  readonly appendFsync: string | undefined;
  /** Seconds of the slowest save point, 0 when there is none. */
  readonly saveSeconds: number | undefined;
  /** What the last attempt to write to disk ended with: `ok` or not. */
  readonly lastWritesOk: boolean | undefined;
  readonly minReplicas: number | undefined;
  /** Seconds after which a replica that is behind does not count for `minReplicas`. */
  readonly minReplicasMaxLag: number | undefined;
  /** CLIENT TRACKING over RESP3 was accepted. */
  readonly tracking: boolean;
  /** 0: no bound. */
  readonly trackingTableKeys: number | undefined;
  /** The error text when EVAL was refused. */
  readonly scripts: 'any' | 'own' | { readonly refused: string };
  readonly maxClients: number | undefined;
  readonly connectedClients: number | undefined;
  /** The clock of the server minus this machine's, ms, give or take half a round trip. */
  readonly clockDifferenceMs: number | undefined;
  /** The quickest of several, ms. */
  readonly roundTripMs: number;
  /** Commands that were refused, as they were sent, with the server's words. */
  readonly refusals: readonly { readonly command: string; readonly reply: string }[];
}

export interface ReplicaFacts {
  readonly address: string;
  readonly state: string;
  /** Seconds since it was heard last. */
  readonly lagSeconds: number | undefined;
}

/** Asks one command of the server; error replies are values. */
type Ask = (...argv: readonly ByteString[]) => Promise<ReplyValue>;

/** Parameters that only CONFIG GET tells, or that INFO does not tell in every version. */
const parameters = [
  'maxmemory',
  'maxmemory-policy',
  'appendonly',
  'appendfsync',
  'save',
  'min-replicas-to-write',
  'min-replicas-max-lag',
  'tracking-table-max-keys',
  'maxclients',
] as const;

const ROUND_TRIPS = 5;

/** What of a server is known before it is asked, and the clocks to measure with. */
export interface AskedServer {
  readonly address: string;
  readonly tracking: boolean;
  readonly clock: { now(): number; monotonic(): number };
}

/** Asks a server about itself; what it refuses is left out and told in `refusals`. Nothing is changed. */
export async function askFacts(ask: Ask, { address, tracking, clock }: AskedServer): Promise<ServerFacts> {
  const refusals: { command: string; reply: string }[] = [];
  const asked = async (...argv: readonly ByteString[]): Promise<ReplyValue | undefined> => {
    const reply = await ask(...argv);
    if (!(reply instanceof ReplyError)) return reply;
    refusals.push({ command: argv.join(' '), reply: bytesToUtf8(reply.message) });
    return undefined;
  };
  const roundTripMs = await quickest(asked, clock);
  const info = parseInfo(await asked('INFO'));
  const config = await askConfig(asked);
  const flavour = info.has('sluice_version') ? 'sluice' : info.has('valkey_version') ? 'valkey' : 'redis';
  const text = (parameter: (typeof parameters)[number], field?: string): string | undefined =>
    config.get(parameter) ?? (field === undefined ? undefined : info.get(field));
  const appendOnly = text('appendonly');
  const aofEnabled = info.get('aof_enabled');
  const role = info.get('role');
  const host = info.get('master_host');
  return {
    address,
    flavour,
    version: info.get(`${flavour}_version`) ?? info.get('redis_version'),
    mode: modeOf(info.get('redis_mode') ?? info.get('server_mode')),
    role: role === undefined ? undefined : role === 'master' ? 'primary' : 'replica',
    primary: host === undefined ? undefined : `${host}:${info.get('master_port') ?? ''}`,
    replicas: role === 'master' ? replicasOf(info) : undefined,
    maxMemory: numberOf(text('maxmemory', 'maxmemory')),
    maxMemoryPolicy: text('maxmemory-policy', 'maxmemory_policy'),
    appendOnly:
      appendOnly !== undefined ? appendOnly === 'yes' : aofEnabled === undefined ? undefined : aofEnabled === '1',
    appendFsync: text('appendfsync'),
    saveSeconds: slowestSave(text('save')),
    lastWritesOk: lastWrites(info),
    minReplicas: numberOf(text('min-replicas-to-write')),
    minReplicasMaxLag: numberOf(text('min-replicas-max-lag')),
    tracking,
    trackingTableKeys: numberOf(text('tracking-table-max-keys')),
    scripts: flavour === 'sluice' ? 'own' : await tryScript(ask),
    maxClients: numberOf(text('maxclients', 'maxclients')),
    connectedClients: numberOf(info.get('connected_clients')),
    clockDifferenceMs: await clockDifference(asked, clock),
    roundTripMs,
    refusals,
  };
}

type Asked = (...argv: readonly ByteString[]) => Promise<ReplyValue | undefined>;

async function quickest(asked: Asked, clock: AskedServer['clock']): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const before = clock.monotonic();
    await asked('PING');
    best = Math.min(best, clock.monotonic() - before);
  }
  return best;
}

async function clockDifference(asked: Asked, clock: AskedServer['clock']): Promise<number | undefined> {
  const before = clock.now();
  const reply = await asked('TIME');
  const after = clock.now();
  if (!Array.isArray(reply)) return undefined;
  const at = Number(reply[0]) * 1000 + Number(reply[1]) / 1000;
  return Number.isFinite(at) ? at - (before + after) / 2 : undefined;
}

async function tryScript(ask: Ask): Promise<ServerFacts['scripts']> {
  const reply = await ask('EVAL', 'return 1', '0');
  return reply instanceof ReplyError ? { refused: bytesToUtf8(reply.message) } : 'any';
}

/** One at a time: servers before 7.0 take one pattern, and a refusal of one says nothing of the others. */
async function askConfig(asked: Asked): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const parameter of parameters) {
    const reply = await asked('CONFIG', 'GET', parameter);
    // A server that refuses one refuses all.
    if (reply === undefined) break;
    const value = reply instanceof Map ? reply.get(parameter) : Array.isArray(reply) ? reply[1] : undefined;
    if (typeof value === 'string') found.set(parameter, value);
  }
  return found;
}

/** The fields of an INFO reply, or of what is written like one. */
export function parseInfo(reply: ReplyValue | undefined): ReadonlyMap<string, string> {
  const text = reply instanceof VerbatimText ? reply.text : typeof reply === 'string' ? reply : '';
  return new Map(
    text.split('\r\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon < 1 ? [] : [[line.slice(0, colon), bytesToUtf8(line.slice(colon + 1))]];
    }),
  );
}

function modeOf(text: string | undefined): ServerFacts['mode'] {
  return text === 'standalone' || text === 'sentinel' || text === 'cluster' ? text : undefined;
}

/** `slave0:ip=10.0.0.2,port=6379,state=online,offset=42,lag=0` */
function replicasOf(info: ReadonlyMap<string, string>): readonly ReplicaFacts[] {
  return [...info].flatMap(([name, value]): ReplicaFacts[] => {
    if (!/^slave\d+$/.test(name)) return [];
    const fields = new Map(value.split(',').map((part) => part.split('=', 2) as [string, string]));
    return [
      {
        address: `${fields.get('ip')}:${fields.get('port')}`,
        state: fields.get('state') ?? 'unknown',
        lagSeconds: numberOf(fields.get('lag')),
      },
    ];
  });
}

/** `3600 1 300 100`: a snapshot after so many seconds with so many changes. One single change waits for the slowest. */
function slowestSave(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = text.split(' ').filter((_, index) => index % 2 === 0);
  return Math.max(0, ...seconds.map(Number));
}

function lastWrites(info: ReadonlyMap<string, string>): boolean | undefined {
  const all = ['rdb_last_bgsave_status', 'aof_last_write_status', 'aof_last_bgrewrite_status'].map((name) =>
    info.get(name),
  );
  if (all.every((status) => status === undefined)) return undefined;
  return all.every((status) => status === undefined || status === 'ok');
}

function numberOf(text: string | undefined): number | undefined {
  const number = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}
