import * as l10n from '@vscode/l10n';
import type { Config } from '../config';
import type { ModelDescription } from '../description';
import { attnOnly } from './attnOnly';
import type { Architecture, HasTensor } from './common';
import { gpt2 } from './gpt2';
import { gptNeox } from './gptNeox';
import { llama, mistral, qwen2 } from './llama';

/** config.json's model_type → architecture. */
const ARCHITECTURES: Record<string, Architecture> = {
  gpt2,
  gpt_neox: gptNeox,
  llama,
  mistral,
  qwen2,
  attn_only: attnOnly,
};

export const MODEL_TYPES = Object.keys(ARCHITECTURES);

/** @throws InputError when the architecture is unknown or its config is wrong. */
export function describeModel(config: Config, has: HasTensor): ModelDescription {
  const type = config.string('model_type');
  if (!Object.hasOwn(ARCHITECTURES, type))
    throw config.error('model_type', l10n.t('one of {0}', MODEL_TYPES.join(', ')));
  return ARCHITECTURES[type]!(config, has);
}
