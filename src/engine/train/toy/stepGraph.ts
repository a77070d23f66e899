/** The graph of one training step: the inspector's own forward pass, with weights as inputs. */
import type { ModelDescription, WeightRef } from '../../checkpoint/description';
import { DataType, GraphBuilder, type Value } from '../../graph/builder';
import { graphInputs } from '../../graph/names';
import { residualStream, unembedding, type Batch, type Graph } from '../../graph/transformer';
import type { WeightSource } from '../../graph/weights';
import { adamW, type AdamOptions } from '../adam';
import { gradients } from '../autodiff';
import { toyParameters } from './model';

/** Names of a step's inputs and outputs. */
export const stepNames = {
  /** Mean cross-entropy, nats. A scalar. */
  loss: 'loss',
  /** Of the gradient, before it is clipped. A scalar. */
  norm: 'gradient_norm',
  first: (parameter: string): string => `${parameter}:first`,
  second: (parameter: string): string => `${parameter}:second`,
  next: (state: string): string => `${state}:next`,
} as const;

/** Weights that are inputs of the graph, by their stored names. */
class TrainedWeights implements WeightSource {
  private readonly shapes: Map<string, number[]>;

  constructor(d: ModelDescription) {
    this.shapes = new Map(toyParameters(d).map(({ name, shape }) => [name, shape]));
  }

  stored(g: GraphBuilder, ref: WeightRef, dims: number[] = ref.shape): { value: Value; dtype: DataType } {
    // a reference may regroup what is stored
    const shape = this.shapes.get(ref.tensor) ?? ref.shape;
    const value = g.input(ref.tensor, DataType.FLOAT, shape);
    const same = dims.length === shape.length && dims.every((size, i) => size === shape[i]);
    return { value: same ? value : g.op('Reshape', [value, g.ints(dims)]), dtype: DataType.FLOAT };
  }

  float(g: GraphBuilder, ref: WeightRef, dims?: number[]): Value {
    return this.stored(g, ref, dims).value;
  }
}

/** −log p of each target, nats, with every weight an input of its stored name. `[sequences · length, 1]` */
export function lossOfRows(g: GraphBuilder, d: ModelDescription, batch: Batch): Value {
  const w = new TrainedWeights(d);
  const resid = residualStream(g, w, d, { from: 0, to: d.nLayers, batch }, new Map());
  const logProbs = g.op('LogSoftmax', [unembedding(g, w, d, resid).logits], { axis: -1 });
  const targets = g.input(graphInputs.targets, DataType.INT64, [batch.sequences * batch.length, 1]);
  return g.op('Neg', [g.op('GatherElements', [logProbs, targets], { axis: 1 })]);
}

/** Parameters and moments in, the same after one step out (`stepNames.next`), with loss and gradient norm. */
export function emitStep(d: ModelDescription, batch: Batch, adam: AdamOptions): Graph {
  const g = new GraphBuilder();
  const loss = g.op('ReduceMean', [lossOfRows(g, d, batch)], { keepdims: 0 });
  const parameters = toyParameters(d);
  const dLoss = gradients(
    g,
    loss,
    parameters.map(({ name }) => name),
  );
  const { updated, norm } = adamW(
    g,
    parameters.map(({ name, shape, decays, rate }, i) => ({
      value: name,
      gradient: dLoss[i]!,
      first: g.input(stepNames.first(name), DataType.FLOAT, shape),
      second: g.input(stepNames.second(name), DataType.FLOAT, shape),
      decays,
      rate,
    })),
    adam,
  );
  const outputs = [g.alias(loss, stepNames.loss), g.alias(norm, stepNames.norm)];
  parameters.forEach(({ name }, i) => {
    const { value, first, second } = updated[i]!;
    outputs.push(g.alias(value, stepNames.next(name)));
    outputs.push(g.alias(first, stepNames.next(stepNames.first(name))));
    outputs.push(g.alias(second, stepNames.next(stepNames.second(name))));
  });
  return finished(g, outputs);
}

const finished = (g: GraphBuilder, outputs: Value[]): Graph => ({
  ...g.build(outputs.map((name) => ({ name, dtype: DataType.FLOAT }))),
  outputs,
  folder: '/',
});
