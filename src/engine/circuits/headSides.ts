import * as l10n from '@vscode/l10n';
import type { HeadRef } from '../../protocol/checkpoint';
import type { OpenModel } from '../circuitHandlers';
import type { Value } from '../graph/builder';
import { headWeights } from '../graph/canonical';
import { embeddingRows, idRange, idsInput, pieces, unembeddingColumns } from '../graph/vocabulary';
import { WeightGraph } from '../runtime/weightRun';
import type { Steps } from '../runtime/types';
import type { Tall } from './factored';

/** Numbers of W_E that one run looks at. */
const CHUNK = 2 ** 22;

/** What a head makes of every token: its full circuits are Q Kᵀ and V Oᵀ. `[d_vocab, d_head]` each */
export interface HeadSides {
  /** W_E W_Q / sqrt(d_head) */
  Q: Tall;
  /** W_E W_K */
  K: Tall;
  /** W_E W_V */
  V: Tall;
  /** (W_O W_U)ᵀ */
  O: Tall;
}

export async function headSides(
  { checkpoint, runner }: OpenModel,
  { layer, head }: HeadRef,
  fold: boolean,
  steps: Steps,
): Promise<HeadSides> {
  const { description: d } = checkpoint;
  const graph = await WeightGraph.create(checkpoint, runner.provider, (g, w) => {
    const weights = headWeights(g, w, d, layer, fold);
    const own = (W: Value): Value => g.op('Gather', [W, g.ints([head], [])], { axis: 0 });
    const ids = idsInput(g, 'ids');
    const rows = embeddingRows(g, w, d, ids);
    const read = (W: Value): Value => g.op('MatMul', [rows, own(W)]);
    const written = g.op('MatMul', [own(weights.W_O), unembeddingColumns(g, w, d, fold, ids)]);
    return {
      Q: g.op('Div', [read(weights.W_Q), g.floats([Math.sqrt(d.dHead)])]),
      K: read(weights.W_K),
      V: read(weights.W_V),
      O: g.op('Transpose', [written], { perm: [1, 0] }),
    };
  });
  try {
    const side = (): Tall => ({ data: new Float32Array(d.dVocab * d.dHead), k: d.dHead });
    const sides = { Q: side(), K: side(), V: side(), O: side() };
    for (const [from, to] of pieces(d.dVocab, CHUNK / d.dModel)) {
      await steps.step(l10n.t('What the head makes of tokens {0}–{1}', from, to - 1), from / d.dVocab);
      const outputs = await graph.run({ ids: idRange(from, to) });
      for (const name of ['Q', 'K', 'V', 'O'] as const) sides[name].data.set(outputs[name]!.data, from * d.dHead);
    }
    return sides;
  } finally {
    await graph.dispose();
  }
}
