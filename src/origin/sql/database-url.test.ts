import { describe, expect, test } from 'vitest';
import { parseDatabaseUrl } from './database-url.ts';

const server = {
  dialect: 'postgres',
  host: 'db.example',
  port: 5432,
  user: undefined,
  password: undefined,
  database: undefined,
  tls: 'disable',
  tlsCa: undefined,
};

describe('the URL of a database', () => {
  test.each<[string, object]>([
    ['postgres://db.example', server],
    [
      'postgresql://ann:p%40ss%2Fword@db.example:5433/my%20fleet',
      { ...server, port: 5433, user: 'ann', password: 'p@ss/word', database: 'my fleet' },
    ],
    ['mysql://ann@db.example/fleet', { ...server, dialect: 'mysql', port: 3306, user: 'ann', database: 'fleet' }],
    ['mariadb://[::1]/x', { ...server, dialect: 'mysql', host: '::1', port: 3306, database: 'x' }],
    ['postgres:///fleet?host=/run/postgresql', { ...server, host: '/run/postgresql', database: 'fleet' }],
    [
      'postgres://db.example/x?sslmode=verify-full&sslrootcert=/etc/ca.pem',
      { ...server, database: 'x', tls: 'verify-full', tlsCa: '/etc/ca.pem' },
    ],
    ['sqlite:./file.db', { dialect: 'sqlite', file: './file.db' }],
    ['sqlite:///var/lib/file.db', { dialect: 'sqlite', file: '/var/lib/file.db' }],
  ])('%s', (text, target) => {
    expect(parseDatabaseUrl(text)).toEqual(target);
  });

  test.each([
    'fleet',
    'oracle://db.example',
    'postgres:///fleet',
    'postgres:db.example/fleet',
    'postgres://ann:se/cret@db.example/fleet',
    'postgres://ann:secret@db.example/fleet?pool=4',
    'postgres://ann:secret@db.example/fleet?sslmode=prefer',
    'postgres://ann:secret@db.example:port/fleet',
    'postgres://ann:secret%@db.example/fleet',
    'sqlite:',
    'sqlite::memory:',
  ])('%s is refused without its password', (text) => {
    const parsed = parseDatabaseUrl(text);
    expect(parsed).toEqual({ problem: expect.any(String) });
    expect(JSON.stringify(parsed)).not.toMatch(/se\/?cret/);
  });
});
