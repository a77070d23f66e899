import { add, layerNorm, linear, lookUp, mapped, outputByHead, splitHeads, type Heads, type Matrix } from './math';
import { savedNorm, savedAttention, activation, type Pass } from './pass';
import { ropeFrequencies } from './rope';

/** transformers' modeling_gpt_neox.py. */
export function gptNeoX(pass: Pass): void {
  const { save, ids, number, weight } = pass;
  const eps = number('layer_norm_eps', 1e-5);
  const norm = (x: Matrix, name: string, hook: string): Matrix =>
    savedNorm(pass, hook, layerNorm(x, eps, weight(`${name}.weight`), weight(`${name}.bias`)));
  const act = activation(pass, 'hidden_act', 'gelu');
  const nHeads = number('num_attention_heads');
  const dHead = number('hidden_size') / nHeads;
  const invFreq = ropeFrequencies(pass, Math.trunc(dHead * number('rotary_pct', 0.25)), 'rotary_emb_base');
  const parallel = pass.flag('use_parallel_residual', true);

  let resid = lookUp(weight('gpt_neox.embed_in.weight'), ids);
  save('hook_embed', resid);
  for (let l = 0; l < number('num_hidden_layers'); l++) {
    const [block, name] = [`blocks.${l}`, `gpt_neox.layers.${l}`];
    resid = pass.edit(`${block}.hook_resid_pre`, resid);
    save(`${block}.hook_resid_pre`, resid);
    const qkv = splitHeads(
      linear(
        norm(resid, `${name}.input_layernorm`, `${block}.ln1`),
        weight(`${name}.attention.query_key_value.weight`),
        pass.optional(`${name}.attention.query_key_value.bias`),
      ),
      nHeads,
    );
    // each head's columns are its q, its k and its v
    const part = (i: number): Heads => qkv.map((heads) => heads.map((head) => head.slice(i * dHead, (i + 1) * dHead)));
    const attnOut = savedAttention(
      pass,
      block,
      {
        q: part(0),
        k: part(1),
        v: part(2),
        scale: Math.sqrt(dHead),
        W_O: outputByHead(weight(`${name}.attention.dense.weight`), nHeads),
        b_O: pass.optional(`${name}.attention.dense.bias`),
      },
      invFreq,
    );
    const mid = add(resid, attnOut);
    if (!parallel) save(`${block}.hook_resid_mid`, mid);

    const normed = norm(parallel ? resid : mid, `${name}.post_attention_layernorm`, `${block}.ln2`);
    const pre = linear(normed, weight(`${name}.mlp.dense_h_to_4h.weight`), weight(`${name}.mlp.dense_h_to_4h.bias`));
    const post = mapped(pre, act);
    const mlpOut = linear(post, weight(`${name}.mlp.dense_4h_to_h.weight`), weight(`${name}.mlp.dense_4h_to_h.bias`));
    save(`${block}.mlp.hook_pre`, pre);
    save(`${block}.mlp.hook_post`, post);
    save(`${block}.hook_mlp_out`, mlpOut);
    resid = add(mid, mlpOut);
    resid = pass.edit(`${block}.hook_resid_post`, resid);
    save(`${block}.hook_resid_post`, resid);
  }
  const tied = pass.flag('tie_word_embeddings', false);
  const final = norm(resid, 'gpt_neox.final_layer_norm', 'ln_final');
  save('logits', linear(final, weight(tied ? 'gpt_neox.embed_in.weight' : 'embed_out.weight')));
}
