import { release, type } from 'node:os';
import { type ByteString, utf8ToBytes } from '../../kernel/bytes.ts';
import type { Command } from '../command.ts';
import type { Server } from '../server.ts';

type Fields = readonly (readonly [name: string, value: string | number])[];

const MODULE_SECTIONS = new Set(['modules']);

/** Sections in the order of INFO; `commandstats` and the like are not kept. */
const sections: readonly (readonly [name: string, title: string, fields: (server: Server) => Fields])[] = [
  ['server', 'Server', serverFields],
  ['clients', 'Clients', clientsFields],
  ['memory', 'Memory', memoryFields],
  ['persistence', 'Persistence', (server) => [['loading', loading(server)], ...server.facts.persistence()]],
  ['stats', 'Stats', statsFields],
  [
    'replication',
    'Replication',
    () => [
      ['role', 'master'],
      ['connected_slaves', 0],
    ],
  ],
  ['cpu', 'CPU', cpuFields],
  ['modules', 'Modules', () => []],
  ['errorstats', 'Errorstats', errorFields],
  ['cluster', 'Cluster', () => [['cluster_enabled', 0]]],
  ['keyspace', 'Keyspace', keyspaceFields],
];

export const infoCommand: Command = {
  name: 'info',
  arity: -1,
  flags: ['loading', 'stale'],
  group: 'server',
  summary: 'Tells the state of the server and its counters, by section.',
  difference: 'has the fields that have a meaning here; memory is what the bound counts, that of all entries',
  run: ({ server }, argv, reply) => reply.verbatim(utf8ToBytes(infoText(server, argv.slice(1)))),
};

/** @param wanted names of sections in any case, `all`, `everything`, `default`; none = default. */
function infoText(server: Server, wanted: readonly ByteString[]): string {
  const names = new Set(wanted.map((name) => name.toLowerCase()));
  const everything = names.size === 0 || names.has('all') || names.has('everything') || names.has('default');
  const parts: string[] = [];
  for (const [name, title, fields] of sections) {
    const chosen = names.has(name) || (everything && !(names.has('all') && MODULE_SECTIONS.has(name)));
    if (!chosen) continue;
    const lines = fields(server).map(([field, value]) => `${field}:${value}\r\n`);
    parts.push(`# ${title}\r\n${lines.join('')}`);
  }
  return parts.join('\r\n');
}

function serverFields(server: Server): Fields {
  const { facts, engine } = server;
  const uptime = Math.floor((engine.turn.time - server.startedAt) / 1000);
  return [
    ['redis_version', '7.4.0'],
    ['sluice_version', facts.version],
    ['redis_mode', 'standalone'],
    ['os', `${type()} ${release()} ${process.arch}`],
    ['arch_bits', 64],
    ['process_id', process.pid],
    ['tcp_port', facts.port],
    ['server_time_usec', engine.turn.time * 1000],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / 86400)],
    ['executable', process.execPath],
    ['config_file', facts.configFile],
  ];
}

function clientsFields(server: Server): Fields {
  let pubSubClients = 0;
  for (const client of server.clients.values()) if (client.subscribed) pubSubClients++;
  return [
    ['connected_clients', server.clients.size],
    ['maxclients', server.settings.get('maxclients') ?? 0],
    ['blocked_clients', server.blocked.size],
    ['tracking_clients', server.tracking.clients],
    ['pubsub_clients', pubSubClients],
  ];
}

function memoryFields({ engine, settings }: Server): Fields {
  const used = engine.usedBytes;
  const memory = process.memoryUsage();
  const maxMemory = Number.isFinite(engine.maxBytes) ? engine.maxBytes : 0;
  return [
    ['used_memory', used],
    ['used_memory_human', human(used)],
    ['used_memory_rss', memory.rss],
    ['used_memory_rss_human', human(memory.rss)],
    ['used_memory_heap', memory.heapUsed],
    ['used_memory_slabs', engine.user.reservedBytes + engine.compat.reservedBytes + engine.internal.reservedBytes],
    ['used_memory_internal', engine.internal.bytes],
    ['maxmemory', maxMemory],
    ['maxmemory_human', human(maxMemory)],
    ['maxmemory_policy', settings.get('maxmemory-policy') ?? 'noeviction'],
  ];
}

function statsFields(server: Server): Fields {
  const { counters, engine, tracking, pubSub } = server;
  return [
    ['total_connections_received', counters.connections],
    ['total_commands_processed', counters.commands],
    ['instantaneous_ops_per_sec', server.commandsPerSecond],
    ['rejected_connections', counters.rejectedConnections],
    ['expired_keys', engine.user.expired + engine.compat.expired],
    ['evicted_keys', engine.user.evicted + engine.compat.evicted],
    ['keyspace_hits', counters.hits],
    ['keyspace_misses', counters.misses],
    ['pubsub_channels', pubSub.channels().length],
    ['pubsub_patterns', pubSub.patterns],
    ['tracking_total_keys', tracking.keys],
    ['tracking_total_items', tracking.items],
    ['tracking_total_prefixes', tracking.prefixes],
    ['total_error_replies', counters.errors],
  ];
}

function cpuFields(): Fields {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return [
    ['used_cpu_sys', (systemCPUTime / 1e6).toFixed(6)],
    ['used_cpu_user', (userCPUTime / 1e6).toFixed(6)],
  ];
}

function errorFields(server: Server): Fields {
  return [...server.errors].map(([name, count]) => [`errorstat_${name}`, `count=${count}`]);
}

function keyspaceFields({ engine }: Server): Fields {
  const { size, expiring } = engine.user;
  return size === 0 ? [] : [['db0', `keys=${size},expires=${expiring},avg_ttl=0`]];
}

function loading({ engine }: Server): number {
  return engine.state === 'loading' ? 1 : 0;
}

/** As Redis's bytesToHuman: `1.50M`. */
function human(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ['K', 'M', 'G', 'T'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)}${units[unit]}`;
}
