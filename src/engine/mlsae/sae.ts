import type { SaeFormat } from '../../protocol/latents';
import type { StoredTensor } from '../checkpoint/checkpoint';
import type { WeightRef } from '../checkpoint/description';

/** A matrix between inputs and latents, as it is stored. */
export interface SaeMatrix {
  weight: WeightRef;
  layout: 'latent-input' | 'input-latent';
}

export type Activate =
  /** The k largest of a, then ReLU. */
  | { kind: 'topk'; k: number }
  | { kind: 'relu' }
  /** ReLU(a) where a > threshold, else 0 (SAELens). `[latent]` */
  | { kind: 'jumprelu'; threshold: WeightRef }
  /** Gate: a + bGate > 0; magnitude: ReLU(a · exp(rMag) + bMag), where a = (x̂ − bPre) W_enc without `bEnc`. `[latent]` each */
  | { kind: 'gated'; rMag: WeightRef; bGate: WeightRef; bMag: WeightRef };

/**
 * A sparse autoencoder whose files were read and checked; no weight is loaded yet. All formats in one form:
 * x̂ = standardized x (or x); a = (x̂ − bPre) W_enc + bEnc; z = activate(a); x̃ = z W_dec + bDec, standardization undone.
 */
export interface Sae {
  /** Absolute folder. */
  path: string;
  name: string;
  label: string;
  format: SaeFormat;
  nInputs: number;
  nLatents: number;
  /** It reads hook_resid_post of these layers of its model. */
  layers: number[];
  activate: Activate;
  /** x̂ = (x − μ) / (s + 1e−5), s the unbiased std over features; undone after the decoder by · s + μ (no 1e−5 there). */
  standardize: boolean;
  encoder: SaeMatrix;
  decoder: SaeMatrix;
  bPre?: WeightRef;
  bEnc?: WeightRef;
  bDec?: WeightRef;
  /**
   * x' = x + x W_Tᵀ + b before everything else (so it is x' that is standardized), undone last: x̃ = (x̃' − b)(I + W_Tᵀ)⁻¹;
   * by layer. `[d_model, d_model]`, `[d_model]`
   * Of the paper's code (github.com/tim-lawson/mlsae, mlsae/model/lightning.py): the translator numbered l is for the
   * residual after block l; its FVU, MSE and dead latents are of x' and x̃', only the spliced logits are of x̃. Its inverse
   * contracts nothing but the diagonal of (I + W_T)⁻¹ (einsum `n n, b p n`), which is no inverse; here it is the whole one.
   */
  tunedLens?: ReadonlyMap<number, { weight: WeightRef; bias: WeightRef }>;
  /** Of the autoencoder and of the tuned lens, by the names that the refs use. */
  tensors: ReadonlyMap<string, StoredTensor>;
  /** Bytes of the tensors used. */
  bytes: number;
  notices: string[];
}
