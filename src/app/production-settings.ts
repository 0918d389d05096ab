import { formatAddress, isLoopbackHost } from '../config/address.ts';
import type { LoadedConfig } from '../config/load.ts';
import { listenerNames, type SluiceConfig } from '../config/schema.ts';
import { isRemote, storeName } from '../config/store-url.ts';
import type { OpenPoint, ProductionFacts } from './open-point.ts';

/** Files beside client connections: the journal, logs, connections to stores and origins, node's own. */
const OTHER_FILES = 256;
/** A client that waits longer for an origin has mostly gone. */
const LONGEST_FETCH_MS = 30_000;

/** What the settings leave open. */
export function settingPoints({ value: config, sources }: LoadedConfig, facts: ProductionFacts): OpenPoint[] {
  const points: OpenPoint[] = [];
  const open = (about: string, message: string, mend: string): void => void points.push({ about, message, mend });
  access(config, open);
  listeners(config, open);
  if (facts.uid === 0)
    open('root', 'it would run as root', 'a user of its own for the process, which owns the data folder');
  storage(config, open);
  bounds(config, sources.has('maxBytes'), facts, open);
  logging(config, open);
  keyspaces(config, open);
  writtenBehind(config, open);
  fetches(config, open);
  return points;
}

type Open = (about: string, message: string, mend: string) => void;

function access({ users, tokens, aclFile, insecure, http }: SluiceConfig, open: Open): void {
  if (users.length === 0 && tokens.length === 0 && aclFile === undefined)
    open(
      'users',
      'nobody has to say who they are',
      'users: [{ name: app, secret: "${APP_SECRET}" }], or tokens, or aclFile',
    );
  if (insecure) open('insecure', 'insecure is set: addresses are served to everybody', 'insecure: false');
  if (http?.cors?.origins.includes('*') === true)
    open(
      'cors',
      'pages of all web sites may use the HTTP listener through a browser',
      'http.cors.origins: the origins of your pages',
    );
}

function listeners(config: SluiceConfig, open: Open): void {
  for (const name of listenerNames) {
    const listener = config[name];
    if (listener === undefined || isLoopbackHost(listener.address.host)) continue;
    const where = formatAddress(listener.address);
    if (listener.tls === undefined) {
      open(
        'tls',
        `${name} ${where} can be reached from other machines without TLS: secrets and values cross the network as they are`,
        `${name}: { address: "${where}", tls: { cert: …, key: … } }, or a loopback address behind a proxy with TLS`,
      );
    }
    if (name === 'admin' && listener.tls?.requestClientCert !== 'required') {
      open(
        'admin',
        `admin ${where} can be reached from other machines: it tells names, sizes and settings, and gives out backups`,
        `admin: 127.0.0.1:${listener.address.port}, or admin.tls.requestClientCert: required`,
      );
    }
  }
}

function storage({ store, durability }: SluiceConfig, open: Open): void {
  if (store === 'memory') {
    open('durability', 'keys are kept in memory only, and gone after a restart', 'store: embedded');
  } else if (!isRemote(store)) {
    if (durability === 'memory')
      open('durability', 'acknowledged writes may be lost when the process ends', 'durability: commit, or fsync');
  } else {
    const away = store.endpoints.filter(({ host }) => !isLoopbackHost(host));
    if (away.length === 0) return;
    if (!store.tls)
      open('store-tls', `${storeName(store)} is on another machine and not reached over TLS`, 'store: rediss…://');
    if (store.password === undefined) {
      open(
        'store-password',
        `${storeName(store)} is on another machine and no password is given`,
        'store: redis…://NAME:${PASSWORD}@…, and a user at the store with no more rights than needed',
      );
    }
  }
}

function bounds(config: SluiceConfig, maxBytesIsSet: boolean, facts: ProductionFacts, open: Open): void {
  const { limits, store, upstream } = config;
  const reachable = listenerNames.filter((name) => config[name] !== undefined);
  if (limits.rate.perUser === undefined)
    open('rate-user', 'a user may send as many requests as the machine can take', 'limits.rate.perUser: 1000/1s');
  if (limits.rate.perAddress === undefined)
    open('rate-address', 'an address may try as many secrets as it likes', 'limits.rate.perAddress: 100/1s');
  if (limits.connectionsPerAddress === 0)
    open('connections', 'one address may take all connections', 'limits.connectionsPerAddress: 1000');
  if (limits.inFlight.bytes === 0 || limits.outputBytes === 0)
    open(
      'buffers',
      'what clients send or do not read may take all memory',
      'limits.inFlight.bytes, limits.outputBytes: 256MiB',
    );
  if (limits.inFlight.requests === 0)
    open('requests', 'requests under way are not bounded', 'limits.inFlight.requests: 10000');
  if (!isRemote(store) && !maxBytesIsSet && facts.memoryBound === undefined) {
    open(
      'memory',
      'maxBytes is half of the machine, and nothing bounds the memory of the process',
      'maxBytes: 4GiB, and about twice that as MemoryMax of the unit or limit of the container',
    );
  }
  const total = limits.totalConnections;
  const clients = total > 0 ? total : limits.maxConnections * reachable.length;
  const needed = clients + (isRemote(store) ? upstream.dedicated : 0) + OTHER_FILES;
  if (facts.openFiles !== undefined && facts.openFiles < needed) {
    open(
      'open-files',
      `the process may open ${facts.openFiles} files, and the limits of connections allow for ${needed}`,
      `LimitNOFILE=${needed} of the unit (ulimit -n), or lower limits.maxConnections, limits.totalConnections`,
    );
  }
}

