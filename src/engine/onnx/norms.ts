/** LayerNorm and RMSNorm in a foreign graph: as one operator, or written out. */
import * as l10n from '@vscode/l10n';
import type { NodeProto } from '../graph/onnx_pb';
import { floatOf } from './attributes';
import type { Flow } from './follow';

export interface ForeignNorm {
  kind: 'layer' | 'rms';
  eps: number;
  /** Constants of the graph, one number a dimension; absent: 1 and 0. */
  gain?: string;
  bias?: string;
}

/** One operator each; [kind, default epsilon]. */
const WHOLE: Record<string, ['layer' | 'rms', number]> = {
  LayerNormalization: ['layer', 1e-5],
  RMSNormalization: ['rms', 1e-5],
  SimplifiedLayerNormalization: ['rms', 1e-5],
};
/** Operators that a norm is written out with; those that only choose rows do no harm. */
const PARTS = new Set(
  (
    'Add Sub Mul Div Pow Sqrt Reciprocal ReduceMean ReduceSum ReduceSumSquare ReduceL2 Abs Max Clip Identity Cast Reshape ' +
    'Squeeze Unsqueeze Flatten Dropout Slice Gather GatherND Shape Expand'
  ).split(' '),
);

/**
 * The norm between `stream` and `value`.
 * @returns undefined when there is none, a clause when what lies between is no norm
 */
export function normBetween(
  flow: Flow,
  stream: ReadonlySet<string>,
  value: string,
  dModel: number,
): ForeignNorm | undefined | string {
  const { nodes, reached } = flow.upstream(value, stream);
  if (reached.size === 0) return l10n.t('does not read the residual stream');
  const whole = [...nodes].filter(({ opType }) => Object.hasOwn(WHOLE, opType));
  if (whole.length > 1) return l10n.t('reads the residual stream through several norms');
  const strange = [...nodes].find(({ opType }) => !PARTS.has(opType) && !Object.hasOwn(WHOLE, opType));
  if (strange) return l10n.t('reads the residual stream through {0}, which is no part of a norm', strange.opType);
  const [node] = whole;
  return node ? wholeNorm(flow, node, nodes, dModel) : writtenOut(flow, nodes, dModel);
}

function wholeNorm(flow: Flow, node: NodeProto, nodes: ReadonlySet<NodeProto>, dModel: number): ForeignNorm | string {
  const [kind, fallback] = WHOLE[node.opType]!;
  const arithmetic = [...nodes].some(({ opType }) => ['Add', 'Sub', 'Mul', 'Div', 'Pow'].includes(opType));
  const [, gain, bias] = node.input;
  if (arithmetic) return l10n.t('reads the residual stream through a norm and more arithmetic');
  const parts = { ...(gain && { gain }), ...(bias && { bias }) };
  for (const part of Object.values(parts))
    if (flow.sizeOf(part) !== dModel)
      return l10n.t("is normed with {0}, which is not of the model's width {1}", part, dModel);
  return { kind, eps: decimal(floatOf(node, 'epsilon', fallback)), ...parts };
}

function writtenOut(flow: Flow, nodes: ReadonlySet<NodeProto>, dModel: number): ForeignNorm | undefined | string {
  const of = (opType: string): NodeProto[] => [...nodes].filter((node) => node.opType === opType);
  const constants = (opType: string, size: number): string[] =>
    of(opType).flatMap((node) => {
      const sides = flow.besideConstant(node);
      return sides && flow.sizeOf(sides.constant) === size ? [sides.constant] : [];
    });
  if (of('ReduceMean').length === 0) {
    const arithmetic = [...nodes].find(({ opType }) => ['Add', 'Sub', 'Mul', 'Div', 'Pow'].includes(opType));
    return arithmetic && l10n.t('reads the residual stream through {0}, which alone is no norm', arithmetic.opType);
  }
  const [gains, biases, eps] = [constants('Mul', dModel), constants('Add', dModel), constants('Add', 1)];
  const [epsilon] = eps.map((value) => flow.graph.constant(value)?.values[0]);
  if (gains.length > 1 || biases.length > 1 || eps.length !== 1 || epsilon === undefined)
    return l10n.t('reads the residual stream through a norm of an unknown form');
  const [gain, bias] = [gains[0], biases[0]];
  const kind = of('Sub').length > 0 ? 'layer' : 'rms';
  return { kind, eps: decimal(epsilon), ...(gain !== undefined && { gain }), ...(bias !== undefined && { bias }) };
}

/** The number that float32 (or float16) rounded. */
const decimal = (value: number): number => Number(value.toPrecision(6));

/** The scale by which a norm divides each row: sqrt(mean(x²) + eps), for LayerNorm about the row's mean. `[pos]`, in float64. */
export function normScale(
  x: ArrayLike<number>,
  width: number,
  { kind, eps }: { kind: 'layer' | 'rms'; eps: number },
): Float32Array {
  const scales = new Float32Array(x.length / width);
  for (let row = 0; row < scales.length; row++) {
    let [sum, squares] = [0, 0];
    for (let i = row * width; i < (row + 1) * width; i++) sum += x[i]!;
    const mean = kind === 'layer' ? sum / width : 0;
    for (let i = row * width; i < (row + 1) * width; i++) squares += (x[i]! - mean) ** 2;
    scales[row] = Math.sqrt(squares / width + eps);
  }
  return scales;
}
