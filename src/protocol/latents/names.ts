/** What a person called a latent. */
export interface LatentName {
  /** Empty when there is only a note. */
  name: string;
  note?: string;
}

/** Latent number → its name; what `latent-names.json` beside an SAE holds. */
export type LatentNames = Record<string, LatentName>;

/** `#604` */
export const latentId = (latent: number): string => `#${latent}`;
