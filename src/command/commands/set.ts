import type { Command } from '../command.ts';
import { setAlgebraCommands } from './set-algebra.ts';
import { setMemberCommands } from './set-members.ts';
import { setRandomCommands } from './set-random.ts';

export const setCommands: readonly Command[] = [...setMemberCommands, ...setRandomCommands, ...setAlgebraCommands];
