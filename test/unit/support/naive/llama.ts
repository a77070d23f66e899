import {
  add,
  linear,
  lookUp,
  mapped,
  outputByHead,
  repeatHeads,
  rmsNorm,
  splitHeads,
  times,
  type Heads,
  type Matrix,
} from './math';
import { savedNorm, savedAttention, activation, type Pass } from './pass';
import { ropeFrequencies } from './rope';

/** What differs between the configs of llama, mistral and qwen2 in `transformers`. */
export interface LlamaDefaults {
  kvHeads?: number;
  window?: number;
  /** Q, K and V have biases, the output projection never. */
  qkvBias?: boolean;
}

/** transformers' modeling_llama.py, modeling_mistral.py, modeling_qwen2.py. */
export function llama(pass: Pass, defaults: LlamaDefaults): void {
  const { save, ids, number, weight } = pass;
  const eps = number('rms_norm_eps', 1e-6);
  const norm = (x: Matrix, name: string, hook: string): Matrix =>
    savedNorm(pass, hook, rmsNorm(x, eps, weight(`${name}.weight`)));
  const act = activation(pass, 'hidden_act', 'silu');
  const nHeads = number('num_attention_heads');
  const kvKey = 'num_key_value_heads';
  const nKv = pass.config[kvKey] === null ? nHeads : number(kvKey, defaults.kvHeads ?? nHeads);
  const dHead = number('head_dim', number('hidden_size') / nHeads);
  const invFreq = ropeFrequencies(pass, dHead, 'rope_theta');
  const attnBias = defaults.qkvBias ?? pass.flag('attention_bias', false);
  const outBias = !defaults.qkvBias && attnBias;
  const mlpBias = pass.flag('mlp_bias', false);
  const project = (x: Matrix, name: string, bias: boolean): Matrix =>
    linear(x, weight(`${name}.weight`), bias ? weight(`${name}.bias`) : undefined);

  let resid = lookUp(weight('model.embed_tokens.weight'), ids);
  save('hook_embed', resid);
  for (let l = 0; l < number('num_hidden_layers'); l++) {
    const [block, name] = [`blocks.${l}`, `model.layers.${l}`];
    resid = pass.edit(`${block}.hook_resid_pre`, resid);
    save(`${block}.hook_resid_pre`, resid);
    const attnIn = norm(resid, `${name}.input_layernorm`, `${block}.ln1`);
    const heads = (kind: string, n: number): Heads =>
      splitHeads(project(attnIn, `${name}.self_attn.${kind}_proj`, attnBias), n);
    const attnOut = savedAttention(
      pass,
      block,
      {
        q: heads('q', nHeads),
        k: repeatHeads(heads('k', nKv), nHeads / nKv),
        v: repeatHeads(heads('v', nKv), nHeads / nKv),
        scale: Math.sqrt(dHead),
        window: llamaWindow(pass, l, defaults.window),
        W_O: outputByHead(weight(`${name}.self_attn.o_proj.weight`), nHeads),
        b_O: outBias ? weight(`${name}.self_attn.o_proj.bias`) : undefined,
      },
      invFreq,
    );
    resid = add(resid, attnOut);
    save(`${block}.hook_resid_mid`, resid);

    const mlpIn = norm(resid, `${name}.post_attention_layernorm`, `${block}.ln2`);
    const gate = project(mlpIn, `${name}.mlp.gate_proj`, mlpBias);
    const up = project(mlpIn, `${name}.mlp.up_proj`, mlpBias);
    const post = times(mapped(gate, act), up);
    const mlpOut = project(post, `${name}.mlp.down_proj`, mlpBias);
    save(`${block}.mlp.hook_pre`, gate);
    save(`${block}.mlp.hook_pre_linear`, up);
    save(`${block}.mlp.hook_post`, post);
    save(`${block}.hook_mlp_out`, mlpOut);
    resid = add(resid, mlpOut);
    resid = pass.edit(`${block}.hook_resid_post`, resid);
    save(`${block}.hook_resid_post`, resid);
  }
  const tied = pass.flag('tie_word_embeddings', false);
  const final = norm(resid, 'model.norm', 'ln_final');
  save('logits', linear(final, weight(tied ? 'model.embed_tokens.weight' : 'lm_head.weight')));
}

/** mistral: every layer has the window, `null` is none. qwen2: layers of layer_types, or from max_window_layers on, when it is switched on. */
function llamaWindow({ config, number, flag }: Pass, layer: number, otherwise?: number): number | undefined {
  if (otherwise === undefined || config.sliding_window === null) return undefined;
  if (config.model_type === 'mistral') return number('sliding_window', otherwise);
  const types = config.layer_types as string[] | undefined;
  const slides = types ? types[layer] === 'sliding_attention' : layer >= number('max_window_layers', 28);
  return slides && flag('use_sliding_window', false) ? number('sliding_window', otherwise) : undefined;
}
