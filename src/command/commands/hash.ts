import type { Command } from '../command.ts';
import { hashReadCommands } from './hash-read.ts';
import { hashWriteCommands } from './hash-write.ts';

export const hashCommands: readonly Command[] = [...hashWriteCommands, ...hashReadCommands];
