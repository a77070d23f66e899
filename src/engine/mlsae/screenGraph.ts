/**
 * TopK of many latents without computing them all in float32. A product of 8-bit integers, a quarter of the time, gives an upper
 * bound of every activation; the latents with the largest bounds are the candidates, and only they are computed. Where the k-th of
 * their activations is above the smallest of their bounds, no other latent can be among the k largest.
 *
 * With x̂ and ŵ the rounded rows, x·w = x̂·ŵ + x·(w − ŵ) + (x − x̂)·ŵ, whose last two terms are at most ‖x‖‖w − ŵ‖ + ‖x − x̂‖‖ŵ‖
 * (Cauchy–Schwarz). These products of norms are part of the same product of bytes: columns more, rounded up.
 */
import type { WeightRef } from '../checkpoint/description';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import type { Graph } from '../graph/transformer';
import { centre, finish, io, putScale, start, type Emitted } from './encodeGraph';
import type { Sae } from './sae';

/** Names of inputs and outputs, beside those of the encoder's graph. */
export const screenIo = {
  /** Latents, in no order. `[row, candidate]` */
  candidates: 'candidates',
  /** No other latent's activation is larger. `[row, 1]` */
  limit: 'limit',
  /** The encoder in steps of each latent's own, its norms behind. `[column, latent]` */
  weights: 'weights',
  /** `[latent]` */
  step: 'step',
} as const;

/** Steps of a signed byte on each side of 0. */
const STEPS = 127;
/** The zero of an unsigned byte. */
const ZERO_POINT = 128;
/** Norms are widened by this much of themselves, some 1e-4 of ‖x‖‖w‖: more than float32 loses in a sum of d_model products. */
const WIDENED = 1.01;
/** Divides instead of 0. */
const TINY = 1e-30;

/** W_enc. `[latent, n_inputs]` */
function byLatent({ g, w }: Emitted, { encoder: { weight, layout } }: Sae): Value {
  const stored = w.float(g, weight);
  return layout === 'latent-input' ? stored : g.op('Transpose', [stored], { perm: [1, 0] });
}

/**
 * Rows of `n` numbers in steps of a 127th of their largest value, and their norms in bytes: the product of two rows of opposite
 * sides is the upper bound. A norm of at most 127 √n is divided by √n, one of what rounding takes away (at most √n / 2) times √n
 * is divided among so many columns that it fits.
 * @returns whole numbers in float32 `[row, column]`, steps `[row, 1]`
 */
function inBytes(g: GraphBuilder, rows: Value, n: number, side: 'row' | 'latent'): { bytes: Value; step: Value } {
  const byRow = (op: string, value: Value): Value => g.op(op, [value, g.ints([-1])], { keepdims: 1 });
  const norm = (value: Value): Value => g.op('Sqrt', [byRow('ReduceSumSquare', value)]);
  const up = (value: Value, by: number): Value => g.op('Ceil', [g.op('Mul', [value, g.floats([by * WIDENED])])]);
  const largest = byRow('ReduceMax', g.op('Abs', [rows]));
  const step = g.op('Max', [g.op('Div', [largest, g.floats([STEPS])]), g.floats([TINY])]);
  const scaled = g.op('Div', [rows, step]);
  const whole = g.op('Round', [scaled]);
  const columns = Math.ceil((n * WIDENED) / 2 / STEPS);
  const lost = up(norm(g.op('Sub', [scaled, whole])), Math.sqrt(n) / columns);
  // ‖x‖ of a row, ‖ŵ‖ of a latent
  const kept = g.op('Min', [up(norm(side === 'row' ? scaled : whole), 1 / Math.sqrt(n)), g.floats([STEPS])]);
  const [first, second] = side === 'row' ? [kept, lost] : [lost, kept];
  const each = [first, second].flatMap((column) => Array.from({ length: columns }, () => column));
  return { bytes: g.op('Concat', [whole, ...each], { axis: 1 }), step };
}

/** Inputs of the encoder, and its bias as the weight of one more, which is 1. */
const inputsOf = ({ nInputs, bEnc }: Sae): number => nInputs + (bEnc ? 1 : 0);

