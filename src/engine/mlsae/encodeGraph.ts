/** The graphs of an autoencoder: encoder, decoder of sparse codes, both for activations that are not TopK. */
import type { WeightRef } from '../checkpoint/description';
import { DataType, GraphBuilder, type Value } from '../graph/builder';
import type { Graph } from '../graph/transformer';
import { Weights } from '../graph/weights';
import type { Sae, SaeMatrix } from './sae';

/** Names of inputs and outputs. */
export const io = {
  /** `[row, n_inputs]` */
  x: 'x',
  /** Of standardization. `[row, 1]` each; absent without. */
  mean: 'mean',
  std: 'std',
  /** `[row, k]`; indices I32 */
  values: 'values',
  indices: 'indices',
  /** Of all latents, where not only the k largest are active. `[row]` each */
  l0: 'l0',
  l1: 'l1',
  /** `[row, n_inputs]` */
  recons: 'recons',
  /** Rows [from, to) of x are read. `[1]` each, of rows on a device */
  from: 'from',
  to: 'to',
  /** Σ (x − x̃)². `[row]` */
  squaredError: 'squared_error',
} as const;

/** Added to the std that x is divided by, not to the one that the reconstruction is multiplied by (the paper's code). */
const STD_EPS = 1e-5;

export interface Emitted {
  g: GraphBuilder;
  w: Weights;
  /** By output name, in order. */
  outputs: Map<string, { value: Value; dtype: DataType }>;
}

export const start = (sae: Sae): Emitted => ({ g: new GraphBuilder(), w: new Weights(sae), outputs: new Map() });

export function finish({ g, w, outputs }: Emitted): Graph {
  const named = [...outputs].map(([name, { value, dtype }]) => ({ name: g.alias(value, name), dtype }));
  return { ...g.build(named), outputs: [...outputs.keys()], folder: w.folder };
}

/**
 * x → the k largest activations and their latents, mean and std. What is not TopK also gives l0 and l1, and the
 * reconstruction when `decode` (all latents may be active, so it is a product with the whole decoder). With `part` it reads some
 * rows of x, and gives the squared error instead of the reconstruction: neither need leave the device.
 */
export function emitEncode(sae: Sae, k: number, { decode, part = false }: { decode: boolean; part?: boolean }): Graph {
  const e = start(sae);
  const { g, w, outputs } = e;
  const x = inputRows(g, sae, part);
  const { centred, mean, std } = centre(e, sae, x);
  const a = product(g, w, centred, sae.encoder, 'encode', sae.bEnc);
  const z = sae.activate.kind === 'topk' ? a : activate(g, w, sae, a);
  const [top, latents] = g.ops('TopK', [z, g.ints([k])], 2, { axis: -1, largest: 1, sorted: 1 });
  // of the k largest some may be negative
  const values = sae.activate.kind === 'topk' ? g.op('Relu', [top!]) : top!;
  outputs.set(io.values, { value: values, dtype: DataType.FLOAT });
  outputs.set(io.indices, { value: g.op('Cast', [latents!], { to: DataType.INT32 }), dtype: DataType.INT32 });
  putScale(e, mean, std);
  if (sae.activate.kind !== 'topk') {
    const active = g.op('Cast', [g.op('Greater', [z, g.floats([0])])], { to: DataType.FLOAT });
    const sum = (value: Value): Value => g.op('ReduceSum', [value, g.ints([-1])], { keepdims: 0 });
    outputs.set(io.l0, { value: sum(active), dtype: DataType.FLOAT });
    outputs.set(io.l1, { value: sum(z), dtype: DataType.FLOAT });
    if (decode) {
      const recons = restored(g, product(g, w, z, sae.decoder, 'decode', sae.bDec), mean, std);
      if (part) outputs.set(io.squaredError, { value: squaredError(g, x, recons), dtype: DataType.FLOAT });
      else outputs.set(io.recons, { value: recons, dtype: DataType.FLOAT });
    }
  }
  return finish(e);
}

/**
 * Values and latents of rows → reconstructions: the decoder's rows of the latents are gathered, then weighted and summed. With
 * `part` → squared errors, as in the encoder's graph.
 */
export function emitDecode(sae: Sae, k: number, { part = false } = {}): Graph {
  const e = start(sae);
  const { g, w } = e;
  const values = g.input(io.values, DataType.FLOAT, ['row', k]);
  const indices = g.input(io.indices, DataType.INT32, ['row', k]);
  const stored = w.float(g, sae.decoder.weight);
  // a transposed copy, made once while the session loads
  const byLatent = sae.decoder.layout === 'latent-input' ? stored : g.op('Transpose', [stored], { perm: [1, 0] });
  const directions = g.op('Gather', [byLatent, indices], { axis: 0 });
  const weighted = g.op('MatMul', [g.op('Unsqueeze', [values, g.ints([1])]), directions]);
  const sum = g.op('Squeeze', [weighted, g.ints([1])]);
  const flat = sae.bDec ? g.op('Add', [sum, w.float(g, sae.bDec)]) : sum;
  const given = (name: string): Value | undefined =>
    sae.standardize ? g.input(name, DataType.FLOAT, ['row', 1]) : undefined;
  const value = restored(g, flat, given(io.mean), given(io.std));
  const output = { value: part ? squaredError(g, inputRows(g, sae, part), value) : value, dtype: DataType.FLOAT };
  e.outputs.set(part ? io.squaredError : io.recons, output);
  return finish(e);
}

