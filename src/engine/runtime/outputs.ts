import { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import { nextOutputs } from '../graph/nextTokens';
import { rowsName } from '../graph/names';
import { BlockedPattern } from './patternRows';
import type { NextTokens } from './types';

export function hookTensor(tensor: Tensor): HookTensor {
  return { shape: [...tensor.dims], data: tensor.data as Float32Array };
}

/** A hook as a run gives it: whole, or its pattern in the blocks of rows between `bounds`. */
export function hookOf(outputs: Record<string, Tensor>, hook: string, bounds: number[]): HookTensor {
  const whole = outputs[hook];
  if (whole) return hookTensor(whole);
  return new BlockedPattern(
    bounds.slice(1).map((to, b) => {
      const { dims, data } = outputs[rowsName(hook, b)]!;
      return { from: bounds[b]!, to, width: dims[2]!, data: data as Float32Array };
    }),
  );
}

/** Chunks of rows as one tensor, put together when its data are first read. */
export function joinedRows(parts: Tensor[]): HookTensor {
  const shape = [parts.reduce((sum, { dims }) => sum + dims[0]!, 0), ...parts[0]!.dims.slice(1)];
  let held = parts;
  return {
    shape,
    get data(): Float32Array {
      held = [joinRows(held)];
      return held[0]!.data as Float32Array;
    },
  };
}

/** Chunks of rows as one tensor. */
export function joinRows(parts: Tensor[]): Tensor {
  if (parts.length === 1) return parts[0]!;
  const rows = parts.reduce((sum, part) => sum + part.dims[0]!, 0);
  const rest = parts[0]!.dims.slice(1);
  const data = new Float32Array(rest.reduce((a, b) => a * b, rows));
  let offset = 0;
  for (const part of parts) {
    data.set(part.data as Float32Array, offset);
    offset += part.size;
  }
  return new Tensor('float32', data, [rows, ...rest]);
}

/** One output of chunks of rows. */
export const floats = (chunks: Record<string, Tensor>[], name: string): Float32Array =>
  joinRows(chunks.map((c) => c[name]!)).data as Float32Array;

/** What the unembedding said about chunks of rows. */
export function joinNext(
  chunks: Record<string, Tensor>[],
): Pick<NextTokens, 'ids' | 'logProbs'> & { targetLogProbs: Float32Array } {
  const ids = chunks.flatMap((c) => Array.from(c[nextOutputs.ids]!.data as BigInt64Array, Number));
  return {
    ids: Int32Array.from(ids),
    logProbs: floats(chunks, nextOutputs.logProbs),
    targetLogProbs: floats(chunks, nextOutputs.targetLogProbs),
  };
}

export function nextTokens({ ids, logProbs, targetLogProbs }: ReturnType<typeof joinNext>, k: number): NextTokens {
  // row i holds the log-probability of token i + 1; nothing predicts token 0
  const tokenLogProbs = new Float32Array(targetLogProbs.length).fill(NaN);
  tokenLogProbs.set(targetLogProbs.subarray(0, -1), 1);
  return { k, ids, logProbs, tokenLogProbs };
}
