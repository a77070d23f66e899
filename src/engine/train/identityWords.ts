/** What the settings of a training are called for a person. In its record they have their English names, whatever the language. */
import * as l10n from '@vscode/l10n';

const words = (): Record<string, string> => ({
  model: l10n.t('model'),
  layers: l10n.t('layers'),
  'number of latents': l10n.t('number of latents'),
  'batch size': l10n.t('batch size'),
  'number of steps': l10n.t('number of steps'),
  rate: l10n.t('rate'),
  'steps until a latent is dead': l10n.t('steps until a latent is dead'),
  seed: l10n.t('seed'),
  'width (dModel)': l10n.t('width (dModel)'),
  'number of heads': l10n.t('number of heads'),
  'size of heads': l10n.t('size of heads'),
  vocabulary: l10n.t('vocabulary'),
  context: l10n.t('context'),
  stages: l10n.t('stages'),
  'share of repeated chunks': l10n.t('share of repeated chunks'),
  'share of random tokens': l10n.t('share of random tokens'),
  'number of files': l10n.t('number of files'),
  'size of the corpus': l10n.t('size of the corpus'),
  corpus: l10n.t('corpus'),
  field: l10n.t('field'),
  'maximum of tokens': l10n.t('maximum of tokens'),
});

/** @param name key of an `Identity`; one that is the same in every language (`k`) stays */
export const wordOf = (name: string): string => words()[name] ?? name;
