import * as vscode from 'vscode';
import type { CompareRequests } from '../protocol/compare';
import type { CompareCommand, CompareSection, CompareSections } from '../protocol/comparePanel';
import type { CheckpointInfo } from '../protocol/checkpoint';
import type { SaeInfo } from '../protocol/latents';
import type { Selection } from '../protocol/selection';
import type { Analysis } from './analyses';

/** Latents that are listed. */
const LATENTS = 100;
/** Predictions of each position. */
const PREDICTIONS = 3;

/** What the sections are about. */
export interface CompareSubject {
  a: CheckpointInfo;
  b: CheckpointInfo;
  /** With the open one. */
  analysis?: Analysis;
  open: 'a' | 'b';
  /** That A, or both, are read with. */
  sae?: SaeInfo;
  /** That B is read with, where it is not the same. */
  otherSae?: SaeInfo;
  /** Those of the two, where both have one. */
  saes?: { a: SaeInfo; b: SaeInfo };
  selection: Selection;
}

export const sectionMethods = {
  patterns: 'comparePatterns',
  scores: 'compareHeadScores',
  composition: 'compareComposition',
  latents: 'compareLatents',
  tokens: 'compareNextTokens',
} as const satisfies Record<CompareSection, keyof CompareRequests>;

type Params<S extends CompareSection> = Omit<CompareRequests[(typeof sectionMethods)[S]][0], 'a' | 'b'>;
type AnyParams = { [S in CompareSection]: Params<S> }[CompareSection];

/** What is still to be done before a section has something to show. */
export interface Missing {
  message: string;
  commands: CompareCommand[];
}

/** The tokens that were analyzed: what was cut from the text stays cut. */
export const idsOf = ({ info }: Analysis): number[] => info.tokens.map(({ id }) => id);

const analyzeFirst = (message: string): Missing => ({
  message,
  commands: ['analyzeSelection'],
});

const needs: Record<CompareSection, (subject: CompareSubject) => Missing | undefined> = {
  patterns: ({ a, analysis }) =>
    a.nLayers === 0
      ? NO_HEADS
      : analysis
        ? undefined
        : analyzeFirst(
            vscode.l10n.t(
              'Select code or text in an editor and analyze it with the open checkpoint: how its attention patterns differ appears here.',
            ),
          ),
  scores: ({ a }) => (a.nLayers === 0 ? NO_HEADS : undefined),
  composition: ({ a }) =>
    a.nLayers > 1
      ? undefined
      : { message: vscode.l10n.t('Heads compose from two layers on: these models have fewer.'), commands: [] },
  latents: ({ a, analysis, sae }) => {
    if (!sae)
      return {
        message: vscode.l10n.t(
          'Open a sparse autoencoder that was trained on {0}, or on another step of its training: both checkpoints are read with it, and the latents that differ most appear here.',
          a.name,
        ),
        commands: ['openSae'],
      };
    return analysis
      ? undefined
      : analyzeFirst(
          vscode.l10n.t(
            'Select code or text in an editor and analyze it with the open checkpoint: the latents that differ most on it appear here.',
          ),
        );
  },
  tokens: ({ analysis }) =>
    analysis
      ? undefined
      : analyzeFirst(
          vscode.l10n.t(
            'Select code or text in an editor and analyze it with the open checkpoint: how well both predict it appears here.',
          ),
        ),
};
const NO_HEADS: Missing = { message: vscode.l10n.t('These models have no attention heads.'), commands: [] };

export const missing = (section: CompareSection, subject: CompareSubject): Missing | undefined =>
  needs[section](subject);

const build: { [S in CompareSection]: (subject: CompareSubject, ids: number[]) => Params<S> } = {
  patterns: ({ selection: { weighting } }, ids) => ({ ids, weighting }),
  scores: () => ({}),
  composition: () => ({}),
  latents: ({ sae, otherSae }, ids) => ({
    ...{ ids, saeId: sae!.id, top: LATENTS },
    ...(otherSae && { otherSaeId: otherSae.id }),
  }),
  tokens: (_, ids) => ({ ids, topK: PREDICTIONS }),
};

/** The question of a section for which nothing is missing. */
export const paramsOf = (section: CompareSection, subject: CompareSubject): AnyParams =>
  build[section](subject, subject.analysis ? idsOf(subject.analysis) : []);

export type AnyResult = CompareSections[CompareSection];
