import * as l10n from '@vscode/l10n';
import type { CorpusSummary } from '../../../protocol/latents/corpus';
import { deadLatents } from '../deadLatents';
import { layerMoments, varianceRatios } from '../distributions';
import { statsOf } from '../layerStats';
import type { SweepState } from './state';
import { shownNotice } from './savedNotices';

/** What the sums of a sweep say. */
export function summaryOf(
  { head, totals, complete, notices }: Pick<SweepState, 'head' | 'totals' | 'complete' | 'notices'>,
  dir: string,
  deadBelow?: number,
): CorpusSummary {
  const { layers, nLatents, identity } = head;
  const { tokens, documents, beyond, withinToken, layers: sums, plain, centred, ...rest } = totals.sums;
  const latents = { layers, nLatents, counts: totals.counts, totals: totals.totals };
  const { mean, variance } = layerMoments(latents);
  return {
    dir,
    tokens,
    documents,
    layers,
    nLatents,
    counts: latents.counts,
    totals: latents.totals,
    layerMean: mean,
    layerVar: variance,
    varianceRatios: {
      ...varianceRatios({ ...latents, withinToken }),
      plain: {
        tokenOverLatent: rest.plainToken / rest.plainTexts,
        latentOverTotal: rest.plainLatent / rest.plainTexts,
      },
    },
    perLayer: layers.map((layer, l) => statsOf(layer, sums[l]!)),
    adjacent: {
      plain: Float64Array.from(plain, (sum) => sum / tokens),
      centred: Float64Array.from(centred, (sum) => sum / tokens),
    },
    dead: deadLatents(latents, tokens, deadBelow),
    examples: identity.examples,
    complete,
    notices: [...notices.map(shownNotice), ...(beyond > 0 ? [beyondKept(beyond, tokens)] : [])],
  };
}

const beyondKept = (beyond: number, tokens: number): string =>
  l10n.t(
    'On {0} of {1} tokens more latents are active than are kept: counts, totals and examples have the strongest, L0, L1 and FVU all.',
    beyond,
    tokens,
  );