/** Latents [from, to) → these of the encoder in bytes. Only what is asked for is read. */
export function emitEncoderBytes(sae: Sae): Graph {
  const e = start(sae);
  const { g, w, outputs } = e;
  const [from, to] = [io.from, io.to].map((name) => g.input(name, DataType.INT64, [1]));
  const part = (ref: WeightRef, axis: number): Value => {
    const { value, dtype } = w.stored(g, ref);
    const own = g.op('Slice', [value, from!, to!, g.ints([axis])]);
    return dtype === DataType.FLOAT ? own : g.op('Cast', [own], { to: DataType.FLOAT });
  };
  const { weight, layout } = sae.encoder;
  const encoder = layout === 'latent-input' ? part(weight, 0) : g.op('Transpose', [part(weight, 1)], { perm: [1, 0] });
  const bias = sae.bEnc && g.op('Unsqueeze', [part(sae.bEnc, 0), g.ints([1])]);
  const all = bias ? g.op('Concat', [encoder, bias], { axis: 1 }) : encoder;
  const { bytes, step } = inBytes(g, all, inputsOf(sae), 'latent');
  const weights = g.op('Transpose', [g.op('Cast', [bytes], { to: DataType.INT8 })], { perm: [1, 0] });
  outputs.set(screenIo.weights, { value: weights, dtype: DataType.INT8 });
  outputs.set(screenIo.step, { value: g.op('Squeeze', [step, g.ints([1])]), dtype: DataType.FLOAT });
  return finish(e);
}

/** x → the latents with the largest upper bounds, and the smallest of these bounds. */
export function emitScreen(sae: Sae, encoder: { weights: Int8Array; step: Float32Array }, candidates: number): Graph {
  const e = start(sae);
  const { g, outputs } = e;
  const { centred } = centre(e, sae, g.input(io.x, DataType.FLOAT, ['row', sae.nInputs]));
  const all = sae.bEnc ? g.op('Pad', [centred, g.ints([0, 0, 0, 1]), g.floats([1])]) : centred;
  const rows = inBytes(g, all, inputsOf(sae), 'row');
  const bytes = g.op('Cast', [g.op('Add', [rows.bytes, g.floats([ZERO_POINT])])], { to: DataType.UINT8 });
  const columns = encoder.weights.length / sae.nLatents;
  const weights = g.raw('weights', DataType.INT8, [columns, sae.nLatents], encoder.weights);
  const step = g.raw('step', DataType.FLOAT, [sae.nLatents], encoder.step);
  const zero = g.raw('zero', DataType.UINT8, [], Uint8Array.of(ZERO_POINT));
  const bounds = g.op('MatMulIntegerToFloat', [bytes, weights, g.floats([1]), step, zero]);
  const [top, which] = g.ops('TopK', [bounds, g.ints([candidates])], 2, { axis: -1, largest: 1, sorted: 0 });
  const limit = g.op('Mul', [g.op('ReduceMin', [top!, g.ints([-1])], { keepdims: 1 }), rows.step]);
  outputs.set(screenIo.candidates, { value: g.op('Cast', [which!], { to: DataType.INT32 }), dtype: DataType.INT32 });
  outputs.set(screenIo.limit, { value: limit, dtype: DataType.FLOAT });
  return finish(e);
}

/** x and its candidates → the k largest activations of these and their latents, mean and std, as of the encoder's graph. */
export function emitCandidates(sae: Sae, k: number, candidates: number): Graph {
  const e = start(sae);
  const { g, w, outputs } = e;
  const x = g.input(io.x, DataType.FLOAT, ['row', sae.nInputs]);
  const latents = g.input(screenIo.candidates, DataType.INT32, ['row', candidates]);
  const { centred, mean, std } = centre(e, sae, x);
  const gathered = g.op('Gather', [byLatent(e, sae), latents], { axis: 0 }); // [row, candidate, n_inputs]
  const products = g.op('MatMul', [gathered, g.op('Unsqueeze', [centred, g.ints([2])])]);
  const flat = g.op('Squeeze', [products, g.ints([2])]);
  const a = sae.bEnc ? g.op('Add', [flat, g.op('Gather', [w.float(g, sae.bEnc), latents], { axis: 0 })]) : flat;
  const [top, places] = g.ops('TopK', [a, g.ints([k])], 2, { axis: -1, largest: 1, sorted: 1 });
  const found = g.op('GatherElements', [latents, places!], { axis: 1 });
  // negative ones too: they tell whether the candidates suffice
  outputs.set(io.values, { value: top!, dtype: DataType.FLOAT });
  outputs.set(io.indices, { value: found, dtype: DataType.INT32 });
  putScale(e, mean, std);
  return finish(e);
}
