import * as l10n from '@vscode/l10n';
import type { Evaluation } from '../../protocol/latents/corpus';
import { InputError } from '../checkpoint/errors';
import type { LayerTotals } from './distributions';

/** Fewer than 1 in 10 million tokens. */
export const DEAD_BELOW = 1e-7;

/** @throws InputError when it is no fraction */
export function checkDeadBelow(deadBelow = DEAD_BELOW): number {
  if (deadBelow >= 0 && deadBelow <= 1) return deadBelow;
  throw new InputError(
    l10n.t('deadBelow: found {0}, a fraction of the tokens from 0 to 1 was expected.', String(deadBelow)),
  );
}

/**
 * Latents that are active on fewer than `deadBelow` of the tokens. A latent is one latent whatever the layer: its counts are
 * added up over the layers, as counts `[layer, latent]` do not say on which tokens several layers share. A token on which it is
 * active at two layers therefore counts twice.
 */
export function deadLatents(
  { layers, nLatents, counts }: Pick<LayerTotals, 'layers' | 'nLatents' | 'counts'>,
  tokens: number,
  deadBelow?: number,
): Evaluation['dead'] {
  const threshold = checkDeadBelow(deadBelow);
  let dead = 0;
  for (let latent = 0; latent < nLatents; latent++) {
    const active = layers.reduce((sum, _, l) => sum + counts[l * nLatents + latent]!, 0);
    if (active < threshold * tokens) dead++;
  }
  return { count: dead, fraction: dead / nLatents, threshold };
}
