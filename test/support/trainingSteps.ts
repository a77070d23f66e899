/** A folder of “training steps”, made from a sample: its attention forms out of noise. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gaussian, readTensors, tempFolder, writeTensors } from '../unit/support/files';

/** What decides where heads look, in the samples' names; in a GPT-NeoX what they move too. */
const ATTENTION = /W_[QK]$|query_key_value\.weight$/;

/** A share of the weights, the rest noise of the same size. */
function mixed(data: Float64Array, share: number, seed: number): Float64Array {
  const size = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
  const noise = share < 1 ? gaussian(data.length, seed, size) : data;
  return data.map((value, i) => share * value + (1 - share) * noise[i]!);
}

/**
 * Writes `step1000`, `step2000`, … with the sample's config and tokenizer; each has one of `shares` of the sample's weights of
 * attention. A share of 1 is the sample itself.
 * @returns their folders
 */
export function writeSteps(sample: string, shares: readonly number[]): string[] {
  const folder = tempFolder();
  const tensors = Object.entries(readTensors(join(sample, 'model.safetensors')));
  return shares.map((share, i) => {
    const step = join(folder, `step${(i + 1) * 1000}`);
    for (const file of readdirSync(sample))
      if (file.endsWith('.json')) cpSync(join(sample, file), join(step, file), { recursive: true });
    const own = tensors.map(([name, { shape, data }], seed) => [
      name,
      { shape, data: ATTENTION.test(name) ? mixed(data, share, seed + 1) : data },
    ]);
    writeTensors(join(step, 'model.safetensors'), Object.fromEntries(own));
    return step;
  });
}
