/**
 * Patterns of long prompts, block of rows by block of rows. Attention is causal: the sources that the last row of a block does not see
 * are neither computed nor held.
 */
import type { HookTensor } from '../../protocol/engine';

export interface RowBlocks {
  /** Tokens from which on attention is computed in so many blocks. */
  from: number;
  blocks: number;
}

/** Some 128 rows each: products of fewer are slower, and with more less is left out (measured). At 1024 tokens they leave out 44 %. */
const ROW_BLOCKS: readonly RowBlocks[] = [
  { from: 512, blocks: 4 },
  { from: 768, blocks: 8 },
];

/** Blocks of rows in which attention over `n` tokens is computed; 1 where it is computed whole. */
export const rowBlocks = (n: number, table = ROW_BLOCKS): number =>
  table.findLast(({ from, blocks }) => n >= Math.max(from, blocks))?.blocks ?? 1;

/** Rows [from, to) of the patterns of all heads, `[head, to − from, width]`. Sources from `width` on are 0. */
export interface PatternRows {
  from: number;
  to: number;
  width: number;
  data: Float32Array;
}

/** The patterns of a layer, whole (`[head, dst, src]`) or as blocks that have all rows, first to last. */
export type LayerPattern = Float32Array | readonly PatternRows[];

/** Rows [from, to) of one head: row d begins at `at + (d − from) · width` of `data`, and has `width` sources, the rest is 0. */
export interface HeadRows extends PatternRows {
  at: number;
}

/** One head, block by block. Nothing is copied. */
export function headRows(pattern: LayerPattern, n: number, head: number): HeadRows[] {
  const blocks = pattern instanceof Float32Array ? [{ from: 0, to: n, width: n, data: pattern }] : pattern;
  return blocks.map((block) => ({ ...block, at: head * (block.to - block.from) * block.width }));
}

/** What a destination of a head attends to: as many sources as it sees, or more. A view. */
export function headRow(pattern: LayerPattern, n: number, head: number, dst: number): Float32Array {
  const { from, width, data, at } = headRows(pattern, n, head).find(({ to }) => dst < to)!;
  return data.subarray(at + (dst - from) * width, at + (dst - from + 1) * width);
}

export const patternArrays = (pattern: LayerPattern): Float32Array[] =>
  pattern instanceof Float32Array ? [pattern] : pattern.map(({ data }) => data);

export const patternBytes = (pattern: LayerPattern): number =>
  patternArrays(pattern).reduce((sum, { byteLength }) => sum + byteLength, 0);

/** hook_pattern in blocks of rows. Who reads `data` gets it whole: it is put together once, and the blocks go. */
export class BlockedPattern implements HookTensor {
  readonly shape: number[];
  private held: LayerPattern;

  constructor(blocks: readonly PatternRows[]) {
    const { from, to, width, data } = blocks.at(-1)!;
    this.shape = [data.length / (to - from) / width, to, to];
    this.held = blocks;
  }

  /** What is held. */
  get pattern(): LayerPattern {
    return this.held;
  }

  get data(): Float32Array {
    this.held = assembled(this.held, this.shape);
    return this.held;
  }
}

/** A hook_pattern as it is held. */
export const layerPattern = (hook: HookTensor): LayerPattern =>
  hook instanceof BlockedPattern ? hook.pattern : hook.data;

function assembled(blocks: LayerPattern, [nHeads, n]: number[]): Float32Array {
  if (blocks instanceof Float32Array) return blocks;
  const whole = new Float32Array(nHeads! * n! * n!);
  for (const { from, to, width, data } of blocks)
    for (let head = 0, at = 0; head < nHeads!; head++)
      for (let row = from; row < to; row++, at += width)
        whole.set(data.subarray(at, at + width), (head * n! + row) * n!);
  return whole;
}

/** Blocks begin at multiples of this, so that sums over their rows are made in the order in which whole ones are. */
const STEP = 64;

/** Sources that a head's rows hold in blocks that begin and end at `bounds`: n² of one block. */
export const heldSources = (bounds: number[]): number =>
  bounds.slice(1).reduce((sum, to, b) => sum + (to - bounds[b]!) * to, 0);

/** First row of each block, and n. `n` must be `blocks` or more. `[blocks + 1]` */
export function rowBounds(n: number, blocks: number): number[] {
  const step = n >= STEP * blocks ? STEP : 1;
  return Array.from({ length: blocks + 1 }, (_, b) =>
    b === blocks ? n : step * Math.round((b * n) / (blocks * step)),
  );
}
