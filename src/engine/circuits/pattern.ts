/**
 * What is drawn of attention patterns: one head, mean or maximum over heads, thumbnails, strongest sources. Attention is
 * causal, so only sources up to the destination are read; what lies above the diagonal is 0 in every result.
 */
import type {
  PatternMatrix,
  Reduction,
  SourcesByLayer,
  SourceWeight,
  Thumbnails,
  Weighting,
} from '../../protocol/analysis';
import type { HeadRef } from '../../protocol/checkpoint';
import { headRow, headRows, type HeadRows, type LayerPattern } from '../runtime/patternRows';

/** The patterns of every head for one prompt of n tokens. */
export interface Patterns {
  n: number;
  nHeads: number;
  /** Each layer's, of all heads. */
  patterns: LayerPattern[];
  /** Each layer's ‖v_s W_O‖, `[head, source]`. */
  valueNorms: Float32Array[];
}

export interface MatrixRequest {
  reduction: Reduction;
  weighting: Weighting;
  /** Needed for `one`; must exist. */
  head?: HeadRef;
}

/**
 * What each source's weight is multiplied by. For `value-weighted`, ‖v_s W_O‖ / max_s ‖v_s W_O‖ (A Mathematical Framework,
 * info-weighted attention), the maximum over all sources of the prompt; all 0 for a head that moves nothing. `[source]`
 */
export function sourceScale(set: Patterns, { layer, head }: HeadRef, weighting: Weighting): Float64Array {
  const scale = new Float64Array(set.n).fill(1);
  if (weighting === 'pattern') return scale;
  const norms = set.valueNorms[layer]!.subarray(head * set.n, (head + 1) * set.n);
  const largest = norms.reduce((a, b) => Math.max(a, b), 0);
  return scale.map((_, s) => (largest > 0 ? norms[s]! / largest : 0));
}

/** A head with what is read of it. */
interface HeadWeights {
  /** layer * nHeads + head */
  number: number;
  /** `[destination, source]`, block by block. */
  pattern: HeadRows[];
  /** What each source's weight is multiplied by. */
  scale: Float64Array;
}

function* allHeads(set: Patterns, weighting: Weighting): Generator<HeadWeights> {
  for (let number = 0; number < set.patterns.length * set.nHeads; number++) {
    const ref = { layer: Math.floor(number / set.nHeads), head: number % set.nHeads };
    yield {
      number,
      pattern: headRows(set.patterns[ref.layer]!, set.n, ref.head),
      scale: sourceScale(set, ref, weighting),
    };
  }
}

function oneHead(set: Patterns, { head, weighting }: MatrixRequest): PatternMatrix {
  if (!head) throw new RangeError('reduction `one` needs a head');
  const { n } = set;
  const values = new Float32Array(n * n);
  const scale = sourceScale(set, head, weighting);
  for (const { from, to, at, width, data } of headRows(set.patterns[head.layer]!, n, head.head))
    for (let d = from; d < to; d++) {
      const row = at + (d - from) * width;
      for (let s = 0; s <= d; s++) values[d * n + s] = data[row + s]! * scale[s]!;
    }
  return { n, values };
}

function meanOfHeads(set: Patterns, { weighting }: MatrixRequest): PatternMatrix {
  const { n } = set;
  const sum = new Float64Array(n * n);
  for (const { pattern, scale } of allHeads(set, weighting))
    for (const { from, to, at, width, data } of pattern)
      for (let d = from; d < to; d++) {
        const row = at + (d - from) * width;
        for (let s = 0; s <= d; s++) sum[d * n + s]! += data[row + s]! * scale[s]!;
      }
  const count = Math.max(1, set.patterns.length * set.nHeads);
  const values = new Float32Array(n * n);
  for (let at = 0; at < values.length; at++) values[at] = sum[at]! / count;
  return { n, values };
}

/** The first head wins a tie; above the diagonal `argHead` is 0. */
function maxOfHeads(set: Patterns, { weighting }: MatrixRequest): PatternMatrix {
  const { n } = set;
  const values = new Float32Array(n * n);
  const argHead = new Uint16Array(n * n);
  for (const { number, pattern, scale } of allHeads(set, weighting))
    for (const { from, to, at, width, data } of pattern)
      for (let d = from; d < to; d++) {
        const row = at + (d - from) * width;
        for (let s = 0; s <= d; s++) {
          // compared as the F32 that is stored, so that rounding makes no second maximum
          const value = Math.fround(data[row + s]! * scale[s]!);
          if (value > values[d * n + s]!) {
            values[d * n + s] = value;
            argHead[d * n + s] = number;
          }
        }
      }
  return { n, values, argHead };
}

const REDUCE: Record<Reduction, (set: Patterns, request: MatrixRequest) => PatternMatrix> = {
  one: oneHead,
  mean: meanOfHeads,
  max: maxOfHeads,
};

/** The matrix that the heatmap draws. */
export const patternMatrix = (set: Patterns, request: MatrixRequest): PatternMatrix =>
  REDUCE[request.reduction](set, request);

/**
 * Every head as a small picture, 0–255 for 0–1. With more than `size` tokens, token i falls into bin
 * floor(i * size / n) and a pixel is the maximum of its bins; otherwise a pixel is a cell and the result's size is n.
 */
export function thumbnails(set: Patterns, weighting: Weighting, size: number): Thumbnails {
  const { n } = set;
  const side = Math.min(size, n);
  const bin = Uint32Array.from({ length: n }, (_, i) => Math.floor((i * side) / n));
  const values = new Uint8Array(set.patterns.length * set.nHeads * side * side);
  const largest = new Float64Array(side * side);
  let offset = 0;
  for (const { pattern, scale } of allHeads(set, weighting)) {
    largest.fill(0);
    for (const { from, to, at, width, data } of pattern)
      for (let d = from; d < to; d++) {
        const row = at + (d - from) * width;
        const line = bin[d]! * side;
        for (let s = 0; s <= d; s++) {
          const value = data[row + s]! * scale[s]!;
          const pixel = line + bin[s]!;
          if (value > largest[pixel]!) largest[pixel] = value;
        }
      }
    for (let pixel = 0; pixel < largest.length; pixel++)
      values[offset++] = Math.round(255 * Math.min(1, largest[pixel]!));
  }
  return { size: side, values };
}

/**
 * The k strongest sources of one destination, layer by layer: a source's weight is its largest over the layer's heads.
 * Strongest first, earlier sources first among equals; sources that no head attends to are left out. `[layer][≤ k]`
 */
export function sourcesByLayer(set: Patterns, destination: number, k: number): SourcesByLayer {
  return set.patterns.map((pattern) => {
    const best: SourceWeight[] = Array.from({ length: destination + 1 }, (_, source) => ({
      source,
      weight: 0,
      head: 0,
    }));
    for (let head = 0; head < set.nHeads; head++) {
      const row = headRow(pattern, set.n, head, destination);
      for (const entry of best) {
        const weight = row[entry.source]!;
        if (weight > entry.weight) Object.assign(entry, { weight, head });
      }
    }
    return best
      .filter(({ weight }) => weight > 0)
      .sort((a, b) => b.weight - a.weight || a.source - b.source)
      .slice(0, k);
  });
}
