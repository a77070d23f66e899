/** The weights that were matched so far: names and tensors as a description has them. */
import * as l10n from '@vscode/l10n';
import type { StoredTensor } from '../checkpoint/checkpoint';
import type { Linear, NormWeights, WeightRef } from '../checkpoint/description';
import type { Flow } from './follow';
import type { ForeignNorm } from './norms';
import type { Projection } from './projections';
import { dequantizedBy, dequantizedRows, derive, resolveConstant, type Resolved } from './stored';

/** A clause about a weight that could not be matched. */
export class Unmatched extends Error {}

export function need<T>(found: T | string): T {
  if (typeof found === 'string') throw new Unmatched(found);
  return found;
}

export class Matched {
  readonly tensors = new Map<string, StoredTensor>();

  constructor(private readonly flow: Flow) {}

  /** A constant of `shape`; axes of size 1 do not count. @throws Unmatched */
  weight(value: string, shape: readonly number[]): WeightRef {
    const { name, tensor } = need(resolveConstant(this.flow, value));
    const kept = (dims: readonly number[]): string => dims.filter((size) => size !== 1).join(' × ');
    if (kept(tensor.shape) !== kept(shape))
      throw new Unmatched(
        l10n.t('{0} has shape [{1}], [{2}] was expected', value, tensor.shape.join(', '), shape.join(', ')),
      );
    return this.add({ name, tensor: reshape(tensor, [...shape]) });
  }

  /**
   * The matrix of all of a table's rows; axes of size 1 do not count.
   * @param rows what was taken of it: perhaps it is dequantised only then
   * @throws Unmatched
   */
  table(value: string, rows: string, { shape, scale = 1 }: { shape?: number[]; scale?: number } = {}): WeightRef {
    const node = this.flow.graph.producer(this.flow.origin(rows));
    const isLate = node?.opType === 'DequantizeLinear' && !this.flow.isConstant(rows);
    const found = need(isLate ? dequantizedRows(this.flow, node, value) : resolveConstant(this.flow, value));
    const tensor = shape ? reshape(found.tensor, shape) : found.tensor;
    if (tensor.shape.length !== 2)
      throw new Unmatched(
        l10n.t('the table {0} has {1} axes; rows and columns were expected', value, tensor.shape.length),
      );
    if (scale === 1) return this.add({ name: found.name, tensor });
    return this.add({ name: `${found.name}[times ${scale}]`, tensor: derive(tensor, { op: 'scale', by: scale }) });
  }

  /**
   * A projection, or some columns of it: their indices in the order that is wanted.
   * @param part tells it from other choices of columns of the same projection
   * @throws Unmatched
   */
  linear(projection: Projection, columns?: { indices: number[]; part: string }): Linear {
    const { weight, transposed, bias } = projection;
    const { name, tensor } = need(this.matrix(projection));
    if (tensor.shape.length !== 2)
      throw new Unmatched(l10n.t('{0} has {1} axes; a matrix was expected', weight, tensor.shape.length));
    const outputs = tensor.shape[transposed ? 0 : 1]!;
    const choose = (found: Resolved, axis: number): WeightRef =>
      this.add(columns ? chosen(found, axis, columns.indices, columns.part) : found);
    const b = bias === undefined ? undefined : need(resolveConstant(this.flow, bias));
    if (b && b.tensor.shape.reduce((x, y) => x * y, 1) !== outputs)
      throw new Unmatched(
        l10n.t('the bias {0} has shape [{1}], [{2}] was expected', bias!, b.tensor.shape.join(', '), outputs),
      );
    return {
      weight: choose({ name, tensor }, transposed ? 0 : 1),
      layout: transposed ? 'out-in' : 'in-out',
      ...(b && { bias: choose({ ...b, tensor: reshape(b.tensor, [outputs]) }, 0) }),
    };
  }

  /** A projection's weight with two axes. */
  private matrix({ weight, quantised, axes }: Projection): Resolved | string {
    if (quantised) return dequantizedBy(this.flow, weight, quantised, 1);
    const found = resolveConstant(this.flow, weight);
    if (typeof found === 'string' || !axes) return found;
    const { name, tensor } = found;
    const turned = axes.perm.every((from, to) => from === to)
      ? tensor
      : derive(tensor, { op: 'transpose', perm: axes.perm });
    const inputs = turned.shape.slice(0, axes.in).reduce((a, b) => a * b, 1);
    return { name: `${name}[matrix]`, tensor: reshape(turned, [inputs, size(turned.shape) / inputs]) };
  }

  /** The rows of a projection's matrix (its inputs) in another order. @throws Unmatched */
  withRows(linear: Linear, indices: number[], part: string): Linear {
    const tensor = this.tensors.get(linear.weight.tensor)!;
    const axis = linear.layout === 'out-in' ? 1 : 0;
    return { ...linear, weight: this.add(chosen({ name: linear.weight.tensor, tensor }, axis, indices, part)) };
  }

  norm({ gain, bias }: ForeignNorm, dModel: number): NormWeights {
    return {
      ...(gain !== undefined && { weight: this.weight(gain, [dModel]) }),
      ...(bias !== undefined && { bias: this.weight(bias, [dModel]) }),
    };
  }

  private add({ name, tensor }: Resolved): WeightRef {
    this.tensors.set(name, tensor);
    return { tensor: name, shape: tensor.shape };
  }
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function reshape(tensor: StoredTensor, dims: number[]): StoredTensor {
  if (tensor.shape.join() === dims.join()) return tensor;
  return tensor.derived ? derive(tensor, { op: 'reshape', dims }) : { ...tensor, shape: dims };
}

function chosen({ name, tensor }: Resolved, axis: number, indices: number[], part: string): Resolved {
  const from = indices[0]!;
  const inOrder = indices.every((index, i) => index === from + i);
  if (inOrder && indices.length === tensor.shape[axis]) return { name, tensor };
  return inOrder
    ? {
        name: `${name}[${from}:${from + indices.length}]`,
        tensor: derive(tensor, { op: 'slice', axis, from, to: from + indices.length }),
      }
    : { name: `${name}[${part}]`, tensor: derive(tensor, { op: 'take', axis, indices }) };
}
