/**
 * Q-, K- and V-composition of every pair of heads (Framework, “Three kinds of composition”): ‖W_OV¹ X‖_F / (‖W_OV¹‖_F ‖X‖_F)
 * with X = W_QK², its transpose, W_OV². All pairs come out of few float32 products (`compositionSquares.ts`); a pair of
 * layers where a score is too small for their digits is computed again in float64 (`compositionExact.ts`).
 */
import * as l10n from '@vscode/l10n';
import { compositionKinds, type Composition } from '../../protocol/circuits';
import type { ModelDescription } from '../checkpoint/description';
import type { CircuitAnalysis, OpenModel } from '../circuitHandlers';
import { headWeights, type HeadWeights } from '../graph/canonical';
import type { Steps } from '../runtime/types';
import { runWeights } from '../runtime/weightRun';
import { compositionBaseline } from './compositionBaseline';
import { emitScores } from './compositionExact';
import { emitSquares, type SquareOutput } from './compositionSquares';
import { dot } from './rows';
import { folds, weightNotices } from './weightNotices';

/** Bytes of float32 weights of either side that one session holds, but one layer at least. */
const CHUNK_BYTES = 64 * 2 ** 20;

/**
 * A square that came out of float32 is wrong by about 1e-11 (κ₁ + κ₂) of the whole (measured), where κ = ‖A‖²‖B‖² / ‖A B‖² of
 * a head's matrices. Scores below this times (κ₁ + κ₂) could be wrong by 2e-7 and more, and are computed again.
 */
const DIGITS = 2.5e-5;

type Squares = Record<string, { data: Float32Array }>;

/** Layers from `from` to before `to`. */
interface Layers {
  from: number;
  to: number;
}

export const composition: CircuitAnalysis<'composition'> = async (model, { seed = 0, foldNorm }, steps) => {
  const { description: d } = model.checkpoint;
  const fold = folds(d, foldNorm);
  const scores = await compositionScores(model, fold, steps);
  await steps.step(l10n.t('Composition of random matrices'), 1);
  const baseline = await compositionBaseline(model, seed);
  return {
    nLayers: d.nLayers,
    nHeads: d.nHeads,
    scores,
    baseline,
    foldNorm: fold,
    notices: weightNotices(d, foldNorm),
  };
};

/** @param chunkBytes of weights that a session holds */
export async function compositionScores(
  model: OpenModel,
  fold: boolean,
  steps: Steps,
  chunkBytes = CHUNK_BYTES,
): Promise<Composition['scores']> {
  const { description: d } = model.checkpoint;
  const n = d.nLayers * d.nHeads;
  const scores = Object.fromEntries(
    compositionKinds.map((kind) => [kind, new Float32Array(n * n).fill(NaN)]),
  ) as Composition['scores'];
  const again: [earlier: number, later: number][] = [];
  for (const later of chunks(d, { from: 1, to: d.nLayers }, 4, chunkBytes))
    for (const earlier of chunks(d, { from: 0, to: later.to - 1 }, 2, chunkBytes)) {
      await steps.step(
        l10n.t('Composition of layers {0} with {1}', span(earlier), span(later)),
        (later.from / d.nLayers) ** 2,
      );
      const squares = await squaresOf(model, earlier, later, fold);
      again.push(...fillScores(scores, d, squares, earlier, later));
    }
  for (const [index, [earlier, later]] of again.entries()) {
    await steps.step(l10n.t('Small scores of layer {0} with {1}', earlier, later), index / again.length);
    writeScores(scores, d, earlier, later, await exactScores(model, earlier, later, fold));
  }
  return scores;
}

const span = ({ from, to }: Layers): string => (to - from > 1 ? `${from}–${to - 1}` : String(from));

/** As many runs of layers of about the same length as are needed for `matrices` of each head to fit. */
function chunks(
  { dModel, dHead, nHeads }: ModelDescription,
  { from, to }: Layers,
  matrices: number,
  bytes: number,
): Layers[] {
  const fit = Math.max(1, Math.floor(bytes / (matrices * 4 * dModel * dHead * nHeads)));
  const count = Math.ceil(Math.max(0, to - from) / fit);
  const start = (i: number): number => from + Math.round((i * (to - from)) / count);
  return Array.from({ length: count }, (_, i) => ({ from: start(i), to: start(i + 1) }));
}

