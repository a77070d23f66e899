/**
 * One training step of a multi-layer sparse autoencoder as one graph: forward, gradients derived by hand, Adam. Of each row only
 * k latents are active, so that the gradient of the pre-activations is as sparse as the code.
 */
import { DataType, GraphBuilder, type Value } from '../../graph/builder';
import type { Graph } from '../../graph/transformer';
import { adamW } from '../adam';
import {
  ADAM,
  AUX_WEIGHT,
  DEAD_THRESHOLD,
  PARAMETERS,
  shapeOf,
  stepIo,
  type ParameterName,
  type StepOptions,
} from './stepIo';
import { StepParts, unitRows } from './stepParts';

/** Parameters, moments and `last_nonzero` in; the same after the step, and what it measured, out. */
export function emitStep(options: StepOptions): Graph {
  const g = new GraphBuilder();
  const e = emitGradients(g, options);
  const adapted = PARAMETERS.map((name) => {
    const moment = (as: string): Value => g.input(as, DataType.FLOAT, shapeOf(name, options));
    const [first, second] = [moment(stepIo.first(name)), moment(stepIo.second(name))];
    return { value: name, gradient: e.gradients[name], first, second, decays: false };
  });
  const { updated, norm } = adamW(g, adapted, ADAM);
  const outputs = new Map<string, Value>([...Object.entries(e.measured), [stepIo.norm, norm]]);
  PARAMETERS.forEach((name, i) => {
    const { value, first, second } = updated[i]!;
    outputs.set(stepIo.next(name), name === 'decoder' ? unitRows(g, value) : value);
    outputs.set(stepIo.next(stepIo.first(name)), first);
    outputs.set(stepIo.next(stepIo.second(name)), second);
  });
  return finished(g, outputs, e.last);
}

/** Gradients by parameter name (`stepIo.next`) instead of the step that they lead to; for tests. */
export function emitGradientsOnly(options: StepOptions): Graph {
  const g = new GraphBuilder();
  const e = emitGradients(g, options);
  const gradients = PARAMETERS.map((name): [string, Value] => [stepIo.next(name), e.gradients[name]]);
  return finished(g, new Map([...Object.entries(e.measured), ...gradients]), e.last);
}

function finished(g: GraphBuilder, outputs: Map<string, Value>, last: Value): Graph {
  const named = [...outputs].map(([name, value]) => ({ name: g.alias(value, name), dtype: DataType.FLOAT }));
  const all = [...named, { name: g.alias(last, stepIo.next(stepIo.last)), dtype: DataType.INT64 }];
  return { ...g.build(all), outputs: all.map(({ name }) => name), folder: '/' };
}

interface Emitted {
  gradients: Record<ParameterName, Value>;
  measured: Record<string, Value>;
  last: Value;
}

function emitGradients(g: GraphBuilder, options: StepOptions): Emitted {
  const { nLatents, layers, tokens, auxk, deadSteps } = options;
  const s = new StepParts(g, options);
  const last = g.input(stepIo.last, DataType.INT64, [nLatents]);
  const isDead = (counted: Value): Value =>
    g.op('Cast', [g.op('GreaterOrEqual', [counted, g.ints([deadSteps], [])])], { to: DataType.FLOAT });
  const dead = auxk > 0 ? isDead(last) : undefined;
  const chunks = s.chunks().map((rows) => s.forward(rows, dead));
  const flat = (values: Value[]): Value => g.op('Concat', values, { axis: 0 });
  const squares = g.op('Reshape', [flat(chunks.map(({ squares }) => squares)), g.ints([layers, tokens])]);
  const mse = s.scaled(g.op('ReduceSum', [squares, g.ints([-1])], { keepdims: 1 }), 1 / (tokens * options.nInputs));
  const fvu = g.op('Div', [mse, s.variance]);
  let loss = g.op('ReduceMean', [fvu], { keepdims: 0 });
  let aux = g.floats([0]);
  if (dead) {
    aux = s.auxiliary(chunks);
    loss = g.op('Add', [loss, s.scaled(aux, AUX_WEIGHT)]);
  }
  const [values, indices] = (['values', 'indices'] as const).map((name) =>
    flat(chunks.map(({ codes }) => g.op('Reshape', [codes[name], g.ints([-1])]))),
  ) as [Value, Value];
  const none = g.op('ConstantOfShape', [g.ints([nLatents])]);
  const largest = g.op('ScatterElements', [none, indices, values], { axis: 0, reduction: 'max' });
  const fired = g.op('Greater', [largest, g.floats([DEAD_THRESHOLD])]);
  // as the paper's code counts: 1 after a step in which it was active
  const counted = g.op('Add', [g.op('Where', [fired, g.ints([0], []), last]), g.ints([1], [])]);
  const active = g.op('Cast', [g.op('Greater', [values, g.floats([0])])], { to: DataType.FLOAT });
  const l0 = s.scaled(g.op('ReduceSum', [active], { keepdims: 0 }), 1 / (layers * tokens));
  const deadFraction = g.op('ReduceMean', [isDead(counted)], { keepdims: 0 });
  const measured = {
    [stepIo.loss]: loss,
    [stepIo.fvu]: g.op('Reshape', [fvu, g.ints([layers])]),
    [stepIo.aux]: aux,
    [stepIo.l0]: l0,
    [stepIo.dead]: deadFraction,
  };
  return { gradients: s.gradients(), measured, last: counted };
}
