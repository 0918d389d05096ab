import { formatByteSize } from '../kernel/bytesize.ts';
import type { ServerFacts } from './server-facts.ts';

/** One thing that a server can or cannot promise, or would not tell. */
export interface StorePromise {
  /** What it is about: a stable word for programs. */
  readonly about: string;
  readonly verdict: 'can' | 'cannot' | 'unknown';
  /** What it means, to be read after the verdict. */
  readonly text: string;
}

/** What of the configuration bears on what the server has to promise. */
export interface WantedOfServer {
  readonly kind: 'standalone' | 'sentinel' | 'cluster';
  /** `cache.enabled` and `cache.maxEntries`. */
  readonly cachedKeys: number;
  /** Whether rows wait there to be written behind. @default false */
  readonly rowsWait?: boolean;
  /** `upstream.dedicated` */
  readonly dedicated: number;
}

/** Shared and tracked connections of one node to one server. */
const OTHER_CONNECTIONS = 3;

/** What the server can and cannot promise, by what it said of itself. */
export function promisesOf(facts: ServerFacts, wanted: WantedOfServer): readonly StorePromise[] {
  return [
    ...topology(facts, wanted),
    memory(facts),
    ...rowsThatWait(facts, wanted),
    durability(facts),
    ...diskTrouble(facts),
    replication(facts, wanted),
    ...tracking(facts, wanted),
    scripts(facts),
    ...connections(facts, wanted),
  ];
}

function can(about: string, text: string): StorePromise {
  return { about, verdict: 'can', text };
}

function cannot(about: string, text: string): StorePromise {
  return { about, verdict: 'cannot', text };
}

/** It could not be asked. */
function unknown(about: string, what: string, { refusals }: ServerFacts, command: string): StorePromise {
  const refusal = refusals.find((one) => one.command.startsWith(command));
  const why = refusal === undefined ? `${command} does not say` : `${command} was refused: ${refusal.reply}`;
  return { about, verdict: 'unknown', text: `${what} (${why})` };
}

function topology({ mode, role, primary }: ServerFacts, { kind }: WantedOfServer): StorePromise[] {
  if (mode === 'cluster' && kind !== 'cluster')
    return [cannot('topology', 'serve all keys: it is a node of a cluster; name it as redis+cluster://')];
  if (mode === 'standalone' && kind === 'cluster')
    return [cannot('topology', 'be reached as a cluster: it is not a node of one; name it as redis://')];
  if (role === 'replica') return [cannot('writes', `take writes: it is a replica of ${primary ?? 'another server'}`)];
  return [];
}

function memory(facts: ServerFacts): StorePromise {
  const { maxMemory, maxMemoryPolicy: policy } = facts;
  if (maxMemory === undefined) return unknown('memory', 'whether what is stored may be evicted', facts, 'CONFIG GET');
  if (maxMemory === 0)
    return can('memory', 'keep what is stored: maxmemory is 0, nothing is evicted; memory of the machine is the bound');
  const bound = `maxmemory ${formatByteSize(maxMemory)}`;
  if (policy === 'noeviction')
    return can('memory', `keep what is stored: nothing is evicted; at ${bound} writes are refused with OOM`);
  if (policy === undefined) return unknown('memory', `what happens at ${bound}`, facts, 'CONFIG GET');
  const which = policy.startsWith('volatile-') ? 'what is stored with a time to live' : 'what is stored';
  return cannot('memory', `keep everything: ${which} may be evicted at ${bound} (${policy})`);
}

/** They have no time to live while they wait, so only policies that evict every key concern them. */
function rowsThatWait(facts: ServerFacts, { rowsWait = false }: WantedOfServer): StorePromise[] {
  const { maxMemory, maxMemoryPolicy: policy } = facts;
  if (!rowsWait) return [];
  const about = 'write-behind';
  if (maxMemory === undefined || (maxMemory > 0 && policy === undefined))
    return [unknown(about, 'whether rows that wait to be written may be evicted', facts, 'CONFIG GET')];
  if (maxMemory > 0 && policy?.startsWith('allkeys-') === true)
    return [
      cannot(
        about,
        `keep rows that wait to be written: they may be evicted (${policy}); set maxmemory-policy noeviction`,
      ),
    ];
  return [can(about, 'keep rows until they are written: they are not evicted')];
}

