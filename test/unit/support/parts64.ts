/** What every part of a model adds to a logit through the frozen final norm, in float64, by stored tensor names. */
import { part, product } from './frozen64';
import type { Matrix, Stored, Vector } from './naive/math';
import { transpose } from './naive/math';
import { forward64 } from './naive64';
import type { Config, Weights } from './naive/pass';

interface Names {
  norm: string;
  gain: string;
  bias: string;
  unembed: string[];
  W_O: (layer: number) => string;
  b_O: (layer: number) => string;
  layers: string;
  heads: string;
}

const llamaNames: Names = {
  norm: 'model.norm',
  gain: 'weight',
  bias: 'none',
  unembed: ['lm_head.weight', 'model.embed_tokens.weight'],
  W_O: (l) => `model.layers.${l}.self_attn.o_proj.weight`,
  b_O: (l) => `model.layers.${l}.self_attn.o_proj.bias`,
  layers: 'num_hidden_layers',
  heads: 'num_attention_heads',
};
const names: Record<string, Names> = {
  gpt2: {
    norm: 'ln_f',
    gain: 'weight',
    bias: 'bias',
    unembed: ['lm_head.weight', 'wte.weight'],
    W_O: (l) => `h.${l}.attn.c_proj.weight`,
    b_O: (l) => `h.${l}.attn.c_proj.bias`,
    layers: 'n_layer',
    heads: 'n_head',
  },
  gpt_neox: {
    norm: 'gpt_neox.final_layer_norm',
    gain: 'weight',
    bias: 'bias',
    unembed: ['embed_out.weight', 'gpt_neox.embed_in.weight'],
    W_O: (l) => `gpt_neox.layers.${l}.attention.dense.weight`,
    b_O: (l) => `gpt_neox.layers.${l}.attention.dense.bias`,
    layers: 'num_hidden_layers',
    heads: 'num_attention_heads',
  },
  llama: llamaNames,
  mistral: llamaNames,
  qwen2: llamaNames,
  attn_only: {
    norm: 'ln_final',
    gain: 'w',
    bias: 'b',
    unembed: ['unembed.W_U'],
    W_O: (l) => `blocks.${l}.attn.W_O`,
    b_O: (l) => `blocks.${l}.attn.b_O`,
    layers: 'n_layers',
    heads: 'n_heads',
  },
};

/** Value of every term of the last position by name, as `paths` names them. */
export function parts64(config: Config, weights: Weights, ids: number[], token: number): Map<string, number> {
  const type = String(config.model_type);
  const n = names[type]!;
  const find = (name: string): Stored | undefined => weights.get(name) ?? weights.get(`transformer.${name}`);
  const hooks = forward64(config, weights, ids);
  const last = (name: string): Vector => part(hooks.get(name)!).at(-1)!;
  const nLayers = config[n.layers] as number;
  const nHeads = config[n.heads] as number;

  const unembed = n.unembed.map(find).find((stored) => stored)!;
  const W_U = type === 'attn_only' ? part(unembed) : part(transpose(unembed));
  const column = W_U.map((row) => row[token]!);
  const dot = (a: Vector, b: Vector): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const scale = hooks.get('ln_final.hook_scale')?.data.at(-1);
  const gain = find(`${n.norm}.${n.gain}`);
  /** Through the final norm; RMSNorm does not centre. */
  const value = (x: Vector): number => {
    if (scale === undefined) return dot(x, column);
    const mean = n === llamaNames ? 0 : x.reduce((a, b) => a + b, 0) / x.length;
    return dot(
      x.map((v, i) => ((v - mean) / scale) * (gain?.data[i] ?? 1)),
      column,
    );
  };
  const standard = type === 'gpt2' || (config.positional_embedding_type ?? 'standard') === 'standard';

  const terms = new Map<string, number>([['embedding', value(last('hook_embed'))]]);
  if (standard && hooks.has('hook_pos_embed')) terms.set('positions', value(last('hook_pos_embed')));
  for (let layer = 0; layer < nLayers; layer++) {
    const z = hooks.get(`blocks.${layer}.attn.hook_z`)!;
    const dHead = z.shape[2]!;
    const zLast = z.data.subarray((ids.length - 1) * nHeads * dHead);
    const stored = find(n.W_O(layer))!;
    const outIn = type !== 'gpt2' && type !== 'attn_only';
    const W_O: Matrix = part({
      shape: [nHeads * dHead, column.length],
      data: outIn ? transpose(stored).data : stored.data,
    });
    for (let head = 0; head < nHeads; head++) {
      const rows = W_O.slice(head * dHead, (head + 1) * dHead);
      const own = Array.from(zLast.subarray(head * dHead, (head + 1) * dHead));
      terms.set(`L${layer}H${head}`, value(product([own], rows)[0]!));
    }
    const b_O = find(n.b_O(layer));
    if (b_O) terms.set(`L${layer} b_O`, value(Array.from(b_O.data)));
    const mlp = `blocks.${layer}.hook_mlp_out`;
    if (hooks.has(mlp)) terms.set(`L${layer} MLP`, value(last(mlp)));
  }
  const bias = find(`${n.norm}.${n.bias}`);
  if (bias && scale !== undefined) terms.set('final norm bias', dot(Array.from(bias.data), column));
  const b_U = find('unembed.b_U');
  if (b_U) terms.set('b_U', b_U.data[token]!);
  return terms;
}
