import { Tensor } from 'onnxruntime-node';
import type { ModelDescription } from '../../checkpoint/description';
import { graphInputs } from '../../graph/names';
import type { Batch } from '../../graph/transformer';
import { promptInputs } from '../../runtime/inputs';

const int64 = (values: ArrayLike<number>, dims: number[]): Tensor =>
  new Tensor(
    'int64',
    BigInt64Array.from({ length: values.length }, (_, i) => BigInt(values[i]!)),
    dims,
  );

/** What no batch of these sizes changes: positions, masks, rotary tables. */
export function batchInputs(d: ModelDescription, { sequences, length }: Batch): Record<string, Tensor> {
  const perRow: string[] = [graphInputs.positions, graphInputs.cos, graphInputs.sin];
  const one = promptInputs(d, new Array<number>(length).fill(0));
  return Object.fromEntries(
    Object.entries(one).map(([name, tensor]) => [name, perRow.includes(name) ? repeated(tensor, sequences) : tensor]),
  );
}

/** The rows of a tensor, again and again. */
function repeated({ type, data, dims }: Tensor, times: number): Tensor {
  const from = data as Float32Array | BigInt64Array;
  const all = new (from.constructor as Float32ArrayConstructor | BigInt64ArrayConstructor)(from.length * times);
  for (let i = 0; i < times; i++) all.set(from as never, i * from.length);
  return new Tensor(type, all as Float32Array, [dims[0]! * times, ...dims.slice(1)]);
}

/** Ids and targets of windows of length + 1 tokens, one after another. */
export function windowFeeds(windows: ArrayLike<number>, { sequences, length }: Batch): Record<string, Tensor> {
  const rows = sequences * length;
  const at = (row: number, shift: number): number =>
    windows[Math.floor(row / length) * (length + 1) + (row % length) + shift]!;
  const ids = Int32Array.from({ length: rows }, (_, row) => at(row, 0));
  const targets = Int32Array.from({ length: rows }, (_, row) => at(row, 1));
  return { [graphInputs.ids]: int64(ids, [rows]), [graphInputs.targets]: int64(targets, [rows, 1]) };
}

/** @param first of each sequence; `firstPositions` */
export function positionFeeds(first: Int32Array, { sequences, length }: Batch): Record<string, Tensor> {
  const rows = sequences * length;
  const values = Int32Array.from({ length: rows }, (_, row) => first[Math.floor(row / length)]! + (row % length));
  return { [graphInputs.positions]: int64(values, [rows]) };
}
