import type { Prediction } from '../analysis';
import type { OfSae } from '../latents';

/** What is done to hook_resid_post of one layer at every position. */
export type LatentEdit =
  /** Adds factor × W_dec[:, j]. */
  | { kind: 'add'; factor: number }
  /** Takes away what the latent contributes to the reconstruction. */
  | { kind: 'ablate' };

export interface SteerParams extends OfSae {
  ids: number[];
  latent: number;
  /** A layer that the autoencoder reads. */
  layer: number;
  edit: LatentEdit;
  /** Predictions of each position. Default 5. */
  topK?: number;
}

/** The model with and without the edit. */
export interface Steering {
  latent: number;
  layer: number;
  edit: LatentEdit;
  /** Mean cross-entropy of the text's own next tokens, in nats; NaN for one token. */
  lossBefore: number;
  lossAfter: number;
  /** KL(before ‖ after) of the next token, in nats. `[pos]` */
  kl: Float32Array;
  /** Most probable next tokens. `[pos][topK]` */
  before: Prediction[][];
  after: Prediction[][];
}

export interface SpliceParams extends OfSae {
  ids: number[];
}

/** What is lost when one layer's residual is replaced by its reconstruction. */
export interface SplicedLayer {
  layer: number;
  /** Mean cross-entropy, nats. */
  loss: number;
  lossDelta: number;
  /** Mean KL(clean ‖ spliced), nats. */
  kl: number;
  /** Fraction of positions whose most probable next token is another. */
  changed: number;
}

export interface Splice {
  /** Of the model as it is. */
  loss: number;
  layers: SplicedLayer[];
}
