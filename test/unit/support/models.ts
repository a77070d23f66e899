/** Open models for tests of analyses: samples, and random checkpoints with their float64 twin. */
import { join } from 'node:path';
import { openCheckpoint } from '../../../src/engine/checkpoint/open';
import type { OpenModel } from '../../../src/engine/circuitHandlers';
import { createRunner } from '../../../src/engine/runtime/runner';
import type { RunnerOptions } from '../../../src/engine/runtime/runner';
import type { Steps } from '../../../src/engine/runtime/types';
import { SAMPLES } from './files';
import { forward64, type Edit64, type Hooks64 } from './naive64';
import { writeRandomCheckpoint, type Variant } from './randomCheckpoint';
import { PROVIDER } from './provider';

export const noSteps: Steps = { step: async () => undefined };

export async function openModel(folder: string, limits?: RunnerOptions['limits']): Promise<OpenModel> {
  const checkpoint = await openCheckpoint(folder);
  const options = { providers: [PROVIDER], log: (): void => undefined, ...(limits && { limits }) };
  return { checkpoint, runner: await createRunner(checkpoint, options) };
}

export const openSample = (name: string): Promise<OpenModel> => openModel(join(SAMPLES, name));

/** A random checkpoint, opened, and the same forward pass in float64. */
export async function openRandom(
  variant: Variant,
): Promise<{ model: OpenModel; folder: string; forward: (ids: number[], edit?: Edit64) => Hooks64 }> {
  const { folder, config, weights } = writeRandomCheckpoint(variant);
  const forward = (ids: number[], edit?: Edit64): Hooks64 => forward64(config, weights, ids, edit);
  return { model: await openModel(folder), folder, forward };
}

/** Ids that repeat, so that attention has something to find. */
export const promptOf = ({ nTokens = 9 }: Variant, dVocab: number): number[] =>
  Array.from({ length: nTokens }, (_, i) => (i * i * 5 + 3) % dVocab);
