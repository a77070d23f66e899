/** Hooks that a foreign graph has no value of its own for. */
import type { Checkpoint } from '../checkpoint/checkpoint';
import { valueNorm } from '../graph/attention';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { hooksWhere, layerHook } from '../graph/hooks';
import { Weights } from '../graph/weights';
import type { Foreign, FoundHook } from './types';

export interface Derived {
  /** The hook that it follows from. */
  of: FoundHook;
  emit(g: GraphBuilder, value: Value): Value;
}

/** `attn.value_norm` of the values; without the weights ‖v_s‖ stands for ‖v_s W_O‖. */
export function derivedHook(checkpoint: Checkpoint, foreign: Foreign, name: string): Derived | undefined {
  const { description } = checkpoint;
  const layer = Number(/^blocks\.(\d+)\.attn\.value_norm$/.exec(name)?.[1] ?? -1);
  const v = layer < 0 ? undefined : foreign.hooks.get(layerHook(layer, 'v'));
  if (!v) return undefined;
  const { nHeads } = description;
  const byHead = (g: GraphBuilder, value: Value): Value => {
    const heads = g.op('Transpose', [value], { perm: [1, 0, 2] });
    const group = nHeads / (v.sizes['h'] ?? nHeads);
    const index = Array.from({ length: nHeads }, (_, h) => Math.floor(h / group));
    return group === 1 ? heads : g.op('Gather', [heads, g.ints(index)], { axis: 0 });
  };
  if (foreign.missing.weights !== undefined) return { of: v, emit: (g, value) => lengths(g, byHead(g, value)) };
  return {
    of: v,
    emit: (g, value) => {
      const w = new Weights(checkpoint, foreign.graph.folder);
      return valueNorm(g, w, description, description.layers[layer]!.out, byHead(g, value));
    },
  };
}

export const hasForeignHook = (checkpoint: Checkpoint, foreign: Foreign, name: string): boolean =>
  foreign.hooks.has(name) || derivedHook(checkpoint, foreign, name) !== undefined;

/** The hooks that were found, and those that follow from them, in the order in which they are computed. */
export const foreignHooks = (checkpoint: Checkpoint, foreign: Foreign): string[] =>
  hooksWhere(checkpoint.description.nLayers, (name) => hasForeignHook(checkpoint, foreign, name));

/** Lengths of the last axis. */
function lengths(g: GraphBuilder, x: Value): Value {
  const double = g.op('Cast', [x], { to: DataType.DOUBLE });
  const sum = g.op('ReduceSum', [g.op('Mul', [double, double]), g.ints([-1])], { keepdims: 0 });
  return g.op('Sqrt', [g.op('Cast', [sum], { to: DataType.FLOAT })]);
}

/** sqrt(mean(x²) + eps) of rows, for LayerNorm about their means. `[pos, 1]` */
export function scaleOf(g: GraphBuilder, { kind, eps }: NonNullable<FoundHook['scaleOf']>, x: Value): Value {
  const mean = (value: Value): Value => g.op('ReduceMean', [value, g.ints([-1])], { keepdims: 1 });
  const centred = kind === 'layer' ? g.op('Sub', [x, mean(x)]) : x;
  return g.op('Sqrt', [g.op('Add', [mean(g.op('Mul', [centred, centred])), g.floats([eps])])]);
}
