/** A saved result beside the same measured anew: what differs. */
import * as l10n from '@vscode/l10n';
import { DECIMALS, type FileIdentity, type ResultFile, type ResultNumbers } from './resultFile';
import type { Measured } from './results';

/** What the numbers are good to (DESIGN, “How good”), of a section's largest value, or of 1. */
export const RESULT_TOLERANCE = 1e-3;

/** A saved number beside the same of a run anew. */
export interface ResultRow {
  section: string;
  name: string;
  saved: number;
  /** Absent: it is not among what was measured. */
  now?: number;
  differs: boolean;
}

/** Every saved number. */
export function compareNumbers(saved: ResultNumbers, now: ResultNumbers, tolerance = RESULT_TOLERANCE): ResultRow[] {
  return Object.entries(saved).flatMap(([section, values]) => {
    const largest = Object.values(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    return Object.entries(values).map(([name, value]): ResultRow => {
      const found = Object.hasOwn(now, section) && Object.hasOwn(now[section]!, name) ? now[section]![name] : undefined;
      // saved numbers are rounded
      const most = tolerance * largest + 0.5 * 10 ** -DECIMALS;
      const differs = found === undefined || !(Math.abs(found - value) <= most);
      return { section, name, saved: value, ...(found !== undefined && { now: found }), differs };
    });
  });
}

/** The result of a check. */
export interface ResultCheck {
  /** What else is not as it was, one sentence each. */
  changes: string[];
  rows: ResultRow[];
  same: boolean;
}

/** What is not the same in the files, in words. */
export function fileChanges(
  saved: FileIdentity,
  { name, weights, config }: Omit<FileIdentity, 'path'>,
  what: 'checkpoint' | 'autoencoder',
): string[] {
  const model = what === 'checkpoint';
  const changes: string[] = [];
  if (saved.weights !== weights)
    changes.push(
      model
        ? l10n.t('The weights of the checkpoint {0} are others than those that were saved.', name)
        : l10n.t('The weights of the autoencoder {0} are others than those that were saved.', name),
    );
  if (saved.config !== config)
    changes.push(
      model
        ? l10n.t('The configuration of the checkpoint {0} is another than the one that was saved.', name)
        : l10n.t('The configuration of the autoencoder {0} is another than the one that was saved.', name),
    );
  return changes;
}

/** Changed files alone are no difference: numbers tell. Other tokens are one. */
export function checkResult(saved: ResultFile, now: Measured, tolerance?: number): ResultCheck {
  const rows = compareNumbers(saved.numbers, now.numbers, tolerance);
  const texts = saved.tokens.some((text, i) => text !== now.tokens[i]?.text);
  const changes = [
    ...fileChanges(saved.checkpoint, now.checkpoint, 'checkpoint'),
    ...(saved.sae && now.sae ? fileChanges(saved.sae, now.sae, 'autoencoder') : []),
    ...(saved.other && now.other ? fileChanges(saved.other, now.other, 'checkpoint') : []),
    ...(saved.otherSae && now.otherSae ? fileChanges(saved.otherSae, now.otherSae, 'autoencoder') : []),
    ...(now.otherTokens ? [l10n.t('The tokenizer gives other tokens for the text now.')] : []),
    ...(texts ? [l10n.t('The token ids stand for other texts now.')] : []),
  ];
  return { changes, rows, same: !now.otherTokens && !texts && rows.every(({ differs }) => !differs) };
}

/** How many numbers there are and how many differ. */
export const checkSummary = ({ rows, same }: ResultCheck): string => {
  const differ = rows.filter(({ differs }) => differs).length;
  if (same) return l10n.t('All {0} numbers are the same.', rows.length);
  return differ === 0 ? l10n.t('The tokens are others.') : l10n.t('{0} of {1} numbers differ.', differ, rows.length);
};

const SECTIONS: Record<string, () => string> = {
  ablation: () => l10n.t('Mean loss, nats'),
  adjacent: () => l10n.t('Similarity of adjacent layers, centred'),
  bigrams: () => l10n.t('Bigrams, log-probability'),
  changed: () => l10n.t('Changed predictions by layer, fraction'),
  composition: () => l10n.t('Composition, score'),
  compositionChanges: () => l10n.t('Composition, B − A'),
  distances: () => l10n.t('Distance of patterns'),
  fvu: () => l10n.t('FVU by layer'),
  fvuChanges: () => l10n.t('FVU by layer, B − A'),
  headEffects: () => l10n.t('Effects of heads'),
  headScores: () => l10n.t('Head scores'),
  kl: () => l10n.t('KL by layer, nats'),
  l0: () => l10n.t('L0 by layer'),
  latentChanges: () => l10n.t('Latents, sum of |B − A|'),
  latents: () => l10n.t('Latents, largest activation'),
  lens: () => l10n.t('Probability of the model’s answer by layer'),
  logit: () => l10n.t('Logit'),
  logitDifference: () => l10n.t('Logit difference'),
  loss: () => l10n.t('Surprisal, mean bits'),
  losses: () => l10n.t('Mean loss and KL(A ‖ B), nats'),
  lossDelta: () => l10n.t('Change of the loss by layer, nats'),
  nextTokens: () => l10n.t('Next tokens, probability'),
  orders: () => l10n.t('Loss with paths through at most n heads, nats'),
  residEffects: () => l10n.t('Effects of positions'),
  scoreChanges: () => l10n.t('Head scores, B − A'),
  sources: () => l10n.t('Sources, attention weight'),
  terms: () => l10n.t('Terms, logits'),
  termEffects: () => l10n.t('Effects of single terms on the loss, nats'),
  tokenChanges: () => l10n.t('Log-probability of the text’s tokens, B − A'),
  varianceRatios: () => l10n.t('Variance ratios'),
};

/** What a section's numbers are; undefined of one that is not ours. */
export const sectionTitle = (section: string): string | undefined =>
  Object.hasOwn(SECTIONS, section) ? SECTIONS[section]!() : undefined;
