/** A saved result beside the same measured anew: what differs. */
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
export function fileChanges(saved: FileIdentity, now: Omit<FileIdentity, 'path'>, what: string): string[] {
  return [
    ...(saved.weights === now.weights
      ? []
      : [`The weights of the ${what} ${now.name} are others than those that were saved.`]),
    ...(saved.config === now.config
      ? []
      : [`The configuration of the ${what} ${now.name} is another than the one that was saved.`]),
  ];
}

/** Changed files alone are no difference: numbers tell. Other tokens are one. */
export function checkResult(saved: ResultFile, now: Measured, tolerance?: number): ResultCheck {
  const rows = compareNumbers(saved.numbers, now.numbers, tolerance);
  const texts = saved.tokens.some((text, i) => text !== now.tokens[i]?.text);
  const changes = [
    ...fileChanges(saved.checkpoint, now.checkpoint, 'checkpoint'),
    ...(saved.sae && now.sae ? fileChanges(saved.sae, now.sae, 'autoencoder') : []),
    ...(saved.other && now.other ? fileChanges(saved.other, now.other, 'checkpoint') : []),
    ...(now.otherTokens ? ['The tokenizer gives other tokens for the text now.'] : []),
    ...(texts ? ['The token ids stand for other texts now.'] : []),
  ];
  return { changes, rows, same: !now.otherTokens && !texts && rows.every(({ differs }) => !differs) };
}

/** How many numbers there are and how many differ. */
export const checkSummary = ({ rows, same }: ResultCheck): string => {
  const differ = rows.filter(({ differs }) => differs).length;
  if (same) return `All ${rows.length} numbers are the same.`;
  return differ === 0 ? 'The tokens are others.' : `${differ} of ${rows.length} numbers differ.`;
};

/** What a section's numbers are. */
export const sectionTitles: Record<string, string> = {
  ablation: 'Mean loss, nats',
  adjacent: 'Similarity of adjacent layers, centred',
  bigrams: 'Bigrams, log-probability',
  changed: 'Changed predictions by layer, fraction',
  composition: 'Composition, score',
  compositionChanges: 'Composition, B − A',
  distances: 'Distance of patterns',
  fvu: 'FVU by layer',
  fvuChanges: 'FVU by layer, B − A',
  headEffects: 'Effects of heads',
  headScores: 'Head scores',
  kl: 'KL by layer, nats',
  l0: 'L0 by layer',
  latentChanges: 'Latents, sum of |B − A|',
  latents: 'Latents, largest activation',
  lens: 'Probability of the model’s answer by layer',
  logit: 'Logit',
  logitDifference: 'Logit difference',
  loss: 'Surprisal, mean bits',
  losses: 'Mean loss and KL(A ‖ B), nats',
  lossDelta: 'Change of the loss by layer, nats',
  nextTokens: 'Next tokens, probability',
  orders: 'Loss with paths through at most n heads, nats',
  residEffects: 'Effects of positions',
  scoreChanges: 'Head scores, B − A',
  sources: 'Sources, attention weight',
  terms: 'Terms, logits',
  termEffects: 'Effects of single terms on the loss, nats',
  tokenChanges: 'Log-probability of the text’s tokens, B − A',
  varianceRatios: 'Variance ratios',
};
