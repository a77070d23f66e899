/** What the protocol says of latents, counted here in the plainest way from the reference's largest k. */
import type { CorpusSummary } from '../../../src/protocol/latents/corpus';
import type { Encoding } from '../../../src/protocol/latents/encoding';
import type { LatentsFixture, ReferenceLatents } from './latentsTypes';

const noRatios = { tokenOverLatent: NaN, latentOverTotal: NaN };

const bytes = (base64: string): ArrayBuffer => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)).buffer;

interface Activation {
  layer: number;
  token: number;
  latent: number;
  value: number;
}

function activations({ nTokens, indices, values }: ReferenceLatents, k: number): Activation[] {
  const latents = new Int32Array(bytes(indices));
  const all = Array.from(new Float32Array(bytes(values)), (value, i) => ({
    layer: Math.floor(i / k / nTokens),
    token: Math.floor(i / k) % nTokens,
    latent: latents[i]!,
    value,
  }));
  return all.filter(({ value }) => value > 0);
}

const sum = (numbers: number[]): number => numbers.reduce((total, value) => total + value, 0);

/** Mean and variance of the layer under P(layer | latent). */
function moments(byLayer: number[]): { mean: number; variance: number } {
  const total = sum(byLayer);
  const mean = sum(byLayer.map((value, layer) => (value * layer) / total));
  return { mean, variance: sum(byLayer.map((value, layer) => (value * (layer - mean) ** 2) / total)) };
}

function byLatent(all: Activation[]): Map<number, Activation[]> {
  const found = new Map<number, Activation[]>();
  for (const one of all) found.set(one.latent, [...(found.get(one.latent) ?? []), one]);
  return found;
}

export function encodingOf({ nLayers, k, nLatents, latents }: LatentsFixture): Encoding {
  const layers = Array.from({ length: nLayers }, (_, layer) => layer);
  const all = activations(latents, k);
  const list = [...byLatent(all)].map(([latent, own]) => {
    const strongest = own.reduce((best, one) => (one.value > best.value ? one : best));
    const sums = layers.map((layer) => sum(own.filter((one) => one.layer === layer).map(({ value }) => value)));
    return { latent, own, strongest, sums, ...moments(sums) };
  });
  list.sort((a, b) => b.strongest.value - a.strongest.value);
  return {
    nTokens: latents.nTokens,
    nLatents,
    layers,
    k,
    indices: new Int32Array(bytes(latents.indices)),
    values: new Float32Array(bytes(latents.values)),
    max: list[0]!.strongest.value,
    bins: 4,
    perLayer: layers.map((layer) => ({ layer, fvu: 0, mse: 0, l0: k, l1: 0, histogram: new Uint32Array(4) })),
    adjacent: { plain: new Float64Array(nLayers - 1), centred: new Float64Array(nLayers - 1) },
    varianceRatios: { ...noRatios, plain: noRatios },
    active: {
      latent: Int32Array.from(list, ({ latent }) => latent),
      max: Float32Array.from(list, ({ strongest }) => strongest.value),
      maxToken: Int32Array.from(list, ({ strongest }) => strongest.token),
      maxLayer: Int32Array.from(list, ({ strongest }) => strongest.layer),
      total: Float64Array.from(list, ({ sums }) => sum(sums)),
      nTokens: Int32Array.from(list, ({ own }) => new Set(own.map(({ token }) => token)).size),
      byLayer: Float64Array.from(list.flatMap(({ sums }) => sums)),
      layerMean: Float64Array.from(list, ({ mean }) => mean),
      layerVar: Float64Array.from(list, ({ variance }) => variance),
      layerStd: Float64Array.from(list, ({ variance }) => Math.sqrt(variance)),
    },
    runMs: 38,
    notices: [],
  };
}

export function corpusOf({ nLayers, k, nLatents, corpus }: LatentsFixture): CorpusSummary {
  const layers = Array.from({ length: nLayers }, (_, layer) => layer);
  const counts = new Float64Array(nLayers * nLatents);
  const totals = new Float64Array(nLayers * nLatents);
  for (const { layer, latent, value } of activations(corpus, k)) {
    counts[layer * nLatents + latent]! += 1;
    totals[layer * nLatents + latent]! += value;
  }
  const of = Array.from({ length: nLatents }, (_, latent) =>
    moments(layers.map((layer) => totals[layer * nLatents + latent]!)),
  );
  return {
    dir: '/sweeps/fox',
    tokens: corpus.nTokens,
    documents: 1,
    layers,
    nLatents,
    counts,
    totals,
    layerMean: Float64Array.from(of, ({ mean }) => mean),
    layerVar: Float64Array.from(of, ({ variance }) => variance),
    varianceRatios: { ...noRatios, plain: noRatios },
    perLayer: layers.map((layer) => ({ layer, fvu: 0, mse: 0, l0: k, l1: 0 })),
    adjacent: { plain: new Float64Array(nLayers - 1), centred: new Float64Array(nLayers - 1) },
    dead: { count: 0, fraction: 0, threshold: 0 },
    examples: 4,
    complete: true,
    notices: [],
  };
}
