import type { StoreReport } from '../app/inspect-store.ts';
import type { ServerFacts } from '../app/server-facts.ts';

const kinds = { standalone: 'one server', sentinel: 'led by Sentinels', cluster: 'a cluster' } as const;
const flavours = { redis: 'Redis', valkey: 'Valkey', sluice: 'Sluice' } as const;

/** What `sluice check --store` prints for people: each server in a line, then what it can and cannot do. */
export function storeReportText({ store, kind, promises, servers }: StoreReport): string {
  const lines = [`${store} (${kinds[kind]})`, ...promises.map(promiseLine)];
  for (const { facts, promises: own } of servers) {
    lines.push('', `${facts.address}: ${describeServer(facts)}`);
    for (const { address, state, lagSeconds } of facts.replicas ?? [])
      lines.push(`  replica ${address}: ${state}${lagSeconds === undefined ? '' : `, heard ${lagSeconds} s ago`}`);
    lines.push(...own.map(promiseLine));
  }
  return `${lines.join('\n')}\n`;
}

function promiseLine({ verdict, text }: StoreReport['promises'][number]): string {
  return `  ${verdict.padEnd(7)} ${text}`;
}

function describeServer(facts: ServerFacts): string {
  const { flavour, version, mode, role, replicas, roundTripMs, clockDifferenceMs: clock } = facts;
  return [
    `${flavours[flavour]} ${version ?? 'of unknown version'}`,
    mode ?? 'mode unknown',
    role ?? 'role unknown',
    ...(replicas === undefined ? [] : [`${replicas.length} ${replicas.length === 1 ? 'replica' : 'replicas'}`]),
    `round trip ${roundTripMs.toFixed(2)} ms`,
    clock === undefined
      ? 'clock unknown'
      : Math.abs(clock) <= Math.max(1, roundTripMs)
        ? 'clock as here'
        : `clock ${Math.abs(clock / 1000).toFixed(3)} s ${clock > 0 ? 'ahead' : 'behind'}`,
  ].join(', ');
}
