/** What of an encoding a selection is about, for every view the same. */
import * as l10n from '@vscode/l10n';
import type { Selection } from '../selection';
import { latentMap, tokenMax, type Encoding } from './encoding';

export interface LatentFocus {
  latent: number;
  /** Of the cell that is locked or hovered. */
  layer?: number;
}

/** The latent that tints the tokens: the one under the pointer, else the locked one. */
export function focusLatent(s: Selection): LatentFocus | undefined {
  const [latent, layer] = s.previewLatent === undefined ? [s.latent, s.layer] : [s.previewLatent, s.previewLayer];
  return latent === undefined ? undefined : { latent, ...(layer !== undefined && { layer }) };
}

/** Its activation on every token, at its layer or the largest of all, over its largest in the text. `[token]`, 0–1 */
export function latentTint(encoding: Encoding, { latent, layer }: LatentFocus): Float32Array {
  const { nTokens, layers } = encoding;
  const map = latentMap(encoding, latent);
  const most = tokenMax(map, nTokens);
  const max = most.reduce((a, b) => Math.max(a, b), 0);
  const row = layer === undefined ? -1 : layers.indexOf(layer);
  const weights = row < 0 ? most : map.subarray(row * nTokens, (row + 1) * nTokens);
  return max > 0 ? weights.map((value) => value / max) : weights;
}

/** Layers with less of it are not named. */
const NAMED_FROM = 0.05;

/**
 * The layers where a latent is active: `layers 3–5`, `layer 2`, `layers 0, 3–5`.
 * @param share of its activation by layer
 */
export function layersText(layers: number[], share: ArrayLike<number>): string {
  const named = layers.filter((_, i) => share[i]! >= NAMED_FROM);
  if (named.length === 0) return l10n.t('not active');
  const runs: [number, number][] = [];
  for (const layer of named) {
    const last = runs.at(-1);
    if (last?.[1] === layer - 1) last[1] = layer;
    else runs.push([layer, layer]);
  }
  const text = runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
  return named.length === 1 ? l10n.t('layer {0}', text) : l10n.t('layers {0}', text);
}

/** The same of a latent in a text. */
export function layersOf({ layers, active }: Pick<Encoding, 'layers' | 'active'>, latent: number): string {
  const { latent: latents, byLayer, total } = active;
  const row = latents.indexOf(latent);
  const share = layers.map((_, i) => (row < 0 ? 0 : byLayer[row * layers.length + i]! / total[row]!));
  return layersText(layers, share);
}

/** The texts of the tokens on which each of some latents is strongest. */
export function strongestTokens(encoding: Encoding, latents: number[], texts: string[], count: number): string[][] {
  const { indices, values, k, nTokens, nLatents } = encoding;
  const row = new Int32Array(nLatents);
  latents.forEach((latent, i) => (row[latent] = i + 1));
  const most = latents.map(() => new Float32Array(nTokens));
  for (let i = 0; i < indices.length; i++) {
    const own = most[row[indices[i]!]! - 1];
    const token = Math.floor(i / k) % nTokens;
    if (own && values[i]! > own[token]!) own[token] = values[i]!;
  }
  return most.map((own) => {
    const order = [...own.keys()].filter((token) => own[token]! > 0).sort((a, b) => own[b]! - own[a]!);
    return [...new Set(order.map((token) => texts[token]!))].slice(0, count);
  });
}
