/** What a server is like. */
export interface MysqlServer {
  readonly isMariadb: boolean;
  /** Of MySQL or MariaDB, such as 80041 of 8.0.41. */
  readonly version: number;
  /** Bytes of a statement. */
  readonly maxPacket: number;
}

/**
 * What does not fit a column is an error, never cut or taken for 0; 0 is no request for the next number; and text in quotes may hold
 * backslashes only as escapes.
 */
const sqlMode = [
  'STRICT_TRANS_TABLES',
  'STRICT_ALL_TABLES',
  'NO_ZERO_IN_DATE',
  'NO_ZERO_DATE',
  'ERROR_FOR_DIVISION_BY_ZERO',
  'NO_AUTO_VALUE_ON_ZERO',
  'NO_ENGINE_SUBSTITUTION',
].join(',');

/**
 * Statements that every connection begins with. The server's time-outs end before ours, so that we hear what became of a statement. The other
 * settings make text of the same meaning everywhere.
 * @param timeout ours, ms
 * @param isLogged the binary log has statements
 */
export function sessionSettings(
  { isMariadb }: MysqlServer,
  { timeout, isLogged }: { readonly timeout: number; readonly isLogged: boolean },
): readonly string[] {
  const lockTimeout = Math.max(1, Math.floor((timeout * 0.6) / 1000));
  const idleTimeout = Math.max(1, Math.ceil(timeout / 1000));
  const settings = [
    'NAMES utf8mb4',
    `SESSION sql_mode = '${sqlMode}'`,
    `SESSION time_zone = '+00:00'`,
    `SESSION innodb_lock_wait_timeout = ${lockTimeout}`,
    `SESSION lock_wait_timeout = ${lockTimeout}`,
    // A node of ours that is frozen within a transaction must not keep rows locked. Connections that lie idle are closed before.
    `SESSION wait_timeout = ${Math.max(90, idleTimeout)}`,
    ...(isMariadb
      ? [
          `SESSION max_statement_time = ${Math.max(0.01, (timeout * 0.8) / 1000)}`,
          `SESSION idle_transaction_timeout = ${idleTimeout}`,
        ]
      : []),
    // Fewer locks: none on what lies between rows.
    ...(isLogged ? [] : ['SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED']),
  ];
  return settings.map((setting) => `SET ${setting}`);
}

/** The smallest that a server can be set to, bytes. */
const MIN_PACKET = 1024;

/** @param variables of the server, by name */
export function serverOf(variables: ReadonlyMap<string, string>): MysqlServer {
  const version = variables.get('version') ?? '';
  // MariaDB puts 5.5.5- before its own where old clients would take 10 for 1.0.
  const [, major = '0', minor = '0', patch = '0'] = /^(?:5\.5\.5-)?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return {
    isMariadb: /mariadb/i.test(version),
    version: Number(major) * 10_000 + Number(minor) * 100 + Number(patch),
    maxPacket: Number(variables.get('max_allowed_packet') ?? MIN_PACKET),
  };
}
