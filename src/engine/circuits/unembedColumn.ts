import type { ModelDescription } from '../checkpoint/description';
import type { OpenModel } from '../circuitHandlers';
import type { GraphBuilder, Value } from '../graph/builder';
import { idsInput, idsTensor, unembeddingColumns } from '../graph/vocabulary';
import type { Weights } from '../graph/weights';
import { runWeights } from '../runtime/weightRun';

/** One token's column of the unembedding, with the final norm (its scale aside) folded in. */
export interface UnembedColumn {
  /** logit = resid / scale · direction + normBias + bias. `[d_model]` */
  direction: Float32Array;
  /** What the final norm's bias adds; undefined where the norm has none. */
  normBias?: number;
  /** b_U of the token; undefined where the model has none. */
  bias?: number;
}

/** Reads one column: the rest of W_U stays where it lies. */
export async function unembedColumn({ checkpoint, runner }: OpenModel, token: number): Promise<UnembedColumn> {
  const d = checkpoint.description;
  const feeds = { token: idsTensor([token]) };
  const outputs = await runWeights(checkpoint, runner.provider, (g, w) => emitColumn(g, w, d), feeds);
  const { direction, normBias, bias } = outputs;
  return {
    direction: direction!.data,
    ...(normBias && { normBias: normBias.data[0]! }),
    ...(bias && { bias: bias.data[0]! }),
  };
}

function emitColumn(g: GraphBuilder, w: Weights, d: ModelDescription): Record<string, Value> {
  const token = idsInput(g, 'token');
  const norm = d.norm.kind === 'none' ? undefined : d.lnFinal;
  const { bias } = d.unembed;
  const column = unembeddingColumns(g, w, d, false, token);
  return {
    direction: unembeddingColumns(g, w, d, true, token),
    ...(norm?.bias && { normBias: g.op('MatMul', [w.float(g, norm.bias, [1, d.dModel]), column]) }),
    ...(bias && { bias: g.op('Gather', [w.float(g, bias), token], { axis: 0 }) }),
  };
}