/** x, or rows [from, to) of it. `[row, n_inputs]` */
function inputRows(g: GraphBuilder, { nInputs }: Sae, part: boolean): Value {
  const x = g.input(io.x, DataType.FLOAT, ['rows', nInputs]);
  if (!part) return x;
  const [from, to] = [io.from, io.to].map((name) => g.input(name, DataType.INT64, [1]));
  return g.op('Slice', [x, from!, to!, g.ints([0])]);
}

const squaredError = (g: GraphBuilder, x: Value, recons: Value): Value =>
  g.op('ReduceSumSquare', [g.op('Sub', [x, recons]), g.ints([-1])], { keepdims: 0 });

/** x → x̂ − bPre, which the encoder is multiplied with, and what is undone after the decoder. */
export function centre({ g, w }: Emitted, sae: Sae, x: Value): { centred: Value; mean?: Value; std?: Value } {
  const { standard, ...scale } = standardize(g, sae, x);
  return { ...scale, centred: sae.bPre ? g.op('Sub', [standard, w.float(g, sae.bPre)]) : standard };
}

export function putScale({ outputs }: Emitted, mean?: Value, std?: Value): void {
  if (!mean || !std) return;
  outputs.set(io.mean, { value: mean, dtype: DataType.FLOAT });
  outputs.set(io.std, { value: std, dtype: DataType.FLOAT });
}

/** x̂ = (x − μ) / (s + 1e−5); the variance is that of the centred values, which float32 takes well. */
function standardize(
  g: GraphBuilder,
  { standardize: wanted, nInputs }: Sae,
  x: Value,
): { standard: Value; mean?: Value; std?: Value } {
  if (!wanted) return { standard: x };
  const byRow = (op: string, value: Value): Value => g.op(op, [value, g.ints([-1])], { keepdims: 1 });
  const mean = byRow('ReduceMean', x);
  const centred = g.op('Sub', [x, mean]);
  const variance = g.op('Div', [byRow('ReduceSumSquare', centred), g.floats([nInputs - 1])]);
  const std = g.op('Sqrt', [variance]);
  return { standard: g.op('Div', [centred, g.op('Add', [std, g.floats([STD_EPS])])]), mean, std };
}

/** x̃ = flat · s + μ */
const restored = (g: GraphBuilder, flat: Value, mean?: Value, std?: Value): Value =>
  mean && std ? g.op('Add', [g.op('Mul', [flat, std]), mean]) : flat;

/** rows × matrix (+ bias), inputs to latents or back. */
function product(
  g: GraphBuilder,
  w: Weights,
  rows: Value,
  { weight, layout }: SaeMatrix,
  way: 'encode' | 'decode',
  bias?: WeightRef,
): Value {
  const inputs = [rows, w.float(g, weight)];
  if (bias) inputs.push(w.float(g, bias));
  const isStoredAsRead = (layout === 'input-latent') === (way === 'encode');
  return g.op('Gemm', inputs, { transB: isStoredAsRead ? 0 : 1 });
}

/** a → z of an activation that is not TopK (sae.ts, `Activate`). */
function activate(g: GraphBuilder, w: Weights, { activate: by }: Sae, a: Value): Value {
  const where = (condition: Value, value: Value): Value => g.op('Where', [condition, value, g.floats([0])]);
  switch (by.kind) {
    case 'jumprelu':
      return where(g.op('Greater', [a, w.float(g, by.threshold)]), g.op('Relu', [a])); // a threshold may be negative
    case 'gated': {
      const gate = g.op('Greater', [g.op('Add', [a, w.float(g, by.bGate)]), g.floats([0])]);
      const grown = g.op('Mul', [a, g.op('Exp', [w.float(g, by.rMag)])]);
      return where(gate, g.op('Relu', [g.op('Add', [grown, w.float(g, by.bMag)])]));
    }
    default:
      return g.op('Relu', [a]);
  }
}

/** Latents → their rows of the decoder. Only what is gathered is read. */
export function emitDecoderRows(sae: Sae): Graph {
  const e = start(sae);
  const { g, w } = e;
  const latents = g.input(io.indices, DataType.INT32, ['latent']);
  const { value: stored, dtype } = w.stored(g, sae.decoder.weight);
  const isByLatent = sae.decoder.layout === 'latent-input';
  const gathered = g.op('Gather', [stored, latents], { axis: isByLatent ? 0 : 1 });
  const wide = dtype === DataType.FLOAT ? gathered : g.op('Cast', [gathered], { to: DataType.FLOAT });
  const value = isByLatent ? wide : g.op('Transpose', [wide], { perm: [1, 0] });
  e.outputs.set(io.recons, { value, dtype: DataType.FLOAT });
  return finish(e);
}
