import { Tensor } from 'onnxruntime-node';
import type { ModelDescription, Rotary } from '../checkpoint/description';
import { graphInputs } from '../graph/names';

/** The graph inputs that follow from the tokens alone, by name. They are `sequences` of one length, one after another. */
export function promptInputs(d: ModelDescription, ids: number[], sequences = 1): Record<string, Tensor> {
  const n = ids.length / sequences;
  const inputs: Record<string, Tensor> = {
    [graphInputs.ids]: int64(ids, [ids.length]),
    [graphInputs.positions]: int64(
      ids.map((_, i) => i % n),
      [ids.length],
    ),
  };
  for (const window of new Set(d.layers.map((layer) => layer.window)))
    inputs[graphInputs.mask(window)] = new Tensor('float32', causalMask(n, window), [n, n]);
  if (d.positions.kind === 'rotary') {
    const { cos, sin } = ropeTables(d.positions, n);
    const dims = [ids.length, d.positions.dims / 2];
    inputs[graphInputs.cos] = new Tensor('float32', repeated(cos, sequences), dims);
    inputs[graphInputs.sin] = new Tensor('float32', repeated(sin, sequences), dims);
  }
  return inputs;
}

/** Where blocks of rows begin and end (`rowBounds`), by name. */
export const boundInputs = (bounds: number[]): Record<string, Tensor> =>
  Object.fromEntries(bounds.map((bound, b) => [graphInputs.bound(b), int64([bound], [1])]));

/** The token after each position; the last one has none, and stands for itself. `[pos, 1]` */
export const targetsOf = (ids: number[]): Tensor => int64([...ids.slice(1), ids.at(-1) ?? 0], [ids.length, 1]);

function int64(values: number[], dims: number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

/** 0 where a destination sees a source, −∞ elsewhere. `[dst, src]` */
export function causalMask(n: number, window = Infinity): Float32Array {
  const mask = new Float32Array(n * n).fill(-Infinity);
  for (let dst = 0; dst < n; dst++) mask.fill(0, dst * n + Math.max(0, dst - window + 1), dst * n + dst + 1);
  return mask;
}

/** cos and sin of position × frequency, computed in float64. `[pos, dims / 2]` each */
function ropeTables(rot: Rotary, n: number): { cos: Float32Array; sin: Float32Array } {
  const frequencies = ropeFrequencies(rot);
  const half = frequencies.length;
  const cos = new Float32Array(n * half);
  const sin = new Float32Array(n * half);
  for (let pos = 0; pos < n; pos++) {
    frequencies.forEach((f, i) => {
      cos[pos * half + i] = Math.cos(pos * f);
      sin[pos * half + i] = Math.sin(pos * f);
    });
  }
  return { cos, sin };
}

function repeated(values: Float32Array, times: number): Float32Array {
  if (times === 1) return values;
  const all = new Float32Array(values.length * times);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

/** Radians per position of each pair (RoFormer), scaled as transformers' `rope_scaling` says. `[dims / 2]` */
export function ropeFrequencies({ dims, theta, scaling }: Rotary): number[] {
  const base = Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims));
  if (!scaling) return base;
  if (scaling.kind === 'linear') return base.map((f) => f / scaling.factor);
  const { factor, lowFreqFactor, highFreqFactor, originalContext } = scaling;
  return base.map((f) => {
    // turns that this pair makes over the original context: few turns are slowed, many are kept, between them blended
    const turns = (originalContext * f) / (2 * Math.PI);
    const keep = Math.min(1, Math.max(0, (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor)));
    return keep * f + ((1 - keep) * f) / factor;
  });
}
