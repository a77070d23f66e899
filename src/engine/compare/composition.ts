import { compositionKinds, type CompositionKind } from '../../protocol/circuits';
import type { CompositionChange } from '../../protocol/compare';
import { composition } from '../circuits/composition';
import { wholeNumber } from '../circuits/params';
import { checkedNotices } from './comparable';
import { minus, type Comparison } from './two';

const MAX_TOP = 100_000;

/** Q-, K- and V-composition of both, and what changed most. */
export const compareComposition: Comparison<'compareComposition'> = async ({ a, b }, params, steps) => {
  const { top = 20, ...options } = params;
  wholeNumber('top', top, MAX_TOP);
  const notices = await checkedNotices(a.checkpoint, b.checkpoint);
  const ofA = await composition(a, options, steps);
  const ofB = await composition(b, options, steps);
  const delta = Object.fromEntries(
    compositionKinds.map((kind) => [kind, minus(ofB.scores[kind], ofA.scores[kind])]),
  ) as Record<CompositionKind, Float32Array>;
  const { nLayers, nHeads, baseline, foldNorm } = ofA;
  const scores = { a: ofA.scores, b: ofB.scores, delta };
  const changes = largest(scores, nLayers * nHeads, nHeads, top);
  return { nLayers, nHeads, ...scores, baseline, changes, foldNorm, notices: [...ofA.notices, ...notices] };
};

type Matrices = Record<CompositionKind, Float32Array>;

/** The pairs whose score changed most, unchanged ones left out. */
function largest(
  { a, b, delta }: { a: Matrices; b: Matrices; delta: Matrices },
  n: number,
  nHeads: number,
  top: number,
): CompositionChange[] {
  const head = (i: number): { layer: number; head: number } => ({ layer: Math.floor(i / nHeads), head: i % nHeads });
  const enough = threshold(
    compositionKinds.map((kind) => delta[kind]),
    top,
  );
  const cells = compositionKinds.flatMap((kind) => {
    const found: { kind: CompositionKind; at: number; size: number }[] = [];
    delta[kind].forEach((value, at) => {
      const size = Math.abs(value);
      // NaN, where there is no pair, is not above 0
      if (size > 0 && size >= enough) found.push({ kind, at, size });
    });
    return found;
  });
  return cells
    .sort((x, y) => y.size - x.size)
    .slice(0, top)
    .map(({ kind, at }) => ({
      kind,
      earlier: head(Math.floor(at / n)),
      later: head(at % n),
      a: a[kind][at]!,
      b: b[kind][at]!,
      delta: delta[kind][at]!,
    }));
}

/** The `top`-th largest |Δ|; 0 where there are fewer. */
function threshold(deltas: Float32Array[], top: number): number {
  const sizes = new Float32Array(deltas.reduce((sum, { length }) => sum + length, 0));
  let count = 0;
  for (const delta of deltas) for (const value of delta) if (Math.abs(value) > 0) sizes[count++] = Math.abs(value);
  return sizes.subarray(0, count).sort()[count - top] ?? 0;
}
