/** Interventions in the shapes that the graph takes (runtime/types, `Interventions`). */
import type { HeadRef } from '../../protocol/checkpoint';
import type { HookTensor } from '../../protocol/engine';
import type { Edit } from '../runtime/types';

/**
 * Heads of one layer whose hook_z is taken away, or replaced by values of the same heads.
 * @param replacement `[pos or 1, n_heads, d_head]`; its other heads are not used
 */
export function editHeads(nHeads: number, heads: readonly number[], replacement?: HookTensor): Edit {
  const keep = { shape: [1, nHeads, 1], data: new Float32Array(nHeads).fill(1) };
  for (const head of heads) keep.data[head] = 0;
  if (!replacement) return { keep };
  const dHead = replacement.shape[2]!;
  const data = new Float32Array(replacement.data.length);
  for (let row = 0; row < data.length; row += nHeads * dHead) {
    for (const head of heads) {
      const at = row + head * dHead;
      data.set(replacement.data.subarray(at, at + dHead), at);
    }
  }
  return { keep, add: { shape: replacement.shape, data } };
}

/** Positions of the residual stream that are replaced by those of `replacement`. `[pos, d_model]` */
export function editPositions(positions: readonly number[], replacement: HookTensor): Edit {
  const [n, dModel] = replacement.shape as [number, number];
  const keep = { shape: [n, 1], data: new Float32Array(n).fill(1) };
  const add = { shape: [n, dModel], data: new Float32Array(n * dModel) };
  for (const position of positions) {
    keep.data[position] = 0;
    add.data.set(replacement.data.subarray(position * dModel, (position + 1) * dModel), position * dModel);
  }
  return { keep, add };
}

/** Heads by layer. */
export function byLayer(heads: readonly HeadRef[]): Map<number, number[]> {
  const layers = new Map<number, number[]>();
  for (const { layer, head } of heads) layers.set(layer, [...(layers.get(layer) ?? []), head]);
  return layers;
}
