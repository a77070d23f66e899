/** The commands that train: one file and one line each. */
import type { Command } from 'commander';
import { trainMlsaeCommand } from './trainMlsae';
import { trainToyCommand } from './trainToy';
import { trainingCommand } from './training';

export const trainingCommands: ((root: Command) => void)[] = [trainMlsaeCommand, trainToyCommand, trainingCommand];
