import { resolve } from 'node:path';
import type { z } from 'zod';
import { type DatabaseTarget, parseDatabaseUrl } from '../origin/sql/database-url.ts';
import { parseSqlTemplate } from '../origin/sql/sql-template.ts';
import { type ConnectionKind, kindInWords } from './connection-url.ts';
import type { ConfigFinding, SettingSource } from './finding.ts';
import { nearestWord } from './nearest.ts';
import type { connections } from './schema-connections.ts';
import { type keyspaces, patternOf } from './schema-keyspaces.ts';
import { isRemote, type Store } from './store-url.ts';

interface Parsed {
  readonly store: Store;
  readonly durability: 'memory' | 'commit' | 'fsync';
  readonly connections: z.output<typeof connections>;
  readonly keyspaces: z.output<typeof keyspaces>;
}

/** What is wrong with queries, fences and promises of keyspaces, which depend on the connections they go to and on the store. */
export function checkQueries(
  config: Parsed,
  sourceOf: (path: readonly PropertyKey[]) => SettingSource,
): ConfigFinding[] {
  return config.keyspaces.flatMap(({ match, origin, writeBehind }, index): ConfigFinding[] => {
    const finding = (part: 'origin' | 'writeBehind', name: string, message: string): ConfigFinding[] => {
      const source = sourceOf(['keyspaces', index, part, name]);
      return [{ path: `keyspaces[${index}].${part}.${name}`, message, source }];
    };
    const unknown = (name: string): string => unknownConnection(name, Object.keys(config.connections));
    const kindOf = (name: string): ConnectionKind | undefined =>
      Object.hasOwn(config.connections, name) ? config.connections[name]?.kind : undefined;
    if (writeBehind !== undefined) {
      const { sink, fence } = writeBehind;
      const kind = kindOf(sink);
      if (kind === undefined) return finding('writeBehind', 'sink', unknown(sink));
      if (fence !== undefined && kind !== 'database')
        return finding('writeBehind', 'fence', `${sink} is ${kindInWords[kind]}; a fence needs a database`);
      const unpromised = ackProblem(writeBehind.ack, config);
      if (unpromised !== undefined) return finding('writeBehind', 'ack', unpromised);
      const unbuffered = writeBehind.buffer === 'local' ? bufferProblem(config) : undefined;
      if (unbuffered !== undefined) return finding('writeBehind', 'buffer', unbuffered);
    }
    const { sql, connection } = origin ?? {};
    if (sql === undefined || connection === undefined) return [];
    const kind = kindOf(connection);
    if (kind === undefined) return finding('origin', 'connection', unknown(connection));
    if (kind !== 'database') {
      const message = `${connection} is ${kindInWords[kind]}, which rows are only written to; a query needs a database`;
      return finding('origin', 'connection', message);
    }
    const { dialect } = parseDatabaseUrl(config.connections[connection]?.url ?? '') as DatabaseTarget;
    const statement = parseSqlTemplate(sql, dialect, patternOf(match).names);
    return 'problem' in statement ? finding('origin', 'sql', statement.problem) : [];
  });
}

/** Why the store does not promise as much. */
function ackProblem(ack: string, { store, durability }: Parsed): string | undefined {
  if (ack === 'replica') return isRemote(store) ? undefined : 'replica is for Redis stores; say commit or fsync';
  if (ack !== 'commit' && ack !== 'fsync') return undefined;
  if (store !== 'embedded') return `${ack} is for the embedded store; say store, which is what this one promises`;
  return durability === ack || durability === 'fsync'
    ? undefined
    : `${ack} needs durability: ${ack}, which is ${durability}`;
}

/** Why nothing can be accepted beside the store. */
function bufferProblem({ store, durability }: Parsed): string | undefined {
  if (!isRemote(store)) return 'local is for Redis stores; this one is never away';
  return durability === 'memory' ? 'local needs durability: commit or fsync, which is memory' : undefined;
}

function unknownConnection(name: string, known: readonly string[]): string {
  const shown = JSON.stringify(name);
  if (known.length === 0) return `there is no connection ${shown}; configure it under connections`;
  const near = nearestWord(name, known);
  return `there is no connection ${shown}; ${near === undefined ? `there is ${known.join(', ')}` : `did you mean ${near}?`}`;
}

/** Has files begin at the root. @param baseOf the folder that a connection's file is relative to */
export function absolutizeFiles(all: Parsed['connections'], baseOf: (name: string) => string): void {
  for (const [name, connection] of Object.entries(all)) {
    if (connection.kind === 'jsonl') {
      connection.file = resolve(baseOf(name), connection.file);
      connection.url = `jsonl:${connection.file}`;
    } else if (connection.kind === 'database') {
      const target = parseDatabaseUrl(connection.url);
      if (!('problem' in target) && target.dialect === 'sqlite')
        connection.url = `sqlite:${resolve(baseOf(name), target.file)}`;
    }
  }
}