function squaresOf({ checkpoint, runner }: OpenModel, earlier: Layers, later: Layers, fold: boolean): Promise<Squares> {
  const d = checkpoint.description;
  return runWeights(checkpoint, runner.provider, (g, w) => {
    const known = new Map<number, HeadWeights>();
    const of = ({ from, to }: Layers): HeadWeights[] =>
      Array.from({ length: to - from }, (_, i) => {
        const weights = known.get(from + i) ?? headWeights(g, w, d, from + i, fold);
        known.set(from + i, weights);
        return weights;
      });
    return emitSquares(g, of(earlier), of(later), d.dModel);
  });
}

async function exactScores(
  { checkpoint, runner }: OpenModel,
  earlier: number,
  later: number,
  fold: boolean,
): Promise<Float32Array> {
  const { scores } = await runWeights(checkpoint, runner.provider, (g, w) => {
    const of = (layer: number): HeadWeights => headWeights(g, w, checkpoint.description, layer, fold);
    return emitScores(g, of(earlier), of(later));
  });
  return scores!.data;
}

/** Squares and κ of a product of two matrices, by their Gram matrices. `[head]` */
function products(a: Float32Array, b: Float32Array, dHead: number): { square: number; kappa: number }[] {
  const size = dHead * dHead;
  const trace = (gram: Float32Array): number => {
    let sum = 0;
    for (let i = 0; i < size; i += dHead + 1) sum += gram[i]!;
    return sum;
  };
  return Array.from({ length: a.length / size }, (_, head) => {
    const [x, y] = [a, b].map((grams) => grams.subarray(head * size, (head + 1) * size)) as [
      Float32Array,
      Float32Array,
    ];
    const square = Math.max(0, dot(x, y));
    return { square, kappa: (trace(x) * trace(y)) / square };
  });
}

/** @returns pairs of layers with scores that need more digits */
function fillScores(
  scores: Composition['scores'],
  d: ModelDescription,
  squares: Squares,
  earlier: Layers,
  later: Layers,
): [number, number][] {
  const { nHeads, dHead } = d;
  const output = (name: SquareOutput): Float32Array => squares[name]!.data;
  const written = products(output('writer.V'), output('writer.O'), dHead);
  const [qk, ov] = [
    products(output('reader.Q'), output('reader.K'), dHead),
    products(output('reader.V'), output('reader.O'), dHead),
  ];
  const read = [...qk, ...qk, ...ov];
  const again: [number, number][] = [];
  for (let l1 = earlier.from; l1 < earlier.to; l1++)
    for (let l2 = Math.max(later.from, l1 + 1); l2 < later.to; l2++) {
      const pairs = new Float32Array(nHeads * 3 * nHeads);
      let few = false;
      for (let i = 0; i < pairs.length; i++) {
        const h1 = (l1 - earlier.from) * nHeads + Math.floor(i / (3 * nHeads));
        const [kind, h2] = [Math.floor(i / nHeads) % 3, (l2 - later.from) * nHeads + (i % nHeads)];
        const column = kind * ov.length + h2;
        const [a, b] = [written[h1]!, read[column]!];
        const whole = a.square * b.square;
        if (whole === 0) continue;
        pairs[i] = Math.sqrt(Math.max(0, output('squares')[h1 * read.length + column]! / whole));
        few ||= !(pairs[i]! >= DIGITS * (a.kappa + b.kappa));
      }
      writeScores(scores, d, l1, l2, pairs);
      if (few) again.push([l1, l2]);
    }
  return again;
}

/** @param pairs `[earlier head, Q | K | V, later head]` */
function writeScores(
  scores: Composition['scores'],
  { nLayers, nHeads }: ModelDescription,
  earlier: number,
  later: number,
  pairs: Float32Array,
): void {
  const n = nLayers * nHeads;
  for (let h1 = 0; h1 < nHeads; h1++)
    compositionKinds.forEach((kind, k) =>
      scores[kind].set(
        pairs.subarray((h1 * 3 + k) * nHeads, (h1 * 3 + k + 1) * nHeads),
        (earlier * nHeads + h1) * n + later * nHeads,
      ),
    );
}
