/** The commands about latents: one file and one line each. */
import type { Command } from 'commander';
import { evaluateCommand } from './evaluate';
import { latentCommand } from './latent';
import { latentsCommand } from './latents';
import { layersCommand } from './layers';
import { mergeCommand } from './merge';
import { neuronpediaCommand } from './neuronpedia';
import { steerCommand } from './steer';
import { sweepCommand } from './sweep';

export const latentCommands: ((root: Command) => void)[] = [
  latentsCommand,
  latentCommand,
  layersCommand,
  sweepCommand,
  mergeCommand,
  steerCommand,
  evaluateCommand,
  neuronpediaCommand,
];
