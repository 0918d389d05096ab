#!/usr/bin/env -S node --
import { version } from '../app/version.ts';
import { runProgram } from './program.ts';

// A reader that goes away (`sluice keys scan | head`) is no failure, and no reason for a node to end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.argv[2] !== 'start') process.exit(0);
});
process.exitCode = await runProgram(process.argv.slice(2), version());
