import * as l10n from '@vscode/l10n';
import type { LatentCard, TokenValue } from '../../protocol/latents/card';
import { checkTop, TokenTable } from '../circuits/tokenTable';
import { weightNotices } from '../circuits/weightNotices';
import type { LatentAnalysis } from '../latentHandlers';
import { residualDirections } from './direction';
import { headsOfLatent } from './headsOfLatent';
import { checkLatent } from './rerun';
import { topOf } from './topOf';
import type { OpenSae } from './types';
import { decoderColumns, dots, inputEmbeddings, knownLengths, outputEmbeddings, type VectorTable } from './vectorTable';

/**
 * A latent read off the weights (DESIGN, “direct logit effect”, “heads that write a latent”). The norms are folded into W_U and
 * into what the heads read.
 */
export const latentCard: LatentAnalysis<'latentCard'> = async (open, { latent, top: wanted }, steps) => {
  const { model, sae } = open;
  const { checkpoint } = model;
  checkLatent(sae, latent);
  const top = checkTop(wanted);
  await steps.step(l10n.t('Reading latent #{0} off the weights', latent), 0);
  const directions = await residualDirections(open, latent, steps);
  const { first, last } = directions;
  const logits = await dots(outputEmbeddings(checkpoint), model.runner.provider, last);
  const table = new TokenTable(checkpoint);
  const tokens = (values: Float32Array, indices: number[]): TokenValue[] =>
    indices.map((id) => ({ ...table.token(id), value: values[id]! }));
  const input = await inputCosines(open, first);
  const output = await cosines(open, outputEmbeddings(checkpoint), checkpoint.description.unembed, last, logits);
  const heads = await headsOfLatent(model, directions.ofHeads, steps);
  const strongest = <T extends { score: number }>(links: T[]): T[] =>
    topOf(
      links.map(({ score }) => score),
      top,
    ).map((i) => links[i]!);
  return {
    latent,
    promoted: tokens(logits, topOf(logits, top)),
    suppressed: tokens(
      logits,
      topOf(
        logits.map((value) => -value),
        top,
      ),
    ),
    nearestInput: tokens(input, topOf(input, top)),
    nearestOutput: tokens(output, topOf(output, top)),
    nearestLatents: await nearestLatents(open, latent, top),
    writers: strongest(heads.writers),
    readers: strongest(heads.readers),
    chance: 1 / Math.sqrt(checkpoint.description.dModel),
    notices: [...weightNotices(checkpoint.description, true), ...directions.notices],
  };
};

/** Cosine similarity of every vector of a table to one; 0 where either is zero. `[n]` */
async function cosines(
  { model }: OpenSae,
  table: VectorTable,
  key: object,
  vector: Float32Array,
  products?: Float32Array,
): Promise<Float32Array> {
  const { provider } = model.runner;
  const known = products ?? (await dots(table, provider, vector));
  const norms = await knownLengths(key, table, provider);
  const own = Math.hypot(...vector);
  return known.map((dot, i) => (dot === 0 ? 0 : dot / own / norms[i]!));
}

const inputCosines = (open: OpenSae, vector: Float32Array): Promise<Float32Array> => {
  const { checkpoint } = open.model;
  return cosines(open, inputEmbeddings(checkpoint), checkpoint.description.W_E, vector);
};

async function nearestLatents(open: OpenSae, latent: number, top: number): Promise<LatentCard['nearestLatents']> {
  const vector = await open.saeRunner.decoderRows([latent]);
  const similar = await cosines(open, decoderColumns(open.sae), open.sae, vector);
  similar[latent] = NaN;
  return topOf(similar, top).map((other) => ({ latent: other, cosine: similar[other]! }));
}
