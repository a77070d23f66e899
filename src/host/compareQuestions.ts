/** What the compare panel asks the engine, and about what. */
import * as vscode from 'vscode';
import type { CompareSection, CompareStatus, CompareView } from '../protocol/comparePanel';
import type { Analyses } from './analyses';
import { paramsOf, sectionMethods, type AnyResult, type CompareSubject } from './compareSections';
import type { Comparison } from './comparison';
import type { RequestOptions } from './engineClient';
import { isGone } from './engineService';
import type { Latents } from './latents';
import type { SelectionStore } from './selection';

export interface QuestionParts {
  analyses: Analyses;
  comparison: Comparison;
  latents: Latents;
  selection: SelectionStore;
}

export const nothingChosen = (): CompareStatus => ({
  kind: 'empty',
  message: vscode.l10n.t(
    'Choose two checkpoints of the same shape, two steps of a training or a model before and after fine-tuning: what differs between them appears here.',
  ),
  commands: ['compareCheckpoint', 'openCheckpoint'],
});

/**
 * What is compared now, if two are open.
 * @param ownSaes each is read with its own autoencoder, where both have one
 */
export function subjectOf(
  { analyses, comparison, latents, selection }: QuestionParts,
  ownSaes: boolean,
): CompareSubject | undefined {
  const { sides } = comparison;
  if (!sides) return undefined;
  const { a, b, open } = sides;
  const { current } = analyses;
  const [ofA, ofB] = [latents.of(a), latents.of(b)];
  const [first, second] = open === 'a' ? [ofA, ofB] : [ofB, ofA];
  const sae = first ?? second;
  const both = ofA && ofB && a.path !== b.path ? { a: ofA, b: ofB } : undefined;
  const mine = current && !current.outdated && current.checkpoint.path === sides[open].path;
  return {
    ...{ a, b, open },
    ...(mine && { analysis: current }),
    ...(both && ownSaes ? { sae: both.a, otherSae: both.b } : sae && { sae }),
    ...(both && { saes: both }),
    selection: selection.value,
  };
}

export const viewOf = ({ a, b, open, analysis, sae, otherSae, saes }: CompareSubject): CompareView => ({
  ...{ a, b, open },
  ...(analysis && {
    prompt: { name: analysis.source.name, tokens: analysis.info.tokens, stale: analysis.stale },
  }),
  ...(sae && { sae: sae.label }),
  ...(saes && { ownSaes: { a: saes.a.label, b: saes.b.label, used: otherSae !== undefined } }),
  notices: a.path === b.path ? [vscode.l10n.t('Both are the same checkpoint: nothing differs.')] : [],
});

/** @param subject again, with what was renewed */
export async function askSection(
  { comparison, latents }: QuestionParts,
  section: CompareSection,
  subject: () => CompareSubject,
  options: RequestOptions,
): Promise<AnyResult> {
  const about = subject();
  const once = (of: CompareSubject): Promise<AnyResult> =>
    comparison.ask(sectionMethods[section], paramsOf(section, of), options);
  return once(about).catch(async (error: unknown) => {
    if (section !== 'latents' || !about.sae || !isGone(error)) throw error;
    // the slider has left the checkpoint that it was opened with
    await latents.renew(about.sae);
    if (about.otherSae) await latents.renew(about.otherSae);
    return once(subject());
  });
}

/** What an answer is about. An autoencoder stays the same when the engine opens it anew. */
export const keyOf = (section: CompareSection, subject: CompareSubject): string =>
  JSON.stringify([
    section,
    subject.a.id,
    subject.b.id,
    subject.sae?.path,
    subject.otherSae?.path,
    { ...paramsOf(section, subject), saeId: '', otherSaeId: '' },
  ]);
