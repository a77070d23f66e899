/** Key numbers of bigrams, of activation patching and of the layers of an autoencoder. */
import { headName } from '../../protocol/checkpoint';
import type { TokenRef } from '../../protocol/circuits/headCircuit';
import type { ResultNumbers } from '../../protocol/resultFile';
import type { Measuring } from './measure';
import { byAbsolute, named, saeOf, type Section } from './sections';

const tokenName = ({ id, text }: TokenRef): string => `${text} (#${id})`;

/** The most probable pairs, of all tokens or of the one that is looked at. */
export async function bigrams({ ask, params, top }: Measuring): Promise<ResultNumbers> {
  const { checkpointId, view } = params;
  const found = await ask('bigrams', { checkpointId, top, ...(view.token !== undefined && { token: view.token }) });
  return {
    bigrams: named(found.bigrams, ({ source, output, logProb }) => [
      `${tokenName(source)} → ${tokenName(output)}`,
      logProb,
    ]),
  };
}

/** The two logit differences, and the positions and heads with the largest effects. */
export async function patch({ ask, params, top }: Measuring): Promise<ResultNumbers> {
  const { checkpointId, ids, view } = params;
  const { corrupted = [], answer, wrong } = view;
  const found = await ask('patch', {
    ...{ checkpointId, clean: { ids }, corrupted: { ids: corrupted } },
    ...{ answer: { id: answer! }, wrong: { id: wrong! } },
  });
  const largest = (values: Float32Array, width: number, name: (row: number, column: number) => string): Section =>
    named(
      byAbsolute([...values.entries()], ([, effect]) => effect, top),
      ([at, effect]) => [name(Math.floor(at / width), at % width), effect],
    );
  return {
    logitDifference: { clean: found.clean, corrupted: found.corrupted },
    residEffects: largest(found.resid, ids.length, (layer, position) => `L${layer} at ${position}`),
    ...(found.nLayers > 0 && {
      headEffects: largest(found.heads, found.nHeads, (layer, head) => headName({ layer, head })),
    }),
  };
}

/** What the panel draws by layer; the loss with reconstructions if it was measured. */
export async function layers({ ask, params }: Measuring): Promise<ResultNumbers> {
  const { ids, view } = params;
  const saeId = saeOf(params);
  const { perLayer, adjacent, varianceRatios } = await ask('encode', { saeId, ids });
  const spliced = view.spliced ? (await ask('splice', { saeId, ids })).layers : [];
  const { tokenOverLatent, latentOverTotal } = varianceRatios;
  return {
    fvu: named(perLayer, ({ layer, fvu }) => [`L${layer}`, fvu]),
    l0: named(perLayer, ({ layer, l0 }) => [`L${layer}`, l0]),
    ...(perLayer.length > 1 && {
      adjacent: named(Array.from(adjacent.centred), (value, i) => [
        `L${perLayer[i]!.layer} → L${perLayer[i + 1]!.layer}`,
        value,
      ]),
      varianceRatios: { tokenOverLatent, latentOverTotal },
    }),
    ...(spliced.length > 0 && {
      lossDelta: named(spliced, ({ layer, lossDelta }) => [`L${layer}`, lossDelta]),
      kl: named(spliced, ({ layer, kl }) => [`L${layer}`, kl]),
      changed: named(spliced, ({ layer, changed }) => [`L${layer}`, changed]),
    }),
  };
}
