import { add, conv1d, layerNorm, lookUp, type Heads, type Matrix, type Stored } from './math';
import { savedNorm, savedAttention, type Pass } from './pass';
import { inverseFrequencies } from './rope';

/** TransformerLens's HookedTransformer with attn_only, by its own parameter names. */
export function attnOnly(pass: Pass): void {
  const { save, ids, number, weight } = pass;
  const { normalization_type: normalization = 'LN', positional_embedding_type: positional = 'standard' } = pass.config;
  const eps = number('eps', 1e-5);
  const norm = (x: Matrix, name: string): Matrix => {
    if (normalization === null) return x;
    const full = normalization === 'LN';
    const normed = layerNorm(x, eps, full ? weight(`${name}.w`) : undefined, full ? weight(`${name}.b`) : undefined);
    return savedNorm(pass, name, normed);
  };
  const nHeads = number('n_heads');
  const dHead = number('d_head', number('d_model') / nHeads);
  const givenScale = number('attn_scale', -1);
  const scale = !pass.flag('use_attn_scale', true) ? 1 : givenScale === -1 ? Math.sqrt(dHead) : givenScale;
  const invFreq =
    positional === 'rotary'
      ? inverseFrequencies(number('rotary_dim', dHead), number('rotary_base', 10000), undefined)
      : undefined;

  const embed = lookUp(weight('embed.W_E'), ids);
  save('hook_embed', embed);
  let resid = embed;
  let added: Matrix | undefined;
  if (positional !== 'rotary') {
    const positions = lookUp(
      weight('pos_embed.W_pos'),
      ids.map((_, pos) => pos),
    );
    save('hook_pos_embed', positions);
    if (positional === 'standard') resid = add(embed, positions);
    else added = positions;
  }
  for (let l = 0; l < number('n_layers'); l++) {
    const block = `blocks.${l}`;
    resid = pass.edit(`${block}.hook_resid_pre`, resid);
    save(`${block}.hook_resid_pre`, resid);
    const normed = norm(resid, `${block}.ln1`);
    const forQK = added ? add(normed, added) : normed;
    const bias = (letter: string): Stored | undefined => pass.optional(`${block}.attn.b_${letter}`);
    const byHead = (letter: string): Stored[] => matricesByHead(weight(`${block}.attn.W_${letter}`));
    const heads = (x: Matrix, letter: string): Heads => {
      const each = byHead(letter).map((W) => conv1d(x, W));
      const b = bias(letter);
      return x.map((_, pos) =>
        each.map((head, h) => head[pos]!.map((value, d) => value + (b ? b.data[h * dHead + d]! : 0))),
      );
    };
    const attnOut = savedAttention(
      pass,
      block,
      {
        q: heads(forQK, 'Q'),
        k: heads(forQK, 'K'),
        v: heads(normed, 'V'),
        scale,
        W_O: byHead('O').map((W) => lookUp(W, [...Array(dHead).keys()])),
        b_O: bias('O'),
      },
      invFreq,
    );
    resid = add(resid, attnOut);
    resid = pass.edit(`${block}.hook_resid_post`, resid);
    save(`${block}.hook_resid_post`, resid);
  }
  save('logits', conv1d(norm(resid, 'ln_final'), weight('unembed.W_U'), pass.optional('unembed.b_U')));
}

/** `[n, rows, columns]` as n matrices. */
function matricesByHead({ shape, data }: Stored): Stored[] {
  const [n, rows, columns] = shape as [number, number, number];
  const size = rows * columns;
  return Array.from({ length: n }, (_, h) => ({
    shape: [rows, columns],
    data: Array.from({ length: size }, (_, i) => data[h * size + i]!),
  }));
}
