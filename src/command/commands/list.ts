import type { Command } from '../command.ts';
import { listBlockingCommands } from './list-blocking.ts';
import { listEndCommands } from './list-ends.ts';
import { listIndexCommands } from './list-indexes.ts';

export const listCommands: readonly Command[] = [...listEndCommands, ...listIndexCommands, ...listBlockingCommands];
