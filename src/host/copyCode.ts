import * as vscode from 'vscode';
import type { CompareSection, CompareSections } from '../protocol/comparePanel';
import type { SaeInfo } from '../protocol/latents';
import type { CodePrompt } from '../protocol/python';
import { transformerLensCode } from '../protocol/transformerLensCode';
import type { Analysis } from './analyses';
import type { Circuits } from './circuits';
import { idsOf, type CompareSubject } from './compareSections';

/** Rows of a table that the code prints. */
const TOP = 20;

const promptOf = (analysis: Analysis): CodePrompt => ({
  ids: idsOf(analysis),
  text: analysis.info.tokens.map(({ text }) => text).join(''),
});

/** Python that computes what a section of the compare panel shows, to the clipboard. @param result what it shows */
export async function copyCompareCode<S extends CompareSection>(
  section: S,
  { a, b, analysis, sae, otherSae, selection }: CompareSubject,
  result: CompareSections[S],
  circuits: Circuits,
): Promise<void> {
  const { head, weighting } = selection;
  const prompt = analysis ? promptOf(analysis) : { ids: [] };
  const make: { [K in CompareSection]: (shown: CompareSections[K]) => string | Promise<string> } = {
    patterns: () => transformerLensCode.comparePatterns(a, { b, ...prompt, weighting, head }),
    scores: async (shown) => transformerLensCode.compareHeadScores(a, { b, ...(await circuits.sequences(a, shown.a)) }),
    composition: ({ foldNorm }) => transformerLensCode.compareComposition(a, { b, foldNorm, top: TOP }),
    latents: () =>
      transformerLensCode.compareLatents(a, { b, ...prompt, sae: sae!, ...(otherSae && { otherSae }), top: TOP }),
    tokens: () => transformerLensCode.compareNextTokens(a, { b, ...prompt }),
  };
  await vscode.env.clipboard.writeText(await make[section](result));
}

/** The same of the layers of an autoencoder on a text. */
export async function copyLayersCode(analysis: Analysis, sae: SaeInfo): Promise<void> {
  await vscode.env.clipboard.writeText(transformerLensCode.layers(analysis.checkpoint, { ...promptOf(analysis), sae }));
}
