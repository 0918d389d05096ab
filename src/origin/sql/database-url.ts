import type { SqlDialect } from './database.ts';

/** A database on a server. */
export interface ServerTarget {
  readonly dialect: 'postgres' | 'mysql';
  /** A host name, an address without brackets, or the folder (PostgreSQL) or file (MySQL) of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** `require`: encrypted, whoever it is. `verify-full`: the certificate is checked for the host's name. */
  readonly tls: 'disable' | 'require' | 'verify-full';
  /** A file of certificates to trust (PEM) instead of the machine's. */
  readonly tlsCa: string | undefined;
}

/** A database file, relative to the folder the process runs in. */
export interface FileTarget {
  readonly dialect: 'sqlite';
  readonly file: string;
}

export type DatabaseTarget = ServerTarget | FileTarget;

/** The forms {@link parseDatabaseUrl} accepts, for messages. */
export const databaseUrlForm =
  'postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE, mysql://… or mariadb://… of the same form (each with ?sslmode=require or verify-full for TLS), or sqlite:FILE';

const schemes: ReadonlyMap<string, SqlDialect> = new Map([
  ['postgres', 'postgres'],
  ['postgresql', 'postgres'],
  ['mysql', 'mysql'],
  ['mariadb', 'mysql'],
  ['sqlite', 'sqlite'],
]);
const settings = ['host', 'sslmode', 'sslrootcert'];

/**
 * Reads where a database is. User, password, database and host are percent-decoded; `?host=/run/postgresql` names a Unix socket.
 * @returns what is wrong, never with the text itself, which may hold a password: `{ problem }`
 */
export function parseDatabaseUrl(text: string): DatabaseTarget | { readonly problem: string } {
  const [, scheme = '', rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(text) ?? [];
  const dialect = schemes.get(scheme.toLowerCase());
  if (dialect === undefined)
    return { problem: scheme === '' ? 'there is no scheme such as postgres://' : `the scheme ${scheme}: is unknown` };
  if (dialect === 'sqlite') return parseFile(rest);
  let url: URL;
  try {
    url = new URL(text);
    const query = url.searchParams;
    for (const name of query.keys()) {
      if (!settings.includes(name)) return { problem: `${name} is no setting of it; there is ${settings.join(', ')}` };
    }
    const host = query.get('host') ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
    if (!rest.startsWith('//') || host === '') return { problem: 'the host is missing' };
    if (url.hash !== '') return { problem: '# is written %23' };
    const database = decodeURIComponent(url.pathname.slice(1));
    const tls = query.get('sslmode') ?? 'disable';
    if (tls !== 'disable' && tls !== 'require' && tls !== 'verify-full')
      return { problem: 'sslmode is disable, require or verify-full' };
    return {
      dialect,
      host,
      port: url.port === '' ? (dialect === 'postgres' ? 5432 : 3306) : Number(url.port),
      user: url.username === '' ? undefined : decodeURIComponent(url.username),
      password: url.password === '' ? undefined : decodeURIComponent(url.password),
      database: database === '' ? undefined : database,
      tls,
      tlsCa: query.get('sslrootcert') ?? undefined,
    };
  } catch {
    return {
      problem: 'it is no URL; special characters in user and password are percent-encoded (@ is %40, / is %2F)',
    };
  }
}

function parseFile(rest: string): FileTarget | { readonly problem: string } {
  const file = rest.startsWith('//') ? rest.slice(2) : rest;
  if (file === '') return { problem: 'the file is missing' };
  if (file === ':memory:') return { problem: 'a database in memory belongs to one connection: name a file' };
  return { dialect: 'sqlite', file };
}
