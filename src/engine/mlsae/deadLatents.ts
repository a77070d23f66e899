import type { Evaluation } from '../../protocol/latents/corpus';
import type { LayerTotals } from './distributions';

/** Fewer than 1 in 10 million tokens (DESIGN, “dead latents”). */
export const DEAD_BELOW = 1e-7;

/** Latents that are active on fewer than `threshold` of the tokens, in every layer. */
export function deadLatents(
  { layers, nLatents, counts }: Pick<LayerTotals, 'layers' | 'nLatents' | 'counts'>,
  tokens: number,
  threshold = DEAD_BELOW,
): Evaluation['dead'] {
  let count = 0;
  for (let latent = 0; latent < nLatents; latent++)
    if (layers.every((_, l) => counts[l * nLatents + latent]! < threshold * tokens)) count++;
  return { count, fraction: count / nLatents, threshold };
}