function durability(facts: ServerFacts): StorePromise {
  const { flavour, appendOnly, appendFsync, saveSeconds } = facts;
  const about = 'durability';
  if (appendOnly === undefined) return unknown(about, 'what an acknowledged write survives', facts, 'CONFIG GET');
  if (appendOnly) {
    const how = flavour === 'sluice' ? 'its journal' : `appendonly yes, appendfsync ${appendFsync ?? 'unknown'}`;
    if (appendFsync === 'always') return can(about, `keep an acknowledged write through a loss of power (${how})`);
    if (appendFsync === undefined)
      return unknown(about, 'whether an acknowledged write survives a loss of power', facts, 'CONFIG GET');
    const lost = appendFsync === 'everysec' ? 'about 1 s' : 'what the kernel has not written yet, about 30 s,';
    return cannot(
      about,
      `keep an acknowledged write through a loss of power: ${lost} may be lost; it survives a restart and kill -9 (${how})`,
    );
  }
  if (saveSeconds === undefined)
    return unknown(about, 'whether an acknowledged write survives a restart; appendonly is no', facts, 'CONFIG GET');
  if (saveSeconds === 0)
    return cannot(
      about,
      'keep anything: an acknowledged write survives nothing, not even a restart (appendonly no, no save points)',
    );
  return cannot(
    about,
    `keep an acknowledged write through kill -9 or a loss of power: up to ${saveSeconds} s may be lost; it survives an orderly restart (appendonly no, snapshots)`,
  );
}

function diskTrouble({ lastWritesOk }: ServerFacts): StorePromise[] {
  if (lastWritesOk !== false) return [];
  return [cannot('disk', 'write to its disk: the last attempt failed (INFO persistence); nothing newer survives')];
}

function replication(facts: ServerFacts, { kind }: WantedOfServer): StorePromise {
  const { replicas, role, minReplicas, minReplicasMaxLag } = facts;
  const about = 'replication';
  if (role === undefined) return unknown(about, 'whether there are replicas', facts, 'INFO');
  if (replicas === undefined) return cannot(about, 'be failed over from: replicas have none of their own to count on');
  if (replicas.length === 0)
    return cannot(
      about,
      `outlive the loss of its machine: it has no replica${kind === 'standalone' ? '' : ' to fail over to'}`,
    );
  const broken = replicas.filter(({ state }) => state !== 'online');
  if (broken.length === replicas.length)
    return cannot(
      about,
      `outlive the loss of its machine: no replica is online (${broken.map(({ state }) => state).join(', ')})`,
    );
  if (minReplicas === undefined)
    return unknown(
      about,
      'whether a write waits for replicas to be there (min-replicas-to-write)',
      facts,
      'CONFIG GET',
    );
  if (minReplicas === 0)
    return cannot(
      about,
      'carry every acknowledged write over a failover: replicas follow a moment later, and min-replicas-to-write is 0, so that a primary that is cut off goes on taking writes',
    );
  return cannot(
    about,
    `carry every acknowledged write over a failover: replicas follow a moment later; it stops taking writes when fewer than ${minReplicas} were heard within ${minReplicasMaxLag ?? 10} s`,
  );
}

function tracking(facts: ServerFacts, { cachedKeys }: WantedOfServer): StorePromise[] {
  const about = 'tracking';
  if (cachedKeys === 0) return [];
  if (!facts.tracking)
    return [
      cannot(about, 'tell of changed keys (CLIENT TRACKING over RESP3): nothing is answered from the local cache'),
    ];
  const keys = facts.trackingTableKeys;
  const bound = keys === undefined || keys === 0 ? '' : `, ${keys} keys at a time for all clients together`;
  const promises = [
    can(about, `tell of every changed key: values kept here stay true (CLIENT TRACKING over RESP3${bound})`),
  ];
  if (keys !== undefined && keys > 0 && keys < cachedKeys)
    promises.push(
      cannot(
        'tracking-table',
        `remember all that is kept here: tracking-table-max-keys is ${keys}, cache.maxEntries ${cachedKeys}; keys beyond it are dropped early and read again`,
      ),
    );
  return promises;
}

function scripts({ scripts: answer }: ServerFacts): StorePromise {
  if (answer === 'any')
    return can('scripts', 'run scripts: counters, windows, leases and conditional writes are one step each');
  if (answer === 'own') return can('scripts', "run Sluice's own scripts; scripts of clients are refused");
  return cannot('scripts', `run scripts: counters, windows, leases and conditional writes fail (${answer.refused})`);
}

function connections({ maxClients, connectedClients }: ServerFacts, { dedicated }: WantedOfServer): StorePromise[] {
  if (maxClients === undefined || connectedClients === undefined) return [];
  const free = maxClients - connectedClients;
  const needed = dedicated + OTHER_CONNECTIONS;
  if (free >= needed) return [];
  return [
    cannot(
      'connections',
      `accept all connections of this node: it has ${free} of maxclients ${maxClients} free, upstream.dedicated asks for up to ${needed}`,
    ),
  ];
}