function logging({ log }: SluiceConfig, open: Open): void {
  const isFine = (level: string): boolean => level === 'debug' || level === 'trace';
  const parts = Object.entries(log.levels).filter(([, level]) => isFine(level));
  if (isFine(log.level) || parts.length > 0) {
    const where = isFine(log.level) ? `log.level is ${log.level}` : `log.levels.${parts[0]?.[0]} is ${parts[0]?.[1]}`;
    open('log-level', `${where}: a line for each request, which fills disks`, 'log.level: info');
  }
  if (log.level === 'silent' || log.levels['audit'] === 'silent') {
    if (log.audit.file === undefined)
      open('audit', 'nothing is logged, changes by administrators included', 'log.level: info, or log.audit.file');
  }
}

function keyspaces({ keyspaces: all }: SluiceConfig, open: Open): void {
  for (const [i, { match, mode, origin, grace, timeout }] of all.entries()) {
    const at = `keyspaces[${i}]`;
    // Rows that are written behind have none.
    if (origin === undefined) continue;
    if (mode === 'read' && grace === 0)
      open(
        'grace',
        `${at} (${match}) has no grace: readers get an error whenever the origin fails`,
        `${at}.grace: 10m`,
      );
    if (origin.http !== undefined && origin.rate === undefined) {
      open(
        'origin-rate',
        `${at} (${match}) asks its API as often as keys are missed`,
        `${at}.origin.rate: what the API allows, such as 10/1s`,
      );
    }
    if (timeout > LONGEST_FETCH_MS)
      open(
        'origin-timeout',
        `${at} (${match}) lets clients wait ${timeout / 1000} s for its origin`,
        `${at}.timeout: 5s`,
      );
    if (origin.http !== undefined && isPlainHttp(origin.http) && Object.keys(origin.headers).length > 0)
      open('origin-tls', `${at} (${match}) sends its header fields over http`, `${at}.origin.http: https://…`);
  }
}

/** Rows that are accepted now and written later: between the two they must not be lost. */
function writtenBehind({ keyspaces: all, store, durability }: SluiceConfig, open: Open): void {
  for (const [i, { match, writeBehind }] of all.entries()) {
    if (writeBehind === undefined) continue;
    const { ack, shape, delete: deletes, fence, alarm } = writeBehind;
    const at = `keyspaces[${i}]`;
    const isKept = isRemote(store) || (store === 'embedded' && durability !== 'memory');
    if (!isKept) {
      open(
        'write-behind-store',
        `${at} (${match}) accepts rows into memory: those that are not written yet are gone after a restart`,
        'store: embedded, durability: commit, or fsync',
      );
    } else if (ack === 'memory') {
      open(
        'write-behind-ack',
        `${at} (${match}) answers before a row is kept: what was accepted last is lost when the process ends`,
        `${at}.writeBehind.ack: store`,
      );
    }
    if (isRemote(store) && shape === 'row' && deletes === 'remove' && fence === undefined) {
      open(
        'write-behind-fence',
        `${at} (${match}) removes rows and has no fence: a row that is removed may come back when a node that was held up writes late`,
        `${at}.writeBehind.fence: a table of (name, epoch)`,
      );
    }
    if (alarm.lag === 0 && alarm.pending === 0)
      open(
        'write-behind-alarm',
        `${at} (${match}) raises no alarm when rows are not written`,
        `${at}.writeBehind.alarm.lag: 1m`,
      );
  }
}

function fetches({ fetch }: SluiceConfig, open: Open): void {
  for (const [i, pattern] of fetch.allow.entries()) {
    if (pattern.includes('://*.')) {
      const message = `fetch.allow[${i}] (${pattern}) allows hosts that somebody else may come to own`;
      open('fetch-allow', message, `fetch.allow[${i}]: each host by name`);
    } else if (isPlainHttp(pattern)) {
      open('fetch-allow', `fetch.allow[${i}] (${pattern}) fetches over http`, `fetch.allow[${i}]: https://…`);
    }
  }
  for (const [i, range] of fetch.addresses.entries()) {
    if (fetch.allow.length === 0 || !isDangerous(range)) continue;
    open(
      'fetch-addresses',
      `fetch.addresses[${i}] (${range}) lets callers reach this machine, its cloud's metadata, or very many addresses`,
      `fetch.addresses[${i}]: only the hosts that are fetched from, such as 10.1.2.3/32`,
    );
  }
  if (fetch.allow.length > 0 && fetch.rate === undefined)
    open('fetch-rate', 'callers may have origins asked as often as they like', 'fetch.rate: 10/1s');
}

function isPlainHttp(url: string): boolean {
  const host = /^http:\/\/(\[[^\]]*\]|[^/:]*)/i.exec(url)?.[1];
  return host !== undefined && !isLoopbackHost(host.replace(/^\[|\]$/g, ''));
}

/** Loopback, link-local (metadata of clouds), or a large part of all addresses. */
function isDangerous(range: string): boolean {
  const [address = '', bits = ''] = range.toLowerCase().split('/');
  if (address.includes(':')) return /^(?:::1?$|fe[89ab]|::ffff:)/.test(address) || Number(bits) < 32;
  return /^(?:127\.|169\.254\.|0\.)/.test(address) || Number(bits) < 8;
}
