import { z } from 'zod';
import { databaseUrlForm, parseDatabaseUrl } from '../origin/sql/database-url.ts';
import { countSetting, durationSetting, settingRegistry } from './setting.ts';

const url = z.string({ error: () => `expected ${databaseUrlForm}` }).transform((written, context) => {
  const target = parseDatabaseUrl(written);
  if (!('problem' in target)) return written;
  // The text is not repeated: it may hold a password.
  context.issues.push({ code: 'custom', message: `${target.problem}; expected ${databaseUrlForm}`, input: '' });
  return z.NEVER;
});

const connection = z.union(
  [
    url,
    z.strictObject({
      url,
      maxConnections: countSetting(10, { description: 'Connections at a time.', min: 1, max: 1000 }),
      connectTimeout: durationSetting('5s', { description: 'How long connecting may take.', min: '100ms', max: '1h' }),
    }),
  ],
  { error: explain },
);

/** What is wrong with the form that was written. */
function explain({
  input,
  errors,
}: {
  readonly input?: unknown;
  readonly errors?: readonly z.core.$ZodIssue[][];
}): string {
  const [text, structure] = errors ?? [];
  const [issue] = (typeof input === 'string' ? text : structure) ?? [];
  const expected = `expected ${databaseUrlForm}, or { url, maxConnections, connectTimeout }`;
  if (issue === undefined || (issue.path.length === 0 && issue.code === 'invalid_type')) return expected;
  return [...issue.path, issue.message].join(': ');
}

/** Databases by name. */
export const connections = z
  .record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, { error: () => 'expected a name of letters, digits, - and _' }),
    connection.transform((written) =>
      typeof written === 'string' ? { url: written, maxConnections: 10, connectTimeout: 5000 } : written,
    ),
    { error: () => 'expected a mapping of names to databases' },
  )
  .prefault({})
  .register(settingRegistry, {
    description:
      'Databases, by names that keyspaces refer to: `postgres://USER:PASSWORD@HOST/DATABASE`, `mysql://…`, `mariadb://…` (each with ' +
      '`?sslmode=require` or `verify-full` for TLS) or `sqlite:FILE`, or `{ url, maxConnections: 10, connectTimeout: 5s }`. Connections are ' +
      'made when they are needed. PostgreSQL needs the package `pg`, MySQL and MariaDB `mysql2`.',
    form: 'a mapping of names to databases',
    kind: 'structure',
    reloadable: false,
    secret: true,
    defaultText: 'none',
  });
