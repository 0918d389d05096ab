import type { Command } from '../command.ts';
import { sortedSetRangeCommands } from './sorted-set-range.ts';
import { sortedSetReadCommands } from './sorted-set-read.ts';
import { sortedSetRemoveCommands } from './sorted-set-remove.ts';
import { sortedSetWriteCommands } from './sorted-set-write.ts';

export const sortedSetCommands: readonly Command[] = [
  ...sortedSetWriteCommands,
  ...sortedSetReadCommands,
  ...sortedSetRangeCommands,
  ...sortedSetRemoveCommands,
];
