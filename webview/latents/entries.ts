/** Where each latent is active in a text: the encoding's entries sorted by latent. Touches no DOM. */
import type { Encoding } from '../../src/protocol/latents/encoding';

export interface Entries {
  /** Latent number → its place among the encoding's active latents. */
  place: ReadonlyMap<number, number>;
  /** Entries of the latent at `place` are `at[from[place]]` to `at[from[place + 1] - 1]`. */
  from: Int32Array;
  /** Places in `encoding.values`. */
  at: Int32Array;
}

/** In two passes over the entries, so that nothing is looked for twice. */
export function sortEntries({ indices, values, active }: Encoding): Entries {
  const place = new Map<number, number>();
  active.latent.forEach((latent, i) => place.set(latent, i));
  const from = new Int32Array(active.latent.length + 1);
  for (let i = 0; i < indices.length; i++) if (values[i]! > 0) from[place.get(indices[i]!)! + 1]!++;
  for (let p = 0; p < active.latent.length; p++) from[p + 1]! += from[p]!;
  const next = from.slice();
  const at = new Int32Array(from[active.latent.length]!);
  for (let i = 0; i < indices.length; i++) if (values[i]! > 0) at[next[place.get(indices[i]!)!]!++] = i;
  return { place, from, at };
}

/** Activations of one latent. `[layer, token]` */
export function mapOf({ layers, nTokens, k, values }: Encoding, entries: Entries, latent: number): Float32Array {
  const map = new Float32Array(layers.length * nTokens);
  const p = entries.place.get(latent);
  if (p === undefined) return map;
  for (let e = entries.from[p]!; e < entries.from[p + 1]!; e++) {
    const i = entries.at[e]!;
    map[Math.floor(i / k)] = values[i]!;
  }
  return map;
}

/** The largest activation of any latent. `[layer, token]` */
export function largestMap({ layers, nTokens, k, values }: Encoding): Float32Array {
  return Float32Array.from({ length: layers.length * nTokens }, (_, cell) => (k > 0 ? values[cell * k]! : 0));
}

/** The latent that has it, if any is active there. */
export function largestAt({ k, values, indices, nTokens }: Encoding, layer: number, token: number): number | undefined {
  const i = (layer * nTokens + token) * k;
  return k > 0 && values[i]! > 0 ? indices[i] : undefined;
}

/** Tokens on which a latent is active, the largest activation of any layer first. */
export function tokensOf(encoding: Encoding, entries: Entries, latent: number): { token: number; value: number }[] {
  const { nTokens, k, values } = encoding;
  const p = entries.place.get(latent);
  if (p === undefined) return [];
  const best = new Map<number, number>();
  for (let e = entries.from[p]!; e < entries.from[p + 1]!; e++) {
    const i = entries.at[e]!;
    const token = Math.floor(i / k) % nTokens;
    best.set(token, Math.max(best.get(token) ?? 0, values[i]!));
  }
  return [...best].map(([token, value]) => ({ token, value })).sort((a, b) => b.value - a.value || a.token - b.token);
}
