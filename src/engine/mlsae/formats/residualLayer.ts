/** Which block's output a hook point is. */
import * as l10n from '@vscode/l10n';
import { InputError } from '../../checkpoint/errors';

/** TransformerLens: blocks.3.hook_resid_post. */
const TRANSFORMER_LENS = /^blocks\.(\d+)\.hook_resid_(pre|post)$/;
/** Modules of `transformers`: layers.3, gpt_neox.layers.3, transformer.h.3. */
const MODULE = /^(?:.+\.)?(?:layers|h)\.(\d+)$/;

/**
 * The layer l whose hook_resid_post a hook point is (hook_resid_pre of l + 1 is the same).
 * @param where the hook point is named: for messages
 * @throws InputError for any other hook point
 */
export function residualLayer(hook: string, where: string): number {
  const block = TRANSFORMER_LENS.exec(hook);
  const layer = Number(block?.[1] ?? MODULE.exec(hook)?.[1] ?? NaN) - (block?.[2] === 'pre' ? 1 : 0);
  if (layer >= 0) return layer;
  const named = hook.slice(0, 80);
  const found = layer < 0 ? l10n.t('{0} (the embeddings)', named) : named;
  throw new InputError(
    l10n.t(
      '{0} is {1}; the residual stream after a block, such as blocks.3.hook_resid_post or layers.3, was expected.',
      where,
      found,
    ),
  );
}

/** As a whole name it is a hook point of a module, of whatever kind: layers.3, layers.3.mlp, h.3.attn. */
export const isModuleName = (name: string): boolean => /^(?:.+\.)?(?:layers|h)\.\d+(?:\.|$)/.test(name);
