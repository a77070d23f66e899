import {
  add,
  conv1d,
  layerNorm,
  linear,
  lookUp,
  mapped,
  outputByHead,
  splitHeads,
  transpose,
  type Heads,
  type Matrix,
  type Stored,
} from './math';
import { savedNorm, savedAttention, activation, type Pass } from './pass';

/** transformers' modeling_gpt2.py. */
export function gpt2(pass: Pass): void {
  const { save, ids, number } = pass;
  const prefix = pass.optional('transformer.wte.weight') ? 'transformer.' : '';
  const weight = (name: string): Stored => pass.weight(prefix + name);
  const eps = number('layer_norm_epsilon', 1e-5);
  const norm = (x: Matrix, name: string, hook: string): Matrix =>
    savedNorm(pass, hook, layerNorm(x, eps, weight(`${name}.weight`), weight(`${name}.bias`)));
  const act = activation(pass, 'activation_function', 'gelu_new');
  const nHeads = number('n_head');
  const dModel = number('n_embd');

  const embed = lookUp(weight('wte.weight'), ids);
  const positions = lookUp(
    weight('wpe.weight'),
    ids.map((_, pos) => pos),
  );
  save('hook_embed', embed);
  save('hook_pos_embed', positions);
  let resid = add(embed, positions);

  for (let l = 0; l < number('n_layer'); l++) {
    const block = `blocks.${l}`;
    resid = pass.edit(`${block}.hook_resid_pre`, resid);
    save(`${block}.hook_resid_pre`, resid);
    const qkv = conv1d(
      norm(resid, `h.${l}.ln_1`, `${block}.ln1`),
      weight(`h.${l}.attn.c_attn.weight`),
      weight(`h.${l}.attn.c_attn.bias`),
    );
    const part = (i: number): Heads =>
      splitHeads(
        qkv.map((row) => row.slice(i * dModel, (i + 1) * dModel)),
        nHeads,
      );
    let scale = pass.flag('scale_attn_weights', true) ? Math.sqrt(dModel / nHeads) : 1;
    if (pass.flag('scale_attn_by_inverse_layer_idx', false)) scale *= l + 1;
    const attnOut = savedAttention(pass, block, {
      q: part(0),
      k: part(1),
      v: part(2),
      scale,
      W_O: outputByHead(transpose(weight(`h.${l}.attn.c_proj.weight`)), nHeads),
      b_O: weight(`h.${l}.attn.c_proj.bias`),
    });
    resid = add(resid, attnOut);
    save(`${block}.hook_resid_mid`, resid);

    const normed = norm(resid, `h.${l}.ln_2`, `${block}.ln2`);
    const pre = conv1d(normed, weight(`h.${l}.mlp.c_fc.weight`), weight(`h.${l}.mlp.c_fc.bias`));
    const post = mapped(pre, act);
    const mlpOut = conv1d(post, weight(`h.${l}.mlp.c_proj.weight`), weight(`h.${l}.mlp.c_proj.bias`));
    save(`${block}.mlp.hook_pre`, pre);
    save(`${block}.mlp.hook_post`, post);
    save(`${block}.hook_mlp_out`, mlpOut);
    resid = add(resid, mlpOut);
    resid = pass.edit(`${block}.hook_resid_post`, resid);
    save(`${block}.hook_resid_post`, resid);
  }
  const tied = pass.flag('tie_word_embeddings', true);
  save('logits', linear(norm(resid, 'ln_f', 'ln_final'), tied ? weight('wte.weight') : pass.weight('lm_head.weight')));
}
