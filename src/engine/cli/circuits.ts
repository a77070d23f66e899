/** The commands about circuits: one file and one line each. */
import type { Command } from 'commander';
import { ablateCommand } from './ablate';
import { bigramsCommand } from './bigrams';
import { circuitCommand } from './circuit';
import { compareCommand } from './compare';
import { compositionCommand } from './composition';
import { headsCommand } from './heads';
import { importanceCommand } from './importance';
import { inductionCommand } from './induction';
import { lensCommand } from './lens';
import { patchCommand } from './patch';
import { pathsCommand } from './paths';
import { resultCommand } from './result';
import { stepsCommand } from './steps';

export const circuitCommands: ((root: Command) => void)[] = [
  compositionCommand,
  headsCommand,
  circuitCommand,
  bigramsCommand,
  inductionCommand,
  lensCommand,
  ablateCommand,
  patchCommand,
  pathsCommand,
  importanceCommand,
  compareCommand,
  stepsCommand,
  resultCommand,
];
