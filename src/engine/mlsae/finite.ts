/** Weights that are damaged, or too large for float32, show in results that are not finite. */
import * as l10n from '@vscode/l10n';
import { InputError } from '../checkpoint/errors';
import type { Sae } from './sae';
import type { Encoded, EncodeRequest } from './types';

export const notFinite = (name: string, what: string): InputError =>
  new InputError(
    l10n.t('{0} gives numbers that are not finite {1}; its weights are damaged, or not for this model.', name, what),
  );

/**
 * What `encode` made of rows. The error that was not asked for may be NaN.
 * @throws InputError that names the autoencoder and the layer
 */
export function checkEncoded(
  { name, nInputs }: Sae,
  { rows, layer, layers = [layer], codesOnly }: EncodeRequest,
  { k, values, l0, l1, squaredError, scale }: Encoded,
): void {
  const perRow = [l0, l1, scale, ...(codesOnly ? [] : [squaredError])];
  if (Number.isFinite(sum(values)) && perRow.every((part) => Number.isFinite(sum(part)))) return;
  const n = l0.length;
  const isBad = (row: number): boolean =>
    !perRow.every((part) => Number.isFinite(part[row])) ||
    !Number.isFinite(sum(values.subarray(row * k, (row + 1) * k)));
  const bad = l0.findIndex((_, row) => isBad(row));
  const at = layers[Math.floor((bad * layers.length) / n)]!;
  if (!Number.isFinite(sum(rows.subarray(bad * nInputs, (bad + 1) * nInputs))))
    throw new InputError(
      l10n.t("The model's residual stream is not finite after layer {0}: {1} cannot read it.", at, name),
    );
  throw notFinite(name, l10n.t('at layer {0}', at));
}

/** @throws InputError that names the autoencoder and the latent; `rows` `[latent, n_inputs]` */
export function checkDecoderRows({ name, nInputs }: Sae, latents: number[], rows: Float32Array): void {
  const bad = latents.find((_, i) => !Number.isFinite(sum(rows.subarray(i * nInputs, (i + 1) * nInputs))));
  if (bad !== undefined) throw notFinite(name, l10n.t("in the decoder's row of latent #{0}", bad));
}

/** In float64: of finite float32 numbers it is finite. */
function sum(values: Float32Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}
