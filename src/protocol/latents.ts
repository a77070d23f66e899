/** Requests about the latents of a sparse autoencoder: engine methods beside those of `engine.ts`. */
import type { ImportedNames } from './interop';
import type { LatentCard, LatentCardParams, Mmcs } from './latents/card';
import type { CorpusRequests } from './latents/corpus';
import type { Splice, SpliceParams, SteerParams, Steering } from './latents/effects';
import type { EncodeParams, Encoding } from './latents/encoding';

/** Every request: method name → [params, result]. All but the first two take the id of an open autoencoder. */
export interface LatentRequests extends CorpusRequests {
  /** SAE folders below `roots`. */
  findSaes: [{ roots: string[] }, SaeCandidate[]];
  openSae: [OpenSaeParams, SaeInfo];
  closeSae: [OfSae, null];
  encode: [EncodeParams, Encoding];
  latentCard: [LatentCardParams, LatentCard];
  mmcs: [OfSae, Mmcs];
  steer: [SteerParams, Steering];
  splice: [SpliceParams, Splice];
  /** Explanations of a file of Neuronpedia's as names of latents that have none. */
  importExplanations: [OfSae & { file: string }, ImportedNames];
}

export interface OfSae {
  saeId: string;
}

export interface OpenSaeParams {
  /** The model whose residual stream it reads. */
  checkpointId: string;
  /** Its folder, or a file in it. */
  path: string;
  /** Folder or safetensors file of tuned-lens translators: applied before the encoder, inverted after the decoder. */
  tunedLens?: string;
  /** For a single-layer SAE whose files do not say which layer it is for. */
  layer?: number;
}

/** `mlsae`: the paper's plain format; `mlsae-tfm`: the same under `autoencoder.*`. */
export type SaeFormat = 'mlsae' | 'mlsae-tfm' | 'saelens' | 'sparsify';
export type SaeActivation = 'topk' | 'relu' | 'jumprelu' | 'gated';

/** What is known about an open autoencoder. */
export interface SaeInfo {
  /** Chosen by the engine; never used again. */
  id: string;
  checkpointId: string;
  /** Absolute folder. */
  path: string;
  /** Folder name. */
  name: string;
  /** For narrow places: `mlsae ×16 k16`. */
  label: string;
  format: SaeFormat;
  activation: SaeActivation;
  nInputs: number;
  nLatents: number;
  /** Of TopK. */
  k?: number;
  /** It reads `blocks.{l}.hook_resid_post` of these; one for a single-layer SAE. */
  layers: number[];
  standardize: boolean;
  tunedLens: boolean;
  /** Bytes on disk. */
  bytes: number;
  notices: string[];
}

/** A folder that looks like an SAE. */
export interface SaeCandidate {
  path: string;
  name: string;
  format: SaeFormat;
  /** The transformer that it names, if it does. */
  transformer?: string;
  nInputs?: number;
  bytes: number;
}
