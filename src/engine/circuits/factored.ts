/** A product A Bᵀ of tall matrices that is never formed whole: as TransformerLens's FactoredMatrix. */
import { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import type { OpenModel } from '../circuitHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { pieces } from '../graph/vocabulary';
import { WeightGraph } from '../runtime/weightRun';
import type { Steps } from '../runtime/types';

/** Numbers of the product that one run forms. */
const CHUNK = 2 ** 23;

/** A tall matrix, row by row. `[rows, k]` */
export interface Tall {
  data: Float32Array;
  k: number;
}

export interface Entry {
  row: number;
  column: number;
  value: number;
}

export interface RowEntries {
  /** `[row][≤ top]`, largest first. */
  largest: Entry[][];
  /** `[row][≤ top]`, smallest first. */
  smallest: Entry[][];
}

export class FactoredMatrix {
  private readonly columns: number;

  constructor(
    private readonly model: OpenModel,
    private readonly A: Tall,
    private readonly B: Tall,
  ) {
    this.columns = B.data.length / B.k;
  }

  /** Largest and smallest value of every row. `[row]` each */
  async rowExtremes(label: string, steps: Steps): Promise<{ max: Float32Array; min: Float32Array }> {
    const rows = Array.from({ length: this.A.data.length / this.A.k }, (_, row) => row);
    const max = new Float32Array(rows.length);
    const min = new Float32Array(rows.length);
    await this.run(
      rows,
      (g, product) => ({
        max: g.op('ReduceMax', [product, g.ints([-1])], { keepdims: 0 }),
        min: g.op('ReduceMin', [product, g.ints([-1])], { keepdims: 0 }),
      }),
      async (from, outputs) => {
        max.set(outputs.max!.data, from);
        min.set(outputs.min!.data, from);
        await steps.step(label, from / rows.length);
      },
    );
    return { max, min };
  }

  /** The largest and smallest entries of some rows. */
  async rowEntries(rows: number[], top: number): Promise<RowEntries> {
    const k = Math.min(top, this.columns);
    const found: RowEntries = { largest: [], smallest: [] };
    await this.run(
      rows,
      (g, product) => {
        const kept = (largest: boolean): [Value, Value] => {
          const [values, columns] = g.ops('TopK', [product, g.ints([k])], 2, { axis: -1, largest: largest ? 1 : 0 });
          return [values!, g.op('Cast', [columns!], { to: DataType.FLOAT })];
        };
        const [[largest, largestAt], [smallest, smallestAt]] = [kept(true), kept(false)];
        return { largest, largestAt, smallest, smallestAt };
      },
      async (from, { largest, largestAt, smallest, smallestAt }) => {
        found.largest.push(...entries(rows, from, largest!, largestAt!));
        found.smallest.push(...entries(rows, from, smallest!, smallestAt!));
      },
    );
    return found;
  }

  /**
   * The largest and smallest entries of the whole matrix, best first: they lie in the rows whose own extremes are the
   * largest or smallest.
   */
  async topEntries(
    { max, min }: { max: Float32Array; min: Float32Array },
    top: number,
  ): Promise<{ largest: Entry[]; smallest: Entry[] }> {
    const high = await this.rowEntries(largestOf(max, top), top);
    const low = await this.rowEntries(
      largestOf(
        min.map((value) => -value),
        top,
      ),
      top,
    );
    return {
      largest: high.largest.flat().sort(byValue).slice(0, top),
      smallest: low.smallest
        .flat()
        .sort((a, b) => -byValue(a, b) || 0)
        .slice(0, top),
    };
  }

  /** A whole row. `[columns]` */
  async row(row: number): Promise<Float32Array> {
    let values = new Float32Array();
    await this.run(
      [row],
      (_, product) => ({ product }),
      async (_, { product }) => void (values = Float32Array.from(product!.data)),
    );
    return values;
  }

  /** Runs what `emit` makes of the rows' product, some rows at a time. */
  private async run(
    rows: number[],
    emit: (g: GraphBuilder, product: Value) => Record<string, Value>,
    take: (from: number, outputs: Record<string, HookTensor>) => Promise<void>,
  ): Promise<void> {
    const { checkpoint, runner } = this.model;
    const { k } = this.A;
    const graph = await WeightGraph.create(checkpoint, runner.provider, (g) => {
      const a = g.input('a', DataType.FLOAT, ['rows', k]);
      const b = g.input('b', DataType.FLOAT, [this.columns, k]);
      return emit(g, g.op('Gemm', [a, b], { transB: 1 }));
    });
    try {
      const b = new Tensor('float32', this.B.data, [this.columns, k]);
      for (const [from, to] of pieces(rows.length, CHUNK / this.columns)) {
        const a = new Tensor('float32', takeRows(this.A, rows.slice(from, to)), [to - from, k]);
        await take(from, await graph.run({ a, b }));
      }
    } finally {
      await graph.dispose();
    }
  }
}

const byValue = (a: { value: number }, b: { value: number }): number => b.value - a.value;

/** Indices of the `top` largest values, largest first. */
export function largestOf(values: Float32Array, top: number): number[] {
  return Array.from(values.keys())
    .sort((a, b) => values[b]! - values[a]!)
    .slice(0, top);
}

function takeRows({ data, k }: Tall, rows: number[]): Float32Array {
  const taken = new Float32Array(rows.length * k);
  rows.forEach((row, i) => taken.set(data.subarray(row * k, (row + 1) * k), i * k));
  return taken;
}

function entries(rows: number[], from: number, { shape, data }: HookTensor, columns: HookTensor): Entry[][] {
  const [n, k] = shape as [number, number];
  return Array.from({ length: n }, (_, i) =>
    Array.from({ length: k }, (_, j) => ({
      row: rows[from + i]!,
      column: columns.data[i * k + j]!,
      value: data[i * k + j]!,
    })),
  );
}
