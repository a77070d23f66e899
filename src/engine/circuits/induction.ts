import * as l10n from '@vscode/l10n';
import { headName } from '../../protocol/checkpoint';
import type { HeadScore } from '../../protocol/circuits';
import type { InductionPair } from '../../protocol/circuits/behaviour';
import type { CircuitAnalysis } from '../circuitHandlers';
import { composition } from './composition';
import { qkMatchingThrough } from './eigenvalues';
import { headScores } from './headScores';
import { wholeNumber } from './params';

const DEFAULT_TOP = 20;
const MAX_TOP = 1000;
/** QK matching needs eigenvalues of every pair: it is read for this many times as many pairs as are wanted. */
const CANDIDATES = 3;

type Pair = Omit<InductionPair, 'reasons' | 'qkMatching'>;

/**
 * Pairs of a previous-token head and an induction head of a later layer (Framework, “Induction heads”), best first. They are
 * ranked by the geometric mean of four numbers from 0 to 1, so that none makes up for another that is missing:
 *
 * - the previous-token score of the first head;
 * - the induction score of the second;
 * - the share of their K-composition that is above chance, (K − baseline) / K, 0 where it is below;
 * - (1 + m) / 2, m the QK matching of the second head through the first head's W_OV (−1 to 1).
 *
 * The fourth only lowers a rank; it is computed for the pairs that the other three put first. OV copying of the second head
 * says what the circuit does, not that there is one: it is given as a reason and does not count.
 */
export const inductionCircuits: CircuitAnalysis<'inductionCircuits'> = async (model, params, steps) => {
  const { foldNorm = true } = params;
  const top = wholeNumber('top', params.top ?? DEFAULT_TOP, MAX_TOP);
  const { nLayers, nHeads } = model.checkpoint.description;
  if (nLayers < 2) return { pairs: [], notices: [l10n.t('An induction circuit needs two layers of attention.')] };
  const { heads, notices } = await headScores(model, params, steps);
  const { scores, baseline } = await composition(model, { foldNorm }, steps);
  const pairs: Pair[] = [];
  for (const [e, earlier] of heads.entries()) {
    for (let l = (earlier.layer + 1) * nHeads; l < heads.length; l++)
      pairs.push(pairOf(earlier, heads[l]!, scores.K[e * heads.length + l]!, baseline.K));
  }
  const candidates = pairs.sort((a, b) => b.score - a.score).slice(0, CANDIDATES * top);
  await steps.step(l10n.t('QK matching through earlier heads'));
  const asked = candidates.map(({ previous, induction }) => ({ earlier: previous, later: induction }));
  const matching = await qkMatchingThrough(model, asked, { foldNorm }, steps);
  return {
    pairs: candidates
      .map((pair, i) => withMatching(pair, matching[i]!))
      .sort((a, b) => b.score - a.score)
      .slice(0, top),
    notices,
  };
};

/** `score` without its fourth factor. */
function pairOf(previous: HeadScore, induction: HeadScore, kComposition: number, kBaseline: number): Pair {
  const above = kComposition > kBaseline ? (kComposition - kBaseline) / kComposition : 0;
  return {
    previous: { layer: previous.layer, head: previous.head },
    induction: { layer: induction.layer, head: induction.head },
    score: (previous.previousToken * induction.induction * above) ** 0.25,
    kComposition,
    kBaseline,
    previousToken: previous.previousToken,
    inductionScore: induction.induction,
    ovCopying: induction.ovCopying,
  };
}

function withMatching(pair: Pair, qkMatching: number): InductionPair {
  const [first, second] = [headName(pair.previous), headName(pair.induction)];
  return {
    ...pair,
    qkMatching,
    score: pair.score * ((1 + qkMatching) / 2) ** 0.25,
    reasons: [
      { text: l10n.t('{0} attends to the previous token', first), value: pair.previousToken },
      {
        text: l10n.t('{0} attends to what followed the same token before (induction score)', second),
        value: pair.inductionScore,
      },
      {
        text: l10n.t(
          'the keys of {0} read what {1} writes (K-composition; random matrices {2})',
          second,
          first,
          pair.kBaseline.toFixed(3),
        ),
        value: pair.kComposition,
      },
      {
        text: l10n.t('through {0}, queries of {1} match keys of the same token (QK matching)', first, second),
        value: qkMatching,
      },
      { text: l10n.t('{0} copies what it attends to (OV copying)', second), value: pair.ovCopying },
    ],
  };
}
