/** Linear layers, norms and embeddings of foreign graphs. */
import type { ModelDescription } from '../../../../src/engine/checkpoint/description';
import type { Dialect } from './dialect';
import { transposed, type Matrix, type NormGain } from './weights';
import { DataType, MICROSOFT, type OnnxWriter } from './writer';

export interface Context {
  w: OnnxWriter;
  d: ModelDescription;
  dialect: Dialect;
}

/** x `[batch, pos, in]` */
export function linear({ w, dialect }: Context, x: string, m: Matrix): string {
  const how = dialect.linear ?? 'matmul';
  if (how === 'gemm' || how === 'gemm-transposed') return gemm(w, x, m, how === 'gemm-transposed');
  const y = how === 'integer' ? integerProduct(w, x, m) : w.op('MatMul', [x, weight(w, m, how)]);
  return m.bias ? w.op('Add', [w.floats(m.bias, [m.out]), y]) : y;
}

function weight(w: OnnxWriter, m: Matrix, how: 'matmul' | 'transposed' | 'dequantized'): string {
  if (how === 'matmul') return w.floats(m.data, [m.in, m.out]);
  if (how === 'transposed') return w.op('Transpose', [w.floats(transposed(m), [m.out, m.in])], { perm: [1, 0] });
  const { steps, scales } = quantized(m);
  const inputs = [w.tensor(DataType.INT8, [m.in, m.out], steps), w.floats(scales, [m.out])];
  return w.op('DequantizeLinear', [...inputs, w.tensor(DataType.INT8, [m.out], new Int8Array(m.out))], { axis: 1 });
}

function gemm(w: OnnxWriter, x: string, m: Matrix, transB: boolean): string {
  const rows = w.op('Reshape', [x, w.ints([-1, m.in])]);
  const W = transB ? w.floats(transposed(m), [m.out, m.in]) : w.floats(m.data, [m.in, m.out]);
  const inputs = [rows, W, ...(m.bias ? [w.floats(m.bias, [m.out])] : [])];
  const y = w.op('Gemm', inputs, { alpha: { float: 1 }, beta: { float: 1 }, ...(transB && { transB: 1 }) });
  const outer = w.slice(w.op('Shape', [x]), 0, 2, 0);
  return w.op('Reshape', [y, w.op('Concat', [outer, w.ints([m.out])], { axis: 0 })]);
}

/** ONNX Runtime's dynamic quantisation: activations to uint8 by tensor, weights in uint8 around 128. */
function integerProduct(w: OnnxWriter, x: string, m: Matrix): string {
  const { steps, scale } = quantizedAsOne(m);
  const [xq, xScale, xZero] = w.ops('DynamicQuantizeLinear', [x], 3) as [string, string, string];
  const W = w.tensor(
    DataType.UINT8,
    [m.in, m.out],
    Uint8Array.from(steps, (step) => step + 128),
  );
  const zero = w.tensor(DataType.UINT8, [], Uint8Array.of(128));
  const sums = w.op('Cast', [w.op('MatMulInteger', [xq, W, xZero, zero])], { to: DataType.FLOAT });
  return w.op('Mul', [sums, w.op('Mul', [xScale, w.floats([scale])])]);
}

/** Rows of a table. */
export function embedding({ w, dialect }: Context, m: Matrix, ids: string): string {
  if (dialect.linear !== 'dequantized' && dialect.linear !== 'integer')
    return w.op('Gather', [w.floats(m.data, [m.in, m.out]), ids]);
  const { steps, scale } = quantizedAsOne(m);
  const rows = w.op('Gather', [w.tensor(DataType.INT8, [m.in, m.out], steps), ids]);
  return w.op('DequantizeLinear', [rows, w.floats([scale]), w.tensor(DataType.INT8, [], Int8Array.of(0))]);
}

/** The smallest power of two that all values fit 127 of. */
const stepOf = (values: Iterable<number>): number => {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest === 0 ? 1 : 2 ** Math.ceil(Math.log2(largest / 127));
};

