import type { Command } from '../command.ts';

export const pubSubCommands: readonly Command[] = [];
