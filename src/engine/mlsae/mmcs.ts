import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import type { LatentAnalysis } from '../latentHandlers';
import { DataType, type GraphBuilder, type Value } from '../graph/builder';
import { pieces } from '../graph/vocabulary';
import type { Weights } from '../graph/weights';
import { WeightGraph } from '../runtime/weightRun';
import type { Sae } from './sae';
import { countOf, decoderColumns, index, knownLengths, slice, type VectorTable } from './vectorTable';

/** Latents on either side of the piece of the table of cosines that one run forms. */
const ROWS = 2048;
const COLUMNS = 8192;
/** Of each row: itself, perhaps, and another. */
const KEPT = 2;

interface Limits {
  rows: number;
  columns: number;
}

/**
 * Mean over latents of the largest cosine similarity to another latent's decoder column (MMCS). The table of all pairs is formed
 * in pieces, of which each latent keeps the best. A column of zeros has no direction: it is near nothing (−1, NaN), and the mean
 * is taken over the others. Columns are compared as they are stored.
 */
export const mmcs: LatentAnalysis<'mmcs'> = ({ sae, model }, _, steps) =>
  nearestColumns(sae, model.runner.provider, steps, { rows: ROWS, columns: COLUMNS });

export async function nearestColumns(
  sae: Sae,
  provider: string,
  steps: Parameters<typeof mmcs>[2],
  { rows, columns }: Limits,
): ReturnType<typeof mmcs> {
  const table = decoderColumns(sae);
  const n = countOf(table);
  const lengths = await knownLengths(sae, table, provider);
  const nearest = new Int32Array(n).fill(-1);
  const cosine = new Float32Array(n).fill(-Infinity);
  const graph = await WeightGraph.create(sae, provider, (g, w) => emitBest(g, w, table), { once: true });
  try {
    for (const [from, to] of pieces(n, rows))
      for (const [start, end] of pieces(n, columns)) {
        await steps.step(
          l10n.t('Comparing latents {0}–{1} of {2}', from, to - 1, n),
          (from + ((to - from) * start) / n) / n,
        );
        const own = lengths.subarray(from, to);
        const found = await graph.run(feedsOf({ from, to, start, end }, lengths.subarray(start, end)));
        keepBest(found as Record<'values' | 'columns', HookTensor>, { from, start }, own, nearest, cosine);
      }
  } finally {
    await graph.dispose();
  }
  for (let i = 0; i < n; i++) if (nearest[i]! < 0) cosine[i] = NaN;
  const defined = cosine.filter((value) => !Number.isNaN(value));
  return { mmcs: defined.reduce((sum, value) => sum + value, 0) / defined.length, nearest, cosine };
}

/** The `KEPT` largest cosines of each row with a run of columns, times the row's own length, which changes no order. */
function emitBest(g: GraphBuilder, w: Weights, table: VectorTable): Record<string, Value> {
  const rows = slice(g, w, table, 'from', 'to');
  const columns = slice(g, w, table, 'start', 'end');
  const along = g.input('along', DataType.FLOAT, ['columns']);
  const without = g.input('without', DataType.FLOAT, ['columns']);
  const products = g.op('Gemm', [rows, columns], table.axis === 0 ? { transB: 1 } : { transA: 1 });
  const scaled = g.op('Add', [g.op('Mul', [products, along]), without]);
  const kept = g.op('Min', [g.ints([KEPT]), g.op('Shape', [along])]);
  const [values, at] = g.ops('TopK', [scaled, kept], 2, { axis: -1 });
  return { values: values!, columns: g.op('Cast', [at!], { to: DataType.FLOAT }) };
}

function feedsOf(
  places: Record<'from' | 'to' | 'start' | 'end', number>,
  lengths: Float32Array,
): Record<string, Tensor> {
  const row = (of: (length: number) => number): Tensor => new Tensor('float32', lengths.map(of), [lengths.length]);
  return {
    ...Object.fromEntries(Object.entries(places).map(([name, value]) => [name, index(value)])),
    along: row((length) => (length > 0 ? 1 / length : 0)),
    // zero vectors come last
    without: row((length) => (length > 0 ? 0 : -Infinity)),
  };
}

function keepBest(
  { values, columns }: Record<'values' | 'columns', HookTensor>,
  { from, start }: { from: number; start: number },
  lengths: Float32Array,
  nearest: Int32Array,
  cosine: Float32Array,
): void {
  const k = values.shape[1]!;
  lengths.forEach((length, row) => {
    if (length === 0) return;
    for (let i = row * k; i < (row + 1) * k; i++) {
      const other = start + columns.data[i]!;
      const value = values.data[i]! / length;
      if (other === from + row || !(value > cosine[from + row]!)) continue;
      nearest[from + row] = other;
      cosine[from + row] = value;
    }
  });
}
