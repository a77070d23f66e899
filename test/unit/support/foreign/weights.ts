/** The weights of a checkpoint in one form: every matrix `[in, out]`, heads as groups of columns (of rows, for W_O). */
import { openCheckpoint } from '../../../../src/engine/checkpoint/open';
import type { Linear, ModelDescription, NormWeights, WeightRef } from '../../../../src/engine/checkpoint/description';
import { readTensors } from '../files';

/** y = x W + b, row major `[in, out]`. */
export interface Matrix {
  in: number;
  out: number;
  data: Float32Array;
  bias?: Float32Array;
}

export interface NormGain {
  gain: Float32Array;
  bias?: Float32Array;
}

export interface LayerMatrices {
  ln1?: NormGain;
  q: Matrix;
  k: Matrix;
  v: Matrix;
  o: Matrix;
  ln2?: NormGain;
  gate?: Matrix;
  up?: Matrix;
  down?: Matrix;
}

export interface ModelMatrices {
  description: ModelDescription;
  W_E: Matrix;
  W_pos?: Matrix;
  layers: LayerMatrices[];
  lnFinal?: NormGain;
  unembed: Matrix;
}

/** Reads a checkpoint folder. */
export async function matricesOf(folder: string): Promise<ModelMatrices> {
  const { description: d, tensors } = await openCheckpoint(folder);
  const files = new Set([...tensors.values()].map(({ file }) => file));
  const stored = Object.assign({}, ...[...files].map(readTensors)) as ReturnType<typeof readTensors>;
  const values = (ref: WeightRef): Float32Array => Float32Array.from(stored[ref.tensor]!.data);
  const norm = (n: NormWeights | undefined): NormGain | undefined =>
    n && {
      gain: n.weight ? values(n.weight) : new Float32Array(d.dModel).fill(1),
      ...(n.bias && { bias: values(n.bias) }),
    };
  const matrix = (l: Linear, isOut = false): Matrix => ({
    ...inOut(l, values(l.weight), isOut),
    ...(l.bias && { bias: values(l.bias) }),
  });
  const table = (ref: WeightRef): Matrix => ({ in: ref.shape[0]!, out: ref.shape[1]!, data: values(ref) });
  return {
    description: d,
    W_E: table(d.W_E),
    ...(d.positions.kind !== 'rotary' && { W_pos: table(d.positions.W_pos) }),
    layers: d.layers.map(({ ln1, qkv, out, ln2, mlp }) => ({
      ...(ln1 && { ln1: norm(ln1)! }),
      ...(qkv.kind === 'separate'
        ? { q: matrix(qkv.q), k: matrix(qkv.k), v: matrix(qkv.v) }
        : unfused(matrix(qkv.linear), d, qkv.order)),
      o: matrix(out, true),
      ...(ln2 && { ln2: norm(ln2)! }),
      ...(mlp && { up: matrix(mlp.in), down: matrix(mlp.out) }),
      ...(mlp?.gate && { gate: matrix(mlp.gate) }),
    })),
    ...(d.lnFinal && { lnFinal: norm(d.lnFinal)! }),
    unembed: matrix(d.unembed),
  };
}

/** Q, K and V of a fused projection. */
function unfused(all: Matrix, d: ModelDescription, order: 'qkv-head' | 'head-qkv'): Record<'q' | 'k' | 'v', Matrix> {
  const part = (which: number): Matrix =>
    columns(
      all,
      Array.from({ length: d.nHeads * d.dHead }, (_, c) => {
        const [head, i] = [Math.floor(c / d.dHead), c % d.dHead];
        return order === 'qkv-head' ? (which * d.nHeads + head) * d.dHead + i : (head * 3 + which) * d.dHead + i;
      }),
    );
  return { q: part(0), k: part(1), v: part(2) };
}

/** Some columns of a matrix, in the order in which they are named. */
export function columns(m: Matrix, wanted: number[]): Matrix {
  const data = new Float32Array(m.in * wanted.length);
  for (let row = 0; row < m.in; row++)
    wanted.forEach((column, c) => (data[row * wanted.length + c] = m.data[row * m.out + column]!));
  const bias = m.bias && Float32Array.from(wanted, (column) => m.bias![column]!);
  return { in: m.in, out: wanted.length, data, ...(bias && { bias }) };
}

/** Matrices side by side; one without a bias has zeros where another has one. */
export function beside(parts: Matrix[]): Matrix {
  const out = parts.reduce((sum, part) => sum + part.out, 0);
  const rows = parts[0]!.in;
  const data = new Float32Array(rows * out);
  let at = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row++)
      data.set(part.data.subarray(row * part.out, (row + 1) * part.out), row * out + at);
    at += part.out;
  }
  const biased = parts.some(({ bias }) => bias);
  const bias = biased && Float32Array.from(parts.flatMap((p) => [...(p.bias ?? new Float32Array(p.out))]));
  return { in: rows, out, data, ...(bias && { bias }) };
}

export function transposed({ in: rows, out, data }: Matrix): Float32Array {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) for (let c = 0; c < out; c++) result[c * rows + row] = data[row * out + c]!;
  return result;
}

function inOut({ layout, weight }: Linear, data: Float32Array, isOut: boolean): Matrix {
  const [a, b, c] = weight.shape as [number, number, number];
  if (layout === 'in-out') return { in: a, out: b, data };
  if (layout === 'out-in') return { in: b, out: a, data: transposed({ in: a, out: b, data }) };
  // heads: W_O is `[head, d_head, d_model]` and already rows; the others are `[head, d_model, d_head]`
  if (isOut) return { in: a * b, out: c, data };
  const each = Array.from({ length: a }, (_, head) => ({
    in: b,
    out: c,
    data: data.subarray(head * b * c, (head + 1) * b * c),
  }));
  return beside(each);
}
