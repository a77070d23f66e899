import * as l10n from '@vscode/l10n';
import type { Tensor } from 'onnxruntime-node';
import type { Encoding } from '../../protocol/latents/encoding';
import { layerHook } from '../graph/hooks';
import type { LatentAnalysis } from '../latentHandlers';
import { readPrompt } from '../prompt';
import { freeOnDevice } from '../runtime/session';
import type { Steps } from '../runtime/types';
import { activeLatents, addCodes, noTotals, varianceRatios } from './distributions';
import { plainRatios } from './plainRatios';
import type { Codes } from './distributions';
import { adjacentSimilarity, histogram, layerSums, statsOf } from './layerStats';
import type { Encoded, OpenSae } from './types';

/** Of every histogram. */
const BINS = 40;

/** A text as the autoencoder sees it: what is active at every layer and token, and how well it is reconstructed. */
export const encodePrompt: LatentAnalysis<'encode'> = async (open, params, steps) =>
  (await encodeText(open, params, steps)).encoding;

/** The same, with all rows that it is made of; on request with their reconstructions. */
export async function encodeText(
  open: OpenSae,
  { ids: given }: { ids: number[] },
  steps: Steps,
  options?: { recons?: boolean },
): Promise<EncodedText & { encoding: Encoding }> {
  const { tokens, notices } = readPrompt(open.model.checkpoint, { ids: given });
  const ids = tokens.map(({ id }) => id);
  const start = performance.now();
  const text = await encodeIds(open, ids, steps, options);
  const runMs = performance.now() - start;
  const encoding = { ...describe(text, open.sae, ids.length), runMs, notices: [...notices, ...beyond(text.encoded)] };
  return { ...text, encoding };
}

/** What is active but not among the entries that are kept. */
function beyond({ k, l0 }: Encoded): string[] {
  const most = l0.reduce((a, b) => Math.max(a, b), 0);
  const isCut = most > k;
  return isCut
    ? [
        l10n.t(
          'Up to {0} latents are active on a token; the {1} strongest are kept, L0, L1 and FVU are of all.',
          most,
          k,
        ),
      ]
    : [];
}

/** All rows of a text, `[layer, token, …]`, with the residual streams that they are of. */
export interface EncodedText {
  encoded: Encoded;
  /** hook_resid_post of each of the autoencoder's layers. `[token, d_model]` each */
  resid: Float32Array[];
}

/** Runs the model and encodes the residual streams of the autoencoder's layers. */
export async function encodeIds(
  open: OpenSae,
  ids: number[],
  steps: Steps,
  options?: { recons?: boolean },
): Promise<EncodedText> {
  const hooks = open.sae.layers.map((layer) => layerHook(layer, 'residPost'));
  const run = await open.model.runner.run({ ids, hooks, keep: hooks }, steps);
  const resid = hooks.map((hook) => run.hooks[hook]!.data);
  const { kept = {} } = run;
  try {
    const isKept = hooks.every((hook) => kept[hook] !== undefined);
    return await encodeResid(open, resid, steps, { ...options, ...(isKept && { kept: Object.values(kept) }) });
  } finally {
    Object.values(kept).forEach(freeOnDevice);
  }
}

/**
 * @param resid hook_resid_post of each of the autoencoder's layers. `[token, d_model]` each
 * @param options.kept the same on the device that computed them
 */
export async function encodeResid(
  { sae, saeRunner }: OpenSae,
  resid: Float32Array[],
  steps: Steps,
  { recons = false, kept }: { recons?: boolean; kept?: Tensor[] } = {},
): Promise<EncodedText> {
  // where all layers are read alike, short texts fill one run together
  const encoded = sae.tunedLens
    ? joined(await inTurn(sae.layers, (layer, l) => saeRunner.encode({ rows: resid[l]!, layer, recons }, steps)))
    : await saeRunner.encode(
        { rows: concat(Float32Array, resid), layer: sae.layers[0]!, layers: sae.layers, recons, ...(kept && { kept }) },
        steps,
      );
  return { encoded, resid };
}

function describe(
  { encoded, resid }: EncodedText,
  { layers, nLatents, nInputs, activate }: OpenSae['sae'],
  nTokens: number,
): Omit<Encoding, 'runMs' | 'notices'> {
  const codes: Codes = { nTokens, layers, ...(activate.kind === 'topk' ? encoded : trimmed(encoded)) };
  const { k, indices, values } = codes;
  const sums = noTotals(layers, nLatents);
  addCodes(sums, codes);
  let max = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > max) max = values[i]!;
  const perLayer = layers.map((layer, l) => ({
    ...statsOf(layer, layerSums(resid[l]!, encoded, { from: l * nTokens, n: nTokens })),
    histogram: histogram(values.subarray(l * nTokens * k, (l + 1) * nTokens * k), max, BINS),
  }));
  return {
    nTokens,
    nLatents,
    layers,
    k,
    indices,
    values,
    max,
    bins: BINS,
    perLayer,
    adjacent: adjacentSimilarity(resid, nInputs),
    varianceRatios: { ...varianceRatios(sums), plain: plainRatios(codes, sums.nLatents) },
    active: activeLatents(codes, sums),
  };
}

/** Without the entries that are active nowhere: as many of each row as the row with the most has, one at least. */
export function trimmed({
  k,
  indices,
  values,
}: Pick<Encoded, 'k' | 'indices' | 'values'>): Pick<Encoded, 'k' | 'indices' | 'values'> {
  let most = 1;
  for (let start = 0; start < values.length; start += k) while (most < k && values[start + most]! > 0) most++;
  const n = values.length / k;
  const cut = { k: most, indices: new Int32Array(n * most), values: new Float32Array(n * most) };
  for (let row = 0; row < n; row++) {
    cut.indices.set(indices.subarray(row * k, row * k + most), row * most);
    cut.values.set(values.subarray(row * k, row * k + most), row * most);
  }
  return cut;
}

async function inTurn<T, R>(items: T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) results.push(await work(item, index));
  return results;
}

function concat<T extends Float32Array | Int32Array>(type: new (length: number) => T, parts: T[]): T {
  const whole = new type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function joined(parts: Encoded[]): Encoded {
  const floats = (name: 'values' | 'l0' | 'l1' | 'squaredError' | 'scale'): Float32Array =>
    concat(
      Float32Array,
      parts.map((part) => part[name]),
    );
  return {
    k: parts[0]!.k,
    indices: concat(
      Int32Array,
      parts.map(({ indices }) => indices),
    ),
    values: floats('values'),
    l0: floats('l0'),
    l1: floats('l1'),
    squaredError: floats('squaredError'),
    scale: floats('scale'),
    ...(parts[0]!.recons && {
      recons: concat(
        Float32Array,
        parts.map(({ recons }) => recons!),
      ),
    }),
  };
}
