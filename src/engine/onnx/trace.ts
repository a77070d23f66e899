/**
 * Which numbers of one value arrive where in another, found by running what lies between with numbered inputs: whatever
 * splits, slices, transposes and repeats an exporter wrote, they move numbers and at most scale them.
 */
import type { Probe, ProbeTensor } from './types';

/** A value whose numbers are told apart by their column, and stand in every position alike. */
export interface Source {
  value: string;
  dims: number[];
  /** The sizes of its axes where `dims` merge some; default `dims`. */
  shape?: number[];
  /** Which axes of `shape` make up the column, outermost first. */
  axes: number[];
}

/** Where a number came from: a column of the source, and by how much it was multiplied. */
export interface Origin {
  column: number;
  scale: number;
}

/** A value, and the index in its data of a column at a position. */
export interface Target {
  value: string;
  index: (column: number, position: number) => number;
}

/** @returns the origin of a target's column; undefined where it is not a source's number times a factor */
export type Traced = (column: number) => Origin | undefined;

/** Small enough that float16 tells two of them apart, after a scale too. */
const DIGIT = 64;

/** What stands in the first positions: ones, twos, and a column's two digits. */
const ROWS: ((column: number) => number)[] = [
  () => 1,
  () => 2,
  (column) => (column % DIGIT) + 1,
  (column) => Math.floor(column / DIGIT) + 1,
];

/** In one run where the prompt has positions enough for all that is asked: what lies between must treat positions alike. */
export async function trace(
  probe: Probe,
  sources: readonly Source[],
  targets: readonly Target[],
): Promise<Map<string, Traced>> {
  const atOnce = sources.every((source) => positionsOf(source) >= ROWS.length);
  const values = targets.map(({ value }) => value);
  const run = (of: (column: number, position: number) => number): Promise<Record<string, ProbeTensor>> =>
    probe(values, Object.fromEntries(sources.map((source) => [source.value, fill(source, of)])));
  const runs: Record<string, ProbeTensor>[] = [];
  if (atOnce) runs.push(await run((column, position) => ROWS[position % ROWS.length]!(column)));
  else for (const row of ROWS) runs.push(await run(row));
  const traced = ({ value, index }: Target, column: number): Origin | undefined => {
    const [scale, ...rest] = ROWS.map((_, row) =>
      atOnce ? runs[0]![value]!.data[index(column, row)]! : runs[row]![value]!.data[index(column, 0)]!,
    );
    const [two, low, high] = rest.map((number) => number / scale! - 1);
    if (!(Math.abs(two! - 1) < 0.01)) return undefined;
    return { column: Math.round(low!) + DIGIT * Math.round(high!), scale: scale! };
  };
  return new Map(targets.map((target) => [target.value, (column) => traced(target, column)]));
}

/** The source with a number in each column of each position. */
export function fill(
  { dims, shape = dims, axes, value }: Source,
  of: (column: number, position: number, value: string) => number,
): ProbeTensor {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const others = [...shape.keys()].filter((axis) => !axes.includes(axis));
  const along = (i: number, which: number[]): number =>
    which.reduce((at, axis) => at * shape[axis]! + (Math.floor(i / strides[axis]!) % shape[axis]!), 0);
  for (let i = 0; i < data.length; i++) data[i] = of(along(i, axes), along(i, others), value);
  return { dims, data };
}

/** A projection's output: columns are its last axis, or its last few. */
export const columnsOf = (value: string, dims: number[], axes = 1): Source => ({
  value,
  dims,
  axes: Array.from({ length: axes }, (_, i) => dims.length - axes + i),
});

/** In how many positions a source's columns stand. */
export const positionsOf = ({ dims, shape = dims, axes }: Source): number =>
  dims.reduce((a, b) => a * b, 1) / axes.reduce((n, axis) => n * shape[axis]!, 1);
