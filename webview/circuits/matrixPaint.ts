/** One kind's composition of two layers as cells of whole device pixels. */
import type { Composition, CompositionKind } from '../../src/protocol/circuits';
import { cssColour, type ThemeKind } from '../shared/colour';
import { diverging } from '../shared/diverging';
import { scoreAt } from './excess';

export interface LayerPair {
  earlier: number;
  later: number;
}

/** Rows are heads of the earlier layer, columns of the later one; `end` is the end of the scale, `cell` in device pixels. */
export function drawMatrix(
  context: CanvasRenderingContext2D,
  composition: Composition,
  kind: CompositionKind,
  layers: LayerPair,
  end: number,
  cell: number,
  theme: ThemeKind,
): void {
  const { nHeads } = composition;
  for (let row = 0; row < nHeads; row++) {
    for (let column = 0; column < nHeads; column++) {
      const pair = {
        kind,
        earlier: { layer: layers.earlier, head: row },
        later: { layer: layers.later, head: column },
      };
      const excess = scoreAt(composition, pair) - composition.baseline[kind];
      context.fillStyle = cssColour(diverging(excess / end, theme));
      context.fillRect(column * cell, row * cell, cell, cell);
    }
  }
}
