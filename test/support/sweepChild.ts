/** Sweeps a corpus with the sample, saving after every sequence, and says so after each; a test kills it. */
import { join } from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { sweepSaving } from '../../src/engine/mlsae/corpus/sweep';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import { createRunner } from '../../src/engine/runtime/runner';
import type { SweepParams } from '../../src/protocol/latents/corpus';

async function main([samples, params]: string[]): Promise<void> {
  const checkpoint = await openCheckpoint(join(samples!, 'neox-6l'));
  const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
  const sae = await openSae(join(samples!, 'mlsae-neox-6l-x16-k16'), checkpoint);
  const open = { sae, saeRunner: createSaeRunner(sae, runner.provider), model: { checkpoint, runner } };
  const steps = { step: async (message: string) => void process.stdout.write(`${message}\n`) };
  await sweepSaving(open, JSON.parse(params!) as Omit<SweepParams, 'saeId'>, steps, 0);
}
void main(process.argv.slice(2));
