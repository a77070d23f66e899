import type { HeadScore } from '../../protocol/circuits';
import { scoreHeads } from '../circuits/headScores';
import { repeatedSequences } from '../circuits/repeated';
import { checkedNotices } from './comparable';
import type { Comparison } from './two';

/** The inspector's head scores in both, on the same sequences: those of A (its BOS, its special tokens). */
export const compareHeadScores: Comparison<'compareHeadScores'> = async ({ a, b }, params, steps) => {
  const comparable = await checkedNotices(a.checkpoint, b.checkpoint);
  const { foldNorm = true, ...which } = params;
  // a length that fits both
  const shorter = a.checkpoint.description.nCtx <= b.checkpoint.description.nCtx ? a : b;
  const { bosId, specialIds } = a.checkpoint;
  const repeated = repeatedSequences(
    { ...shorter.checkpoint, ...(bosId !== undefined && { bosId }), ...(specialIds && { specialIds }) },
    which,
  );
  const ofA = await scoreHeads(a, repeated, foldNorm, steps);
  const ofB = await scoreHeads(b, repeated, foldNorm, steps);
  ofA.notices.push(...comparable);
  return { a: ofA, b: ofB, delta: ofA.heads.map((score, i) => difference(score, ofB.heads[i]!)) };
};

function difference(a: HeadScore, b: HeadScore): HeadScore {
  const { layer, head } = a;
  const numbers = Object.keys(a) as (keyof HeadScore)[];
  const delta = Object.fromEntries(numbers.map((name) => [name, b[name] - a[name]])) as unknown as HeadScore;
  return { ...delta, layer, head };
}
