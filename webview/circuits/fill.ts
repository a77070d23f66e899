/** Which score fills the nodes, and its colour. */
import * as l10n from '@vscode/l10n';
import type { HeadScore } from '../../src/protocol/circuits';
import { ramp, type Rgba, type ThemeKind } from '../shared/colour';
import { diverging } from '../shared/diverging';

interface FillScore {
  label: string;
  of: (score: HeadScore) => number;
  /** −1 to 1: on the diverging scale. */
  signed?: boolean;
}

export const fills = {
  best: {
    label: l10n.t('best score'),
    of: ({ previousToken, duplicateToken, induction }) => Math.max(previousToken, duplicateToken, induction),
  },
  previousToken: { label: l10n.t('previous token'), of: (s) => s.previousToken },
  duplicateToken: { label: l10n.t('duplicate'), of: (s) => s.duplicateToken },
  induction: { label: l10n.t('induction'), of: (s) => s.induction },
  firstToken: { label: l10n.t('first token'), of: (s) => s.firstToken },
  ovCopying: { label: l10n.t('OV copying'), of: (s) => s.ovCopying, signed: true },
  qkMatching: { label: l10n.t('QK matching'), of: (s) => s.qkMatching, signed: true },
} satisfies Record<string, FillScore>;
export type Fill = keyof typeof fills;

export function fillColour(fill: Fill, score: HeadScore, theme: ThemeKind): Rgba {
  const { of, signed }: FillScore = fills[fill];
  return signed ? diverging(of(score), theme) : ramp(of(score), theme);
}

/** Bars of a head's card, top to bottom. */
export const cardScores: Exclude<Fill, 'best'>[] = [
  'previousToken',
  'duplicateToken',
  'induction',
  'firstToken',
  'ovCopying',
];
