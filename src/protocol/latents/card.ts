import type { HeadRef } from '../checkpoint';
import type { CompositionKind } from '../circuits';
import type { OfSae } from '../latents';

export interface LatentCardParams extends OfSae {
  latent: number;
  /** Entries of each list. */
  top: number;
}

export interface TokenValue {
  id: number;
  text: string;
  value: number;
}

/** A head and how much of it lies along the latent's unit decoder direction; `LatentCard.chance` is what a random one has. */
export interface HeadLink extends HeadRef {
  score: number;
}

/** A latent read off the weights (DESIGN, Definitions). d is its decoder column W_dec[:, j]. */
export interface LatentCard {
  latent: number;
  /** d W_U with the final norm's gain folded in: most promoted, most suppressed tokens. */
  promoted: TokenValue[];
  suppressed: TokenValue[];
  /** Tokens whose embedding, and whose unembedding column, has the largest cosine similarity to d. */
  nearestInput: TokenValue[];
  nearestOutput: TokenValue[];
  /** Other latents by cosine similarity of decoder columns. */
  nearestLatents: { latent: number; cosine: number }[];
  /** ‖W_OV d̂ᵀ‖ / ‖W_OV‖_F, largest first. */
  writers: HeadLink[];
  /** By Q ‖d̂ W_QK‖, by K ‖W_QK d̂ᵀ‖ (over ‖W_QK‖_F), by V ‖d̂ W_OV‖ / ‖W_OV‖_F, largest first. */
  readers: (HeadLink & { kind: CompositionKind })[];
  /** 1/√d_model */
  chance: number;
  notices: string[];
}

/** Mean over latents of the largest cosine similarity to another latent's decoder column. */
export interface Mmcs {
  mmcs: number;
  /** Of every latent: its nearest other one, and how near. `[latent]` */
  nearest: Int32Array;
  cosine: Float32Array;
}
