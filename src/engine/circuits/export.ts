import type { Weighting } from '../../protocol/analysis';
import type { HeadRef } from '../../protocol/checkpoint';
import type { HookTensor } from '../../protocol/engine';
import { layerHook } from '../graph/hooks';
import { patternMatrix } from './pattern';
import type { Patterns } from './pattern';

/** TransformerLens's name for the pattern; the value-weighted one has none there. */
const tensorName = (layer: number, weighting: Weighting): string =>
  weighting === 'pattern' ? layerHook(layer, 'pattern') : `blocks.${layer}.attn.value_weighted_pattern`;

/**
 * Patterns as they are written to a file: every layer's `[head, destination, source]`, or one head's
 * `[1, destination, source]` under its layer's name with the head's number behind it (`….hook_pattern.3`).
 */
export function exportTensors(
  set: Patterns,
  { head: only, weighting }: { head?: HeadRef; weighting: Weighting },
): Record<string, HookTensor> {
  const { n, nHeads, patterns } = set;
  const matrix = (ref: HeadRef): Float32Array => patternMatrix(set, { reduction: 'one', weighting, head: ref }).values;
  if (only) {
    return { [`${tensorName(only.layer, weighting)}.${only.head}`]: { shape: [1, n, n], data: matrix(only) } };
  }
  return Object.fromEntries(
    patterns.map((_, layer) => {
      const data = new Float32Array(nHeads * n * n);
      for (let head = 0; head < nHeads; head++) data.set(matrix({ layer, head }), head * n * n);
      return [tensorName(layer, weighting), { shape: [nHeads, n, n], data }];
    }),
  );
}
