import type { ConfigFinding } from './finding.ts';
import { parseSecret } from './secret.ts';
import { parseStore } from './store-url.ts';
import { pathKey, type YamlSource } from './yaml-source.ts';

/** Secrets that stand in the file as plain text. */
export function plainSecrets(source: YamlSource, file: string): ConfigFinding[] {
  const findings: ConfigFinding[] = [];
  const warn = (path: readonly string[], name: string, message: string): void => {
    if (source.interpolated.has(pathKey(path))) return;
    const at = { kind: 'file', file, ...source.positionOf(path) } as const;
    findings.push({ path: name, message, source: at, topic: 'plain-secret' });
  };
  const password = 'the password stands in the file; take it from the environment, as "${NAME}"';
  if (hasPassword(memberOf(source.value, 'store'))) warn(['store'], 'store', password);
  if (typeof memberOf(memberOf(memberOf(source.value, 'upstream'), 'sentinel'), 'password') === 'string')
    warn(['upstream', 'sentinel', 'password'], 'upstream.sentinel.password', password);
  for (const list of ['users', 'tokens']) {
    const entries = source.value[list];
    for (const [index, entry] of Array.isArray(entries) ? entries.entries() : []) {
      for (const [path, name] of plainIn(entry))
        warn([list, String(index), ...path], `${list}[${index}].${name}`, inFile);
    }
  }
  for (const [name, connection] of Object.entries((memberOf(source.value, 'connections') ?? {}) as object)) {
    const [path, url] = typeof connection === 'string' ? [[], connection] : [['url'], memberOf(connection, 'url')];
    if (typeof url === 'string' && /^[a-z]+:\/\/[^/@]*:[^/@]+@/i.test(url))
      warn(['connections', name, ...path], ['connections', name, ...path].join('.'), password);
    const at = ['connections', name, 'headers'];
    for (const field of secretFieldsOf(connection)) warn([...at, field], [...at, field].join('.'), password);
  }
  const keyspaces = source.value['keyspaces'];
  for (const [index, keyspace] of Array.isArray(keyspaces) ? keyspaces.entries() : []) {
    for (const name of secretFieldsOf(memberOf(keyspace, 'origin'))) {
      warn(
        ['keyspaces', String(index), 'origin', 'headers', name],
        `keyspaces[${index}].origin.headers.${name}`,
        password,
      );
    }
  }
  return findings;
}

/** Header fields that hold what others must not know. */
const secretField = /auth|cookie|token|secret|password|api-?key/i;

/** Fields of its `headers` that do. */
function secretFieldsOf(written: unknown): readonly string[] {
  return Object.keys((memberOf(written, 'headers') ?? {}) as object).filter((name) => secretField.test(name));
}

const inFile =
  'the secret itself stands in the file; take it from the environment, or write its hash (sluice hash-secret)';

/** Where an entry of `users` or `tokens` has the secret itself. */
function plainIn(entry: unknown): (readonly [path: readonly string[], name: string])[] {
  const isPlain = (written: unknown): boolean => typeof written === 'string' && parseSecret(written)?.plain === true;
  const found: (readonly [readonly string[], string])[] = isPlain(memberOf(entry, 'secret'))
    ? [[['secret'], 'secret']]
    : [];
  const several = memberOf(entry, 'secrets');
  for (const [index, written] of Array.isArray(several) ? several.entries() : [])
    if (isPlain(written)) found.push([['secrets', String(index)], `secrets[${index}]`]);
  return found;
}

/** Passwords on the command line of a program that goes on running: every user of the machine can read them there. */
export function visiblePasswords(
  flags: Readonly<Record<string, { readonly text: string; readonly flag: string }>>,
): ConfigFinding[] {
  const { store } = flags;
  if (store === undefined || !hasPassword(store.text)) return [];
  const message =
    'other users of this machine can read the password on the command line; give the address as SLUICE_STORE';
  return [{ path: 'store', message, source: { kind: 'flag', name: store.flag } }];
}

/** Whether it is the address of a store with a password in it. */
function hasPassword(written: unknown): boolean {
  if (typeof written !== 'string') return false;
  const parsed = parseStore(written);
  return typeof parsed !== 'string' && 'kind' in parsed && parsed.password !== undefined;
}

function memberOf(value: unknown, key: string): unknown {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[key] : undefined;
}
