/** The commands about circuits: one file and one line each. */
import type { Command } from 'commander';

export const circuitCommands: ((root: Command) => void)[] = [];
