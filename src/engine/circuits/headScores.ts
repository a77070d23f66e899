import * as l10n from '@vscode/l10n';
import type { HeadScore, HeadScores } from '../../protocol/circuits';
import type { CircuitAnalysis, OpenModel } from '../circuitHandlers';
import { layerHook } from '../graph/hooks';
import { headRows, layerPattern, type HeadRows } from '../runtime/patternRows';
import type { Steps } from '../runtime/types';
import { weightScores } from './eigenvalues';
import { repeatedSequences } from './repeated';
import type { RepeatedSequences } from './repeated';
import { weightNotices } from './weightNotices';

/** Scores of one head's attention on BOS + R + R. */
export type BehaviourScore = Pick<
  HeadScore,
  'previousToken' | 'duplicateToken' | 'induction' | 'firstToken' | 'entropy'
>;

/** Patterns that one run gives at most. */
const PATTERN_BYTES = 256e6;

/**
 * Scores of every head: by what it attends to on random tokens said twice (BOS + R + R; see `scorePattern`), and by its
 * weights (OV copying, QK matching; DESIGN, Definitions). Random tokens have no other structure, so that what is
 * measured is what the head does with repetition and position alone.
 */
export const headScores: CircuitAnalysis<'headScores'> = async (model, { foldNorm = true, ...params }, steps) =>
  scoreHeads(model, repeatedSequences(model.checkpoint, params), foldNorm, steps);

/** The same on given sequences. */
export async function scoreHeads(
  model: OpenModel,
  repeated: RepeatedSequences,
  foldNorm: boolean,
  steps: Steps,
): Promise<HeadScores> {
  const behaviour = await behaviourScores(model, repeated, steps);
  const { ovCopying, qkMatching } = await weightScores(model, { foldNorm }, steps);
  const { description } = model.checkpoint;
  const { nHeads } = description;
  const heads = behaviour.map((scores, i) => ({
    layer: Math.floor(i / nHeads),
    head: i % nHeads,
    ...scores,
    ovCopying: ovCopying[i]!,
    qkMatching: qkMatching[i]!,
  }));
  const { length, sequences, seed } = repeated;
  const notices = [...repeated.notices, ...weightNotices(description, foldNorm)];
  return { heads, length, batch: sequences.length, seed, notices };
}

/** Mean over the sequences, layer by layer. `[layer * nHeads + head]` */
export async function behaviourScores(
  { checkpoint, runner }: OpenModel,
  { sequences, length, start }: RepeatedSequences,
  steps: Steps,
): Promise<BehaviourScore[]> {
  const { nLayers, nHeads } = checkpoint.description;
  const n = start + 2 * length;
  const layersAtOnce = Math.max(1, Math.floor(PATTERN_BYTES / (4 * nHeads * n * n)));
  const sums = Array.from({ length: nLayers * nHeads }, (): BehaviourScore => ({ ...NOTHING }));
  for (const [sequence, ids] of sequences.entries()) {
    await steps.step(
      l10n.t('Scoring heads on sequence {0} of {1}', sequence + 1, sequences.length),
      sequence / sequences.length,
    );
    for (let from = 0; from < nLayers; from += layersAtOnce) {
      const layers = Array.from({ length: Math.min(layersAtOnce, nLayers - from) }, (_, i) => from + i);
      const { hooks } = await runner.run({ ids, hooks: layers.map((layer) => layerHook(layer, 'pattern')) }, steps);
      for (const layer of layers) {
        const pattern = layerPattern(hooks[layerHook(layer, 'pattern')]!);
        for (let head = 0; head < nHeads; head++) {
          add(sums[layer * nHeads + head]!, scoreHead(headRows(pattern, n, head), length, start), 1 / sequences.length);
        }
      }
    }
  }
  return sums;
}

const NOTHING: BehaviourScore = { previousToken: 0, duplicateToken: 0, induction: 0, firstToken: 0, entropy: 0 };

function add(sum: BehaviourScore, scores: BehaviourScore, weight: number): void {
  for (const name of Object.keys(sum) as (keyof BehaviourScore)[]) sum[name] += weight * scores[name];
}

/**
 * One head on one sequence. Previous token, first token and entropy (bits) are means over destinations i ≥ 1 (position 0
 * sees only itself); duplicate token (pattern[i, i − T]) and induction (pattern[i, i − T + 1]) over the second R.
 * @param pattern `[dst, src]` of start + 2 length tokens
 * @param length T, the tokens of R
 * @param start where the first R begins
 */
export const scorePattern = (pattern: Float32Array, length: number, start: number): BehaviourScore =>
  scoreHead(headRows(pattern, start + 2 * length, 0), length, start);

function scoreHead(blocks: HeadRows[], length: number, start: number): BehaviourScore {
  const n = start + 2 * length;
  const rows = blocks.flatMap(({ from, to, at, width, data }) =>
    Array.from({ length: to - from }, (_, row) => data.subarray(at + row * width, at + (row + 1) * width)),
  );
  const mean = (from: number, value: (dst: number) => number): number => {
    let sum = 0;
    for (let dst = from; dst < n; dst++) sum += value(dst);
    return sum / (n - from);
  };
  const at = (dst: number, src: number): number => rows[dst]![src]!;
  return {
    previousToken: mean(1, (dst) => at(dst, dst - 1)),
    duplicateToken: mean(start + length, (dst) => at(dst, dst - length)),
    induction: mean(start + length, (dst) => at(dst, dst - length + 1)),
    firstToken: mean(1, (dst) => at(dst, 0)),
    entropy: mean(1, (dst) => entropyBits(rows[dst]!.subarray(0, dst + 1))),
  };
}

function entropyBits(row: Float32Array): number {
  let bits = 0;
  for (const p of row) if (p > 0) bits -= p * Math.log2(p);
  return bits;
}
