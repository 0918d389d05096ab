import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { findProgram } from '../support/programs.ts';
import { runScooters } from '../support/scooters.ts';

const program = findProgram('postgres');

test.skipIf(program === undefined)(
  'examples/scooters: all that was accepted is in PostgreSQL after a kill of Sluice and of the server',
  { timeout: 120_000 },
  async () => {
    const path = `${dirname(program ?? '')}:${process.env['PATH'] ?? ''}`;
    const printed = await runScooters(['--postgres'], { PATH: path });
    expect(printed).toContain('the database is a PostgreSQL of its own');
    expect(printed).toContain('kill -9 of PostgreSQL');
  },
);
