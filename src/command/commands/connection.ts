import type { Command } from '../command.ts';

export const connectionCommands: readonly Command[] = [];
