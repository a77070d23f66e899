/**
 * Notices that sweeps and trainings keep in their records. A record is English, whatever the language of who made it; the sentence is
 * in the person's language when it is shown.
 */
import * as l10n from '@vscode/l10n';

export const notText = (file: string): string => `${file} is not text and is skipped.`;
export const smallerVocabulary = (found: number, asked: number): string =>
  `The corpus gives a vocabulary of ${found} tokens, not ${asked}.`;

const SHOWN: [saved: RegExp, shown: (...values: string[]) => string][] = [
  [/^(.*) is not text and is skipped\.$/s, (file) => l10n.t('{0} is not text and is skipped.', file!)],
  [
    /^The corpus gives a vocabulary of (\d+) tokens, not (\d+)\.$/,
    (found, asked) => l10n.t('The corpus gives a vocabulary of {0} tokens, not {1}.', found!, asked!),
  ],
];

/** A notice of a record, for a person. One that is not known is shown as it is. */
export function shownNotice(saved: string): string {
  for (const [pattern, shown] of SHOWN) {
    const values = pattern.exec(saved)?.slice(1);
    if (values) return shown(...values);
  }
  return saved;
}
