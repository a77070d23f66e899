/** Where a latent points in the residual stream: its decoder column, through the inverse of the tuned lens where there is one. */
import * as l10n from '@vscode/l10n';
import type { Steps } from '../runtime/types';
import type { Direction } from './headsOfLatent';
import type { OpenSae } from './types';

export interface ResidualDirections {
  /** Where it reads the stream first, and last: what embeddings and W_U are compared with. `[d_model]` */
  first: Float32Array;
  last: Float32Array;
  /** Of unit length, as heads of a layer meet it. */
  ofHeads(layer: number): Direction;
  notices: string[];
}

/** What a latent adds to hook_resid_post of each layer. */
export async function residualDirections(
  { sae, saeRunner, model }: OpenSae,
  latent: number,
  steps: Steps,
): Promise<ResidualDirections> {
  if (!sae.tunedLens) {
    const stored = await saeRunner.decoderRows([latent]);
    const d = unit(stored);
    return { first: stored, last: stored, ofHeads: () => ({ written: d, read: d }), notices: [] };
  }
  const byLayer = new Map<number, Float32Array>();
  for (const layer of sae.layers) byLayer.set(layer, await saeRunner.decoderRows([latent], layer, steps));
  const at = (layer: number): Float32Array => byLayer.get(nearest(sae.layers, layer))!;
  return {
    first: at(0),
    last: at(model.checkpoint.description.nLayers - 1),
    // a head reads what the layer before it left
    ofHeads: (layer) => ({ written: unit(at(layer)), read: unit(at(layer - 1)) }),
    notices: [
      l10n.t(
        'The decoder direction is taken back through the inverse of the tuned lens: for a head by the translator of its layer (reading: of the layer before), for the logits by that of the last, for embeddings by that of the first layer that the autoencoder reads. Latents are compared as they are stored.',
      ),
    ],
  };
}

const nearest = (layers: number[], layer: number): number =>
  layers.reduce((best, each) => (Math.abs(each - layer) < Math.abs(best - layer) ? each : best));

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((value) => value / length) : vector;
}
