import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/app/system-clock.ts';
import { openConnection } from '../../src/origin/sql/open-connection.ts';
import { startMariadb } from '../support/mariadb.ts';
import { startPostgres } from '../support/postgres.ts';
import { findProgram } from '../support/programs.ts';
import { type Certificates, makeCertificates } from '../support/redis-tls.ts';
import { disposable, errorOf, fetchBy, valueIn } from '../support/sql-fetch.ts';

const servers = {
  PostgreSQL: {
    program: 'postgres',
    start: ({ serverCert, serverKey }: Certificates) =>
      startPostgres(['ssl=on', `ssl_cert_file=${serverCert}`, `ssl_key_file=${serverKey}`]),
    encrypted: 'select ssl as yes from pg_stat_ssl where pid = pg_backend_pid()',
    yes: '{"yes":true}',
  },
  MariaDB: {
    program: 'mariadbd',
    start: ({ ca, serverCert, serverKey }: Certificates) =>
      startMariadb([`--ssl-ca=${ca}`, `--ssl-cert=${serverCert}`, `--ssl-key=${serverKey}`]),
    encrypted: `select variable_value <> '' as yes from information_schema.session_status where variable_name = 'Ssl_cipher'`,
    yes: '{"yes":1}',
  },
} as const;

describe.each(Object.entries(servers).filter(([, { program }]) => findProgram(program) !== undefined))(
  '%s with TLS',
  (_name, { start, encrypted, yes }) => {
    let certificates: Certificates;
    let server: Awaited<ReturnType<typeof start>>;
    const open = (query: string, host = '127.0.0.1') =>
      openConnection({ name: 'fleet', url: `${server.url().replace('127.0.0.1', host)}${query}`, clock: systemClock });

    beforeAll(async () => {
      certificates = await makeCertificates();
      giveToServer(certificates);
      server = await start(certificates);
    });
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      await certificates?.[Symbol.asyncDispose]();
    });

    test.each(['?sslmode=require', '?sslmode=verify-full&sslrootcert='])('%s is encrypted', async (query) => {
      await using one = disposable(await open(query.endsWith('=') ? `${query}${certificates.ca}` : query));
      expect(await valueIn(fetchBy(one.database, encrypted))).toBe(yes);
    });

    test('a certificate of an authority that is not known is refused', async () => {
      await using one = disposable(await open('?sslmode=verify-full'));
      const failure = await errorOf(fetchBy(one.database, encrypted));
      expect(failure).toMatchObject({ code: 'ORIGIN_FAILED', message: expect.stringMatching(/cannot connect: .+/) });
    });

    test('a certificate for another name is refused', async () => {
      // The same address, written so that the certificate does not have it.
      await using one = disposable(await open(`?sslmode=verify-full&sslrootcert=${certificates.ca}`, '127.1'));
      const failure = await errorOf(fetchBy(one.database, encrypted));
      expect(failure.message).toMatch(/^connection fleet: cannot connect: .*altname/i);
    });

    test('a file of certificates that is not there is named', async () => {
      await using one = disposable(await open('?sslmode=verify-full&sslrootcert=/nowhere.pem'));
      const failure = await errorOf(fetchBy(one.database, encrypted));
      expect(failure.message).toBe('connection fleet: the certificates /nowhere.pem cannot be read: ENOENT');
    });
  },
);

/** The servers run as another user when we are root, and PostgreSQL wants its key to belong to nobody else. */
function giveToServer({ ca, serverCert, serverKey }: Certificates): void {
  chmodSync(serverKey, 0o600);
  if (process.getuid?.() !== 0) return;
  chmodSync(dirname(ca), 0o755);
  for (const file of [ca, serverCert]) chmodSync(file, statSync(file).mode | 0o444);
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  chownSync(serverKey, Number(uid), Number(gid));
}
