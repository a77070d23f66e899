/** What the commands print about layers. */
import type { AdjacentSimilarity, LayerStats, VarianceRatios } from '../../protocol/latents/encoding';

export const layerHead = ['layer', 'FVU', 'MSE', 'L0', 'L1', 'cos to next', 'centred'];

const number = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits);

/** A row for each layer. */
export const layerRows = (
  perLayer: Omit<LayerStats, 'histogram'>[],
  { plain, centred }: AdjacentSimilarity,
): string[][] =>
  perLayer.map(({ layer, fvu, mse, l0, l1 }, l) => [
    `${layer}`,
    number(fvu, 4),
    mse.toPrecision(4),
    number(l0, 2),
    number(l1, 2),
    number(plain[l], 4),
    number(centred[l], 4),
  ]);

export function ratioLine({ plain, ...weighted }: VarianceRatios): string {
  const show = (value: number): string => (Number.isNaN(value) ? 'undefined' : value.toFixed(4));
  const pair = (r: VarianceRatios['plain']): string => `${show(r.tokenOverLatent)} and ${show(r.latentOverTotal)}`;
  return `E[Var(L | j, token)] / E[Var(L | j)] and E[Var(L | j)] / Var(L): ${pair(weighted)} weighted by activations, ${pair(plain)} as the paper’s code has them`;
}
