/** The tool about sparse autoencoders. */
import * as l10n from '@vscode/l10n';
import { latentsAt, type ActiveLatents } from '../../protocol/latents/encoding';
import { checkpointField, MAX_TOKENS, moreOf, promptFields, rounded, saeField, window } from './common';
import { count, whole } from './schema';
import { defineTool } from './tool';

export const latents = defineTool({
  name: 'latents',
  title: l10n.t('Latents of a Text'),
  description:
    'Which latents of a sparse autoencoder (multi-layer or of one layer) are active on a text: the strongest of the whole text with ' +
    'how they are distributed over layers, those of each token, and how well every layer is reconstructed.',
  fields: {
    checkpoint: checkpointField,
    mlsae: saeField,
    ...promptFields,
    from: whole('First token (position) that is given, from 0. Default: 0.', 0, 1e6),
    rows: count('How many tokens are given.', 24, 200),
    perToken: count('Latents of each token.', 3, 20),
    top: count('Latents of the whole text.', 10, 200),
    saeLayer: whole('Layer of a single-layer autoencoder whose files do not say it.', 0, 10_000),
  },
  units: {
    max: 'activation (of the encoder, after its sparsity)',
    layerMean: 'layers: mean of the layer numbers, weighted by activation',
    layerStd: 'layers',
    fvu: 'fraction of variance unexplained; 0 is perfect',
    l0: 'active latents of a token, mean',
  },
  async run(context, { text, ids: given, from = 0, rows, perToken, top }) {
    const checkpoint = await context.checkpoint();
    const sae = await context.sae();
    const { tokens, notices } = context.prompt(checkpoint, { text, ids: given, maxTokens: MAX_TOKENS });
    const { positions, more } = window(from, rows, tokens.length);
    const ids = tokens.map(({ id }) => id);
    const encoding = await context.request('encode', { saeId: sae.id, ids });
    const { layers, active, perLayer } = encoding;
    return {
      checkpoint: checkpoint.name,
      mlsae: sae.label,
      nTokens: tokens.length,
      layers,
      latents: strongest(active, layers, top),
      ...(active.latent.length > top && {
        moreLatents: moreOf('active latents', top, active.latent.length, 'top').more,
      }),
      tokens: positions.map((position) => ({
        position,
        token: tokens[position]!.text,
        latents: latentsAt(encoding, position)
          .slice(0, perToken)
          .map(({ latent, max, byLayer }) => ({ latent, max: rounded(max), layer: layers[byLayer.indexOf(max)] })),
      })),
      ...(more && { more }),
      perLayer: perLayer.map(({ layer, fvu, l0 }) => ({ layer, fvu: rounded(fvu), l0: rounded(l0) })),
      notices: [...notices, ...encoding.notices],
    };
  },
});

/** By largest activation, as the encoding has them. */
const strongest = (active: ActiveLatents, layers: number[], top: number): object[] =>
  Array.from(active.latent.subarray(0, top), (latent, i) => ({
    latent,
    max: rounded(active.max[i]!),
    at: { position: active.maxToken[i], layer: layers[active.maxLayer[i]!] },
    nTokens: active.nTokens[i],
    layerMean: rounded(active.layerMean[i]!),
    layerStd: rounded(active.layerStd[i]!),
  }));
