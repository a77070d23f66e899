import type { Tensor } from 'onnxruntime-node';
import type { OpenModel } from '../circuitHandlers';
import type { Steps } from '../runtime/types';
import type { Sae } from './sae';

export interface EncodeRequest {
  /** Rows of hook_resid_post of one layer. `[row, n_inputs]` */
  rows: Float32Array;
  /** The same rows on the device that computed them, in parts one after another: then they are read there. */
  kept?: Tensor[];
  layer: number;
  /** Where rows of several layers are read alike: theirs, in equal parts one after another. For messages. */
  layers?: number[];
  /** Also the reconstructions. */
  recons?: boolean;
  /** Nothing is decoded, so that the decoder need not be loaded: squaredError is NaN. */
  codesOnly?: boolean;
}

/** Rows as the autoencoder sees them. */
export interface Encoded {
  /** Entries of each row. */
  k: number;
  /** Largest activation first; an entry whose value is 0 is not active. `[row, k]` */
  indices: Int32Array;
  values: Float32Array;
  /** Active latents and sum of activations; also of those beyond k. `[row]` */
  l0: Float32Array;
  l1: Float32Array;
  /** Σ (x − x̃)² over features. `[row]` */
  squaredError: Float32Array;
  /** `[row, n_inputs]` */
  recons?: Float32Array;
  /** s of standardization (without the 1e−5), 1 without: a latent adds value · scale · W_dec[:, j] to the residual. `[row]` */
  scale: Float32Array;
}

/** Runs one autoencoder on one provider. Sessions are created by the first call that needs them. */
export interface SaeRunner {
  /** In chunks of rows, so that memory is bounded. */
  encode(request: EncodeRequest, steps?: Steps): Promise<Encoded>;
  /** Decoder columns W_dec[:, j], as stored; for a layer: as they act on its residual, the tuned lens undone. `[latent, n_inputs]` */
  decoderRows(latents: number[], layer?: number, steps?: Steps): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** An open autoencoder with its model. */
export interface OpenSae {
  sae: Sae;
  saeRunner: SaeRunner;
  model: OpenModel;
}
