/** Next tokens of an unembedding that ran in parts of the vocabulary. */
import type { Tensor } from 'onnxruntime-node';
import { partOutputs } from '../graph/nextTokens';
import type { VocabularyPart } from '../graph/vocabularyPart';
import { floats } from './outputs';
import type { NextTokens } from './types';

export interface PartOfNextTokens {
  part: VocabularyPart;
  /** What its graph gave for chunks of rows. */
  chunks: Record<string, Tensor>[];
}

interface Values {
  part: VocabularyPart;
  /** Most probable first. */
  kept: number;
  ids: number[];
  logits: Float32Array;
  firstLogProb: Float32Array;
  targetLogits: Float32Array;
}

function valuesOf({ part, chunks }: PartOfNextTokens): Values {
  const ids = chunks.flatMap((c) => Array.from(c[partOutputs.ids]!.data as BigInt64Array, Number));
  const targetLogits = floats(chunks, partOutputs.targetLogits);
  return {
    part,
    kept: ids.length / targetLogits.length,
    ids,
    logits: floats(chunks, partOutputs.logits),
    firstLogProb: floats(chunks, partOutputs.firstLogProb),
    targetLogits,
  };
}

/**
 * The largest logit of all, and ln Σ exp(logit − it) over the vocabulary: a part adds
 * exp(its largest − the largest) ÷ p(its largest within it). All terms are small, so that nothing is lost of logits far from 0.
 */
function normaliser(parts: Values[], row: number): { largest: number; logSum: number } {
  const largest = Math.max(...parts.map(({ logits, kept }) => logits[row * kept]!));
  const terms = parts.map(({ logits, kept, firstLogProb }) =>
    Math.exp(logits[row * kept]! - largest - firstLogProb[row]!),
  );
  return { largest, logSum: Math.log(terms.reduce((a, b) => a + b, 0)) };
}

/**
 * @param parts in the order of their tokens
 * @param targets the token that each row is asked for
 * @returns ids and log-probabilities as of the whole vocabulary; of equal logits the lower id comes first
 */
export function joinParts(
  parts: PartOfNextTokens[],
  targets: BigInt64Array,
  k: number,
): Pick<NextTokens, 'ids' | 'logProbs'> & { targetLogProbs: Float32Array } {
  const all = parts.map(valuesOf);
  const n = targets.length;
  const [ids, logProbs, targetLogProbs] = [new Int32Array(n * k), new Float32Array(n * k), new Float32Array(n)];
  for (let row = 0; row < n; row++) {
    const { largest, logSum } = normaliser(all, row);
    const logProb = (logit: number): number => logit - largest - logSum;
    const found = all.flatMap(({ part: [from], kept, ids, logits }) =>
      Array.from({ length: kept }, (_, i) => ({ id: from + ids[row * kept + i]!, logit: logits[row * kept + i]! })),
    );
    found.sort((a, b) => b.logit - a.logit);
    found.slice(0, k).forEach(({ id, logit }, i) => {
      ids[row * k + i] = id;
      logProbs[row * k + i] = logProb(logit);
    });
    const target = Number(targets[row]);
    const own = all.find(({ part: [from, to] }) => from <= target && target < to)!;
    targetLogProbs[row] = logProb(own.targetLogits[row]!);
  }
  return { ids, logProbs, targetLogProbs };
}
