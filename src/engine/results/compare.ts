/** Key numbers of every section of a comparison. Differences are B − A. */
import * as l10n from '@vscode/l10n';
import { headName } from '../../protocol/checkpoint';
import type { OfTwo } from '../../protocol/compare';
import type { CompareSection } from '../../protocol/comparePanel';
import type { ResultNumbers } from '../../protocol/resultFile';
import { InputError } from '../checkpoint/errors';
import type { Measuring } from './measure';
import { byAbsolute, HEAD_SCORES, named, saeOf } from './sections';

/** The requests that its numbers come from. */
export type CompareMeasure =
  'comparePatterns' | 'compareHeadScores' | 'compareComposition' | 'compareLatents' | 'compareNextTokens';

const SECTIONS: Record<CompareSection, (m: Measuring, two: OfTwo) => Promise<ResultNumbers>> = {
  patterns: async ({ ask, params: { ids, view }, top }, two) => {
    const { weighting = 'pattern', head: chosen } = view;
    const { distance, nHeads } = await ask('comparePatterns', { ...two, ids, weighting });
    const all = Array.from(distance, (value, i): [string, number] => [
      headName({ layer: Math.floor(i / nHeads), head: i % nHeads }),
      value,
    ]);
    const own = all.filter(([name]) => name === chosen);
    return { distances: Object.fromEntries([...byAbsolute(all, ([, value]) => value, top), ...own]) };
  },
  scores: async ({ ask, params: { view }, top }, two) => {
    const { delta } = await ask('compareHeadScores', two);
    const all = delta.flatMap((score) =>
      HEAD_SCORES.map((name): [string, string, number] => [headName(score), name, score[name]]),
    );
    const own = all.filter(([head]) => head === view.head);
    return {
      scoreChanges: named([...byAbsolute(all, ([, , value]) => value, top), ...own], ([head, name, value]) => [
        `${head} ${name}`,
        value,
      ]),
    };
  },
  composition: async ({ ask, top }, two) => {
    const { changes } = await ask('compareComposition', { ...two, top });
    return {
      compositionChanges: named(changes, ({ earlier, later, kind, delta }) => [
        `${headName(earlier)} → ${headName(later)} ${kind}`,
        delta,
      ]),
    };
  },
  latents: async ({ ask, params, top }, two) => {
    const { changes, layers, fvuDelta } = await ask('compareLatents', {
      ...{ ...two, ids: params.ids, saeId: saeOf(params), top },
      ...(params.otherSaeId !== undefined && { otherSaeId: params.otherSaeId }),
    });
    return {
      latentChanges: named(changes, ({ latent, difference }) => [`#${latent}`, difference]),
      fvuChanges: named(layers, (layer, i) => [`L${layer}`, fvuDelta[i]!]),
    };
  },
  tokens: async ({ ask, params: { ids }, top }, two) => {
    const { a, b, delta, kl, tokens } = await ask('compareNextTokens', { ...two, ids, topK: 1 });
    const changes = byAbsolute([...delta.entries()], ([, value]) => value, top);
    return {
      losses: { A: a.loss, B: b.loss, 'KL(A ‖ B)': kl.reduce((sum, value) => sum + value, 0) / kl.length },
      tokenChanges: named(changes, ([at, value]) => [`${at}: ${tokens[at]!.text}`, value]),
    };
  },
};

/** The numbers of the section that is looked at. @throws InputError */
export function compared(m: Measuring): Promise<ResultNumbers> {
  const { checkpointId, otherId, view } = m.params;
  if (otherId === undefined) throw new InputError(l10n.t('The second checkpoint of this result is not open.'));
  return SECTIONS[view.section ?? 'patterns'](m, { a: checkpointId, b: otherId });
}
