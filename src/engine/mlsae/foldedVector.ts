/**
 * Norms folded into vectors instead of weights: with a reading weight W `[d_model, out]`, `canonical.foldNorm` makes C G W of it
 * (G the gain, C the centring of a LayerNorm), so that x (C G W) = ((x C) G) W and (C G W) y = C (G (W y)). Products with one
 * vector then need no folded copy of W.
 */
import type { ModelDescription, NormWeights } from '../checkpoint/description';
import type { GraphBuilder, Value } from '../graph/builder';
import type { Weights } from '../graph/weights';

type Norm = NormWeights | undefined;

/** (x C) G of rows x, to be multiplied with stored weights. `[…, d_model]` */
export const foldedRead = (g: GraphBuilder, w: Weights, d: ModelDescription, norm: Norm, x: Value): Value =>
  gained(g, w, d, norm, centred(g, d, norm, x));

/** C (G y) of rows y that stored weights gave. `[…, d_model]` */
export const foldedWeights = (g: GraphBuilder, w: Weights, d: ModelDescription, norm: Norm, y: Value): Value =>
  centred(g, d, norm, gained(g, w, d, norm, y));

function centred(g: GraphBuilder, d: ModelDescription, norm: Norm, x: Value): Value {
  if (!norm || d.norm.kind !== 'layer') return x;
  return g.op('Sub', [x, g.op('ReduceMean', [x, g.ints([-1])], { keepdims: 1 })]);
}

function gained(g: GraphBuilder, w: Weights, d: ModelDescription, norm: Norm, x: Value): Value {
  if (!norm?.weight || d.norm.kind === 'none') return x;
  return g.op('Mul', [x, w.float(g, norm.weight, [d.dModel])]);
}
