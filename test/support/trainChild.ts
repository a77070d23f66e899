/** Trains an MLSAE on the sample, and says how far it is between any two steps of the work; a test kills it. */
import { join } from 'node:path';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { createRunner } from '../../src/engine/runtime/runner';
import { trainMlsae } from '../../src/engine/train/mlsae/train';
import type { TrainMlsaeParams } from '../../src/protocol/training';

async function main([samples, params]: string[]): Promise<void> {
  const checkpoint = await openCheckpoint(join(samples!, 'neox-6l'));
  const runner = await createRunner(checkpoint, { providers: ['cpu'], log: () => undefined });
  const steps = {
    step: async (_message: string, fraction = 0) => void process.stdout.write(`${fraction}\n`),
  };
  await trainMlsae({ checkpoint, runner }, JSON.parse(params!) as TrainMlsaeParams, steps);
}
void main(process.argv.slice(2));