/** Steps are powers of two, so that values which lie on a grid of 255 such steps (`onGrid`) lose nothing. */
function quantized(m: Matrix): { steps: Int8Array; scales: Float32Array } {
  const column = (c: number): number[] => Array.from({ length: m.in }, (_, row) => m.data[row * m.out + c]!);
  const scales = Float32Array.from({ length: m.out }, (_, c) => stepOf(column(c)));
  return { steps: Int8Array.from(m.data, (value, i) => Math.round(value / scales[i % m.out]!)), scales };
}

function quantizedAsOne({ data }: Matrix): { steps: Int8Array; scale: number } {
  const scale = stepOf(data);
  return { steps: Int8Array.from(data, (value) => Math.round(value / scale)), scale };
}

/** Values rounded to 255 steps of a power of two. */
export function onGrid(values: ArrayLike<number>): Float32Array {
  const data = Float32Array.from(values);
  const step = stepOf(data);
  return data.map((value) => step * Math.round(value / step));
}

/** The residual stream, and what its reader reads. */
export interface Normed {
  resid: string;
  x: string;
}

/** Adds `delta` to the residual stream and normalises it. */
export function addAndNorm(c: Context, resid: string, delta: string | undefined, norm: NormGain | undefined): Normed {
  if (norm && delta !== undefined && c.dialect.norm === 'skip') return skipNorm(c, resid, delta, norm);
  const added = delta === undefined ? resid : c.w.op('Add', [delta, resid]);
  const sum = c.dialect.cluttered ? c.w.op('Cast', [c.w.op('Identity', [added])], { to: c.w.floatType }) : added;
  return { resid: sum, x: norm ? normOf(c, sum, norm) : sum };
}

function skipNorm({ w, d }: Context, resid: string, delta: string, { gain, bias }: NormGain): Normed {
  const rms = d.norm.kind === 'rms';
  const weights = [w.floats(gain, [d.dModel]), ...(bias ? [w.floats(bias, [d.dModel])] : [])];
  const opType = rms ? 'SkipSimplifiedLayerNormalization' : 'SkipLayerNormalization';
  const outputs = w.ops(opType, [resid, delta, ...weights], 4, { epsilon: { float: d.norm.eps } }, MICROSOFT);
  return { x: outputs[0]!, resid: outputs[3]! };
}

function normOf(c: Context, x: string, { gain, bias }: NormGain): string {
  const { w, d, dialect } = c;
  const weights = [w.floats(gain, [d.dModel]), ...(bias ? [w.floats(bias, [d.dModel])] : [])];
  if (dialect.norm === undefined || dialect.norm === 'plain') return plainNorm(c, x, weights);
  const attributes = { axis: -1, epsilon: { float: d.norm.eps } };
  if (d.norm.kind === 'layer') return w.op('LayerNormalization', [x, ...weights], attributes);
  return w.op(dialect.opset >= 23 ? 'RMSNormalization' : 'SimplifiedLayerNormalization', [x, ...weights], attributes);
}

function plainNorm({ w, d }: Context, x: string, [gain, bias]: string[]): string {
  const mean = (value: string): string => w.withAxes('ReduceMean', value, [-1], { keepdims: 1 });
  const centred = d.norm.kind === 'layer' ? w.op('Sub', [x, mean(x)]) : x;
  const variance = mean(w.op('Pow', [centred, w.floats([2])]));
  const root = w.op('Sqrt', [w.op('Add', [variance, w.floats([d.norm.eps])])]);
  const normed =
    d.norm.kind === 'layer' ? w.op('Div', [centred, root]) : w.op('Mul', [centred, w.op('Div', [w.floats([1]), root])]);
  const gained = w.op('Mul', d.norm.kind === 'layer' ? [normed, gain!] : [gain!, normed]);
  return bias === undefined ? gained : w.op('Add', [gained, bias]);
}
