import type { Command } from '../command.ts';

export const transactionCommands: readonly Command[] = [];
