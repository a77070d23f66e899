/** Rows of activations, and sums in float64. */
import type { HookTensor } from '../../protocol/engine';

export type Hooks = Record<string, HookTensor>;

/** Row `index` of a tensor seen as `[…, width]`: a view, not a copy. */
export function hookRow({ shape, data }: HookTensor, index: number): Float32Array {
  const width = shape.at(-1)!;
  return data.subarray(index * width, (index + 1) * width);
}

/** What a hook holds at the last position. `[width]` */
export function lastRow(hooks: Hooks, name: string): Float32Array {
  const tensor = hooks[name];
  if (!tensor) throw new Error(`the run gave no ${name}`);
  return hookRow(tensor, tensor.shape[0]! - 1);
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

export function total(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
