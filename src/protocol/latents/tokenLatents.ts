import type { LatentFocus } from './focus';

export interface TokenLatent extends Pick<LatentFocus, 'latent'> {
  name?: string;
  /** Largest activation over the layers. */
  value: number;
  /** `[layer]` */
  byLayer: Float32Array;
}

/** The strongest latents of the token that is hovered or locked (or was, last), for panels that are about other things. */
export interface TokenLatents {
  /** Of the autoencoder. */
  label: string;
  /** Absent before any token was pointed at, and until the text is encoded. */
  of?: { token: number; text: string; latents: TokenLatent[] };
}
