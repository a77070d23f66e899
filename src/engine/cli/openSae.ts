/** What the commands about latents have in common: opening a sparse autoencoder beside its model. */
import type { Command } from 'commander';
import { InputError } from '../checkpoint/errors';
import { openSae, type OpenSaeOptions } from '../mlsae/open';
import { createSaeRunner } from '../mlsae/runner';
import type { OpenSae } from '../mlsae/types';
import { checkpointCommand, wholeNumber, withModel, type CheckpointOptions } from './open';
import { note } from './print';

export interface SaeOptions extends CheckpointOptions {
  mlsae: string;
  tunedLens?: string;
  /** Of a single-layer autoencoder. */
  layer?: string;
}

/** Adds --mlsae and --tuned-lens. */
export const withSaePath = (command: Command): Command =>
  command
    .requiredOption('--mlsae <folder>', 'sparse autoencoder trained on the model: its folder, or a file in it')
    .option('--tuned-lens <path>', 'translators (safetensors) that are applied before the encoder and undone after it');

/** `circuitscope NAME CHECKPOINT --mlsae SAE [--tuned-lens F] [--layer N] [--json] [--provider NAME]` */
export const saeCommand = (root: Command, name: string, description: string, json: string): Command =>
  withSaePath(checkpointCommand(root, name, description, json)).option(
    '--layer <N>',
    'layer of a single-layer autoencoder whose files do not say it',
  );

export interface WithSaeOptions extends CheckpointOptions {
  tunedLens?: string;
  /** `--layer`, the autoencoder's own. */
  layer?: string;
  /** Taken for the autoencoder's own layer only where its files do not say it: of a command whose `--layer` has another meaning. */
  fallbackLayer?: number;
}

/** Opens a model and an autoencoder, does `work` with them, and lets go of both. Notices go to stderr. */
export async function withSae(
  path: string,
  saePath: string,
  options: WithSaeOptions,
  work: (open: OpenSae) => Promise<void>,
): Promise<void> {
  const layer = wholeNumber('--layer', options.layer);
  const given: OpenSaeOptions = {
    ...(options.tunedLens !== undefined && { tunedLens: options.tunedLens }),
    ...(layer !== undefined && { layer }),
  };
  await withModel(path, options, async (model) => {
    const open = (more: OpenSaeOptions = {}): ReturnType<typeof openSae> =>
      openSae(saePath, model.checkpoint, { ...given, ...more });
    const sae = await open().catch((error: unknown) => {
      if (!(error instanceof InputError) || options.fallbackLayer === undefined) throw error;
      return open({ layer: options.fallbackLayer }).catch(() => Promise.reject(error));
    });
    const saeRunner = createSaeRunner(sae, model.runner.provider);
    try {
      await work({ sae, saeRunner, model });
      sae.notices.forEach(note);
    } finally {
      await saeRunner.dispose();
    }
  });
}
