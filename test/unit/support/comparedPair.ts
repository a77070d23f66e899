/** Two random checkpoints of one shape, opened, each with its float64 twin. */
import type { OpenModel } from '../../../src/engine/circuitHandlers';
import { openModel } from './models';
import { forward64, type Hooks64 } from './naive64';
import type { Config, Weights } from './naive/pass';
import { writeRandomCheckpoint, type Variant } from './randomCheckpoint';

export interface ComparedModel {
  model: OpenModel;
  folder: string;
  config: Config;
  weights: Weights;
  forward: (ids: number[]) => Hooks64;
}

/** As the variant, with other random numbers in every weight: they are seeded by the order of the names. */
export const otherWeights = (variant: Variant): Variant => ({
  ...variant,
  shapes: Object.fromEntries(Object.entries(variant.shapes).reverse()),
});

async function openOne(variant: Variant): Promise<ComparedModel> {
  const { folder, config, weights } = writeRandomCheckpoint(variant);
  return { model: await openModel(folder), folder, config, weights, forward: (ids) => forward64(config, weights, ids) };
}

/** Opens both, and disposes them after `work`. */
export async function withPair<T>(
  variant: Variant,
  work: (pair: { a: ComparedModel; b: ComparedModel }) => Promise<T>,
): Promise<T> {
  const [a, b] = [await openOne(variant), await openOne(otherWeights(variant))];
  try {
    return await work({ a, b });
  } finally {
    await a.model.runner.dispose();
    await b.model.runner.dispose();
  }
}
