import * as l10n from '@vscode/l10n';
import { InputError } from '../checkpoint/errors';
import type { ModelDescription } from '../checkpoint/description';

/** Names of a layer's hooks, without `blocks.{l}.`; TransformerLens's, but for `attn.value_norm` (ours). */
export const layerHooks = {
  residPre: 'hook_resid_pre',
  ln1Scale: 'ln1.hook_scale',
  q: 'attn.hook_q',
  k: 'attn.hook_k',
  v: 'attn.hook_v',
  rotQ: 'attn.hook_rot_q',
  rotK: 'attn.hook_rot_k',
  attnScores: 'attn.hook_attn_scores',
  pattern: 'attn.hook_pattern',
  /** ‖v_s W_O‖ of every head and source: the weights of the value-weighted pattern. `[head, src]` */
  valueNorm: 'attn.value_norm',
  z: 'attn.hook_z',
  attnOut: 'hook_attn_out',
  residMid: 'hook_resid_mid',
  ln2Scale: 'ln2.hook_scale',
  mlpPre: 'mlp.hook_pre',
  mlpPreLinear: 'mlp.hook_pre_linear',
  mlpPost: 'mlp.hook_post',
  mlpOut: 'hook_mlp_out',
  residPost: 'hook_resid_post',
} as const;

export type LayerHook = keyof typeof layerHooks;

export const layerHook = (layer: number, hook: LayerHook): string => `blocks.${layer}.${layerHooks[hook]}`;

type Has = (d: ModelDescription, layer: number) => boolean;
const rotary: Has = (d) => d.positions.kind === 'rotary';
const mlp: Has = (d, l) => d.layers[l]!.mlp !== undefined;

/** Hooks that only some models have. */
const onlyIf: Partial<Record<LayerHook, Has>> = {
  ln1Scale: (d, l) => d.layers[l]!.ln1 !== undefined,
  rotQ: rotary,
  rotK: rotary,
  // TransformerLens has no resid_mid where attention and MLP read the same residual, or where there is no MLP
  residMid: (d, l) => mlp(d, l) && !d.parallel,
  ln2Scale: (d, l) => d.layers[l]!.ln2 !== undefined,
  mlpPre: mlp,
  mlpPreLinear: (d, l) => d.layers[l]!.mlp?.gate !== undefined,
  mlpPost: mlp,
  mlpOut: mlp,
};

/** Every hook of a model, in the order in which they are computed. */
export function hookNames(d: ModelDescription): string[] {
  const rest: Record<string, boolean> = {
    hook_pos_embed: d.positions.kind !== 'rotary',
    'ln_final.hook_scale': d.lnFinal !== undefined,
  };
  return hooksWhere(d.nLayers, (name, hook, layer) => (hook ? onlyIf[hook]?.(d, layer) : rest[name]) ?? true);
}

/** The hooks of so many layers that `has` has, in the order in which they are computed; `hook` and `layer` of a layer's. */
export function hooksWhere(
  nLayers: number,
  has: (name: string, hook: LayerHook | undefined, layer: number) => boolean,
): string[] {
  const names = ['hook_embed', 'hook_pos_embed'].filter((name) => has(name, undefined, 0));
  for (let layer = 0; layer < nLayers; layer++) {
    for (const hook of Object.keys(layerHooks) as LayerHook[]) {
      const name = layerHook(layer, hook);
      if (has(name, hook, layer)) names.push(name);
    }
  }
  return [...names, ...['ln_final.hook_scale', 'logits'].filter((name) => has(name, undefined, 0))];
}

/** The residual stream begins as the sum of these. */
export const embedHooks = ({ positions }: ModelDescription): string[] =>
  positions.kind === 'standard' ? ['hook_embed', 'hook_pos_embed'] : ['hook_embed'];

/**
 * Hooks that match any of the globs (`*` stands for any characters), in model order.
 * @param all the model's
 * @throws InputError naming a glob that matches nothing
 */
export function expandHooks(d: ModelDescription, globs: string[], all = hookNames(d)): string[] {
  const wanted = new Set<string>();
  for (const glob of globs) {
    const pattern = new RegExp(`^${glob.split('*').map(escapeRegExp).join('.*')}$`);
    const matches = all.filter((name) => pattern.test(name));
    if (matches.length === 0) {
      const examples = all
        .filter((name) => name !== 'logits')
        .slice(0, 3)
        .join(', ');
      throw new InputError(
        l10n.t(
          'No hook of this model matches “{0}”; expected a TransformerLens name such as {1} or logits.',
          glob,
          examples,
        ),
      );
    }
    matches.forEach((name) => wanted.add(name));
  }
  return all.filter((name) => wanted.has(name));
}

const escapeRegExp = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
