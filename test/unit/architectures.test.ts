import assert from 'node:assert/strict';
import { MODEL_TYPES, describeModel } from '../../src/engine/checkpoint/architectures';
import { Config } from '../../src/engine/checkpoint/config';
import type { FusedQkv, ModelDescription, SeparateQkv } from '../../src/engine/checkpoint/description';
import { InputError } from '../../src/engine/checkpoint/errors';

/** Describes a model whose checkpoint has the tensors that `has` accepts (default: all). */
const describeWith = (values: object, has: (name: string) => boolean = () => true): ModelDescription =>
  describeModel(new Config('config.json', { ...values }), has);

const refuses = (values: object, message: RegExp): void =>
  assert.throws(
    () => describeWith(values),
    (error: unknown) => {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, message);
      return true;
    },
  );

const fused = (d: ModelDescription, l = 0): FusedQkv => d.layers[l]!.qkv as FusedQkv;
const separate = (d: ModelDescription, l = 0): SeparateQkv => d.layers[l]!.qkv as SeparateQkv;
const sizes = (d: ModelDescription): number[] => [
  d.nLayers,
  d.nHeads,
  d.nKeyValueHeads,
  d.dModel,
  d.dHead,
  d.dMlp,
  d.nCtx,
  d.dVocab,
];

describe('architectures', () => {
  it('are the ones of the README', () => {
    assert.deepEqual(MODEL_TYPES, ['gpt2', 'gpt_neox', 'llama', 'mistral', 'qwen2', 'attn_only']);
  });
  it('that are unknown are refused, with the known ones', () => {
    refuses({ model_type: 'mamba' }, /model_type is "mamba", one of gpt2, gpt_neox, llama, mistral, qwen2, attn_only/);
    refuses({ model_type: 'constructor' }, /model_type is "constructor"/);
    refuses({}, /model_type is missing/);
  });
  it('refuse absurd sizes before they do any work', () => {
    for (const model_type of ['gpt2', 'gpt_neox', 'llama', 'mistral', 'qwen2']) {
      const layers = model_type === 'gpt2' ? 'n_layer' : 'num_hidden_layers';
      refuses({ model_type, [layers]: 1e9 }, new RegExp(`${layers} is 1000000000, an integer from 1 to 10000`));
      refuses({ model_type, vocab_size: -1 }, /vocab_size is -1/);
    }
    refuses({ model_type: 'attn_only', n_layers: 1e9 }, /n_layers is 1000000000/);
  });
});

describe('gpt2', () => {
  const gpt2 = (values: object = {}, has?: (name: string) => boolean): ModelDescription =>
    describeWith({ model_type: 'gpt2', ...values }, has);

  it('has the defaults of transformers', () => {
    const d = gpt2();
    assert.deepEqual(sizes(d), [12, 12, 12, 768, 64, 3072, 1024, 50257]);
    assert.deepEqual(d.norm, { kind: 'layer', eps: 1e-5 });
    assert.equal(d.parallel, false);
    assert.equal(d.layers[0]!.mlp!.act, 'gelu_new');
    assert.equal(d.layers[11]!.attnScale, 8);
    assert.deepEqual(d.unembed, { weight: d.W_E, layout: 'out-in' });
  });
  it('maps Conv1D weights and biases', () => {
    const d = gpt2({ n_embd: 8, n_head: 2, n_layer: 1, n_inner: null, n_positions: 5, vocab_size: 11 });
    assert.deepEqual(d.positions, { kind: 'standard', W_pos: { tensor: 'transformer.wpe.weight', shape: [5, 8] } });
    assert.deepEqual(fused(d), {
      kind: 'fused',
      order: 'qkv-head',
      linear: {
        weight: { tensor: 'transformer.h.0.attn.c_attn.weight', shape: [8, 24] },
        layout: 'in-out',
        bias: { tensor: 'transformer.h.0.attn.c_attn.bias', shape: [24] },
      },
    });
    assert.deepEqual(d.layers[0]!.mlp!.in.weight, { tensor: 'transformer.h.0.mlp.c_fc.weight', shape: [8, 32] });
    assert.deepEqual(d.layers[0]!.mlp!.out.weight.shape, [32, 8]);
    assert.equal(d.lnFinal!.bias!.tensor, 'transformer.ln_f.bias');
  });
  it('knows names without transformer.', () => {
    const d = gpt2({}, (name) => name === 'wte.weight');
    assert.equal(d.W_E.tensor, 'wte.weight');
    assert.equal(d.layers[3]!.ln1!.weight!.tensor, 'h.3.ln_1.weight');
  });
  it('may have its own unembedding', () => {
    const d = gpt2({ tie_word_embeddings: false, n_embd: 24, vocab_size: 7 });
    assert.deepEqual(d.unembed, { weight: { tensor: 'lm_head.weight', shape: [7, 24] }, layout: 'out-in' });
  });
  it('may not scale, or scale by layer', () => {
    assert.equal(gpt2({ scale_attn_weights: false }).layers[2]!.attnScale, 1);
    assert.equal(gpt2({ scale_attn_by_inverse_layer_idx: true }).layers[2]!.attnScale, 24);
  });
  it('knows the activations of transformers that the graph has', () => {
    const act = (activation_function: string): string => gpt2({ activation_function }).layers[0]!.mlp!.act;
    assert.deepEqual(['gelu', 'gelu_pytorch_tanh', 'gelu_fast', 'relu', 'silu', 'swish'].map(act), [
      'gelu',
      'gelu_new',
      'gelu_new',
      'relu',
      'silu',
      'silu',
    ]);
    refuses(
      { model_type: 'gpt2', activation_function: 'quick_gelu' },
      /activation_function is "quick_gelu", one of gelu/,
    );
  });
  it('must divide its width among its heads', () =>
    refuses({ model_type: 'gpt2', n_head: 7 }, /n_head is 7, a divisor of the model's width 768/));
});

describe('gpt_neox', () => {
  const neox = (values: object = {}, has?: (name: string) => boolean): ModelDescription =>
    describeWith({ model_type: 'gpt_neox', ...values }, has);

  it('has the defaults of transformers', () => {
    const d = neox();
    assert.deepEqual(sizes(d), [44, 64, 64, 6144, 96, 24576, 2048, 50432]);
    assert.deepEqual(d.positions, { kind: 'rotary', dims: 24, theta: 10_000 });
    assert.deepEqual(d.norm, { kind: 'layer', eps: 1e-5 });
    assert.equal(d.parallel, true);
    assert.equal(d.layers[0]!.mlp!.act, 'gelu');
    assert.deepEqual(d.unembed, { weight: { tensor: 'embed_out.weight', shape: [50432, 6144] }, layout: 'out-in' });
  });
  it('maps the interleaved QKV', () => {
    const d = neox({ hidden_size: 12, num_attention_heads: 3, intermediate_size: 20, rotary_pct: 0.5 });
    assert.deepEqual(fused(d, 1), {
      kind: 'fused',
      order: 'head-qkv',
      linear: {
        weight: { tensor: 'gpt_neox.layers.1.attention.query_key_value.weight', shape: [36, 12] },
        layout: 'out-in',
        bias: { tensor: 'gpt_neox.layers.1.attention.query_key_value.bias', shape: [36] },
      },
    });
    assert.deepEqual(d.layers[0]!.mlp!.out.weight.shape, [12, 20]);
  });
  it('may be sequential, tied, without attention biases, and named without gpt_neox.', () => {
    const d = neox(
      { use_parallel_residual: false, tie_word_embeddings: true, attention_bias: false },
      (name) => name === 'embed_in.weight',
    );
    assert.equal(d.parallel, false);
    assert.deepEqual(d.unembed.weight, { tensor: 'embed_in.weight', shape: [50432, 6144] });
    assert.equal(fused(d).linear.bias, undefined);
    assert.equal(d.layers[0]!.out.bias, undefined);
    assert.ok(d.layers[0]!.mlp!.in.bias);
  });
  it('reads rotary settings of both styles', () => {
    assert.deepEqual(neox({ rotary_pct: 1, rotary_emb_base: 500 }).positions, { kind: 'rotary', dims: 96, theta: 500 });
    const rope_parameters = { rope_theta: 700, partial_rotary_factor: 0.5, rope_type: 'default' };
    assert.deepEqual(neox({ rope_parameters }).positions, { kind: 'rotary', dims: 48, theta: 700 });
    assert.deepEqual(neox({ rope_scaling: { type: 'linear', factor: 4 } }).positions, {
      kind: 'rotary',
      dims: 24,
      theta: 10_000,
      scaling: { kind: 'linear', factor: 4 },
    });
  });
  it('must rotate an even number of dimensions', () => {
    refuses({ model_type: 'gpt_neox', rotary_pct: 0 }, /rotary_pct is 0, a fraction of the head size 96/);
    refuses({ model_type: 'gpt_neox', rotary_pct: 3 / 96 }, /rotary_pct is 0.03125, a fraction/);
    refuses({ model_type: 'gpt_neox', rotary_pct: 2 }, /rotary_pct is 2, a number from 0 to 1/);
  });
});

describe('llama', () => {
  const llama = (values: object = {}, has?: (name: string) => boolean): ModelDescription =>
    describeWith({ model_type: 'llama', ...values }, has);

  it('has the defaults of transformers', () => {
    const d = llama();
    assert.deepEqual(sizes(d), [32, 32, 32, 4096, 128, 11008, 2048, 32000]);
    assert.deepEqual(d.norm, { kind: 'rms', eps: 1e-6 });
    assert.deepEqual(d.positions, { kind: 'rotary', dims: 128, theta: 10_000 });
    assert.equal(d.layers[0]!.mlp!.act, 'silu');
    assert.equal(d.layers[0]!.window, undefined);
    assert.equal(d.unembed.weight.tensor, 'lm_head.weight');
    assert.deepEqual(d.lnFinal, { weight: { tensor: 'model.norm.weight', shape: [4096] } });
  });
  it('shares key and value heads, with a head size of its own', () => {
    const d = llama({ hidden_size: 60, num_attention_heads: 8, num_key_value_heads: 2, head_dim: 16 });
    assert.deepEqual(separate(d).q.weight, { tensor: 'model.layers.0.self_attn.q_proj.weight', shape: [128, 60] });
    assert.deepEqual(separate(d).k.weight.shape, [32, 60]);
    assert.deepEqual(d.layers[0]!.out.weight.shape, [60, 128]);
    assert.equal(d.layers[0]!.attnScale, 4);
    assert.equal(llama({ num_key_value_heads: null, head_dim: null }).nKeyValueHeads, 32);
  });
  it('may be tied, with biases, and named without model.', () => {
    const d = llama(
      { tie_word_embeddings: true, attention_bias: true, mlp_bias: true },
      (name) => name === 'embed_tokens.weight',
    );
    assert.equal(d.unembed.weight.tensor, 'embed_tokens.weight');
    assert.equal(separate(d).k.bias!.tensor, 'layers.0.self_attn.k_proj.bias');
    assert.equal(d.layers[0]!.out.bias!.tensor, 'layers.0.self_attn.o_proj.bias');
    assert.equal(d.layers[0]!.mlp!.gate!.bias!.tensor, 'layers.0.mlp.gate_proj.bias');
    assert.equal(separate(llama()).k.bias, undefined);
    assert.equal(llama().layers[0]!.mlp!.out.bias, undefined);
  });
  it('scales its rotary positions', () => {
    const scaling = (values: object): unknown => {
      const { positions } = llama(values);
      return positions.kind === 'rotary' ? [positions.theta, positions.scaling] : undefined;
    };
    assert.deepEqual(scaling({ rope_theta: 5e5, rope_scaling: null }), [5e5, undefined]);
    assert.deepEqual(scaling({ rope_scaling: { rope_type: 'linear', factor: 2.5 } }), [
      1e4,
      { kind: 'linear', factor: 2.5 },
    ]);
    const llama3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
    const expected = { kind: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalContext: 8192 };
    assert.deepEqual(scaling({ rope_theta: 5e5, rope_scaling: { ...llama3, rope_type: 'llama3' } }), [5e5, expected]);
    assert.deepEqual(scaling({ rope_parameters: { ...llama3, rope_type: 'llama3', rope_theta: 3e5 } }), [
      3e5,
      expected,
    ]);
    const withoutContext = { ...llama3, original_max_position_embeddings: undefined };
    assert.deepEqual(
      scaling({ max_position_embeddings: 4096, rope_scaling: { ...withoutContext, rope_type: 'llama3' } }),
      [1e4, { ...expected, originalContext: 4096 }],
    );
  });
  it('refuses scalings that the graph does not have, or that lack a value', () => {
    const scaled = (rope_scaling: object): object => ({ model_type: 'llama', rope_scaling });
    refuses(
      scaled({ rope_type: 'yarn', factor: 2 }),
      /rope_scaling.rope_type is "yarn", one of default, linear, llama3/,
    );
    refuses(scaled({ type: 'dynamic' }), /rope_scaling.type is "dynamic"/);
    refuses(scaled({ type: 'linear' }), /rope_scaling.factor is missing/);
    refuses(scaled({ type: 'llama3', factor: 8 }), /rope_scaling.low_freq_factor is missing/);
    refuses(
      scaled({ type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 4 }),
      /high_freq_factor is 4, .*greater/,
    );
    refuses({ model_type: 'llama', rope_parameters: { full_attention: {} } }, /rope_parameters.rope_type is missing/);
    refuses({ model_type: 'llama', rope_scaling: 'linear' }, /rope_scaling is "linear", an object/);
  });
  it('must divide its heads', () => {
    refuses(
      { model_type: 'llama', num_key_value_heads: 5 },
      /num_key_value_heads is 5, a divisor of num_attention_heads 32/,
    );
    refuses(
      { model_type: 'llama', num_attention_heads: 3 },
      /num_attention_heads is 3, a divisor of the model's width 4096/,
    );
  });
});

describe('mistral', () => {
  const mistral = (values: object = {}): ModelDescription => describeWith({ model_type: 'mistral', ...values });
  it('has the defaults of transformers', () => {
    const d = mistral();
    assert.deepEqual(sizes(d), [32, 32, 8, 4096, 128, 14336, 131072, 32000]);
    assert.equal(d.layers[31]!.window, 4096);
    assert.equal(d.norm.eps, 1e-6);
    assert.equal(separate(d).q.bias, undefined);
  });
  it('may have another window or none, and as many key heads as heads', () => {
    assert.equal(mistral({ sliding_window: 3 }).layers[0]!.window, 3);
    assert.ok(!('window' in mistral({ sliding_window: null }).layers[0]!));
    assert.equal(mistral({ num_key_value_heads: null }).nKeyValueHeads, 32);
    refuses({ model_type: 'mistral', sliding_window: 0 }, /sliding_window is 0/);
  });
});

describe('qwen2', () => {
  const qwen2 = (values: object = {}): ModelDescription => describeWith({ model_type: 'qwen2', ...values });
  const windows = (values: object): unknown[] =>
    qwen2({ num_hidden_layers: 3, ...values }).layers.map(({ window }) => window);

  it('has the defaults of transformers', () => {
    const d = qwen2();
    assert.deepEqual(sizes(d), [32, 32, 32, 4096, 128, 22016, 32768, 151936]);
    assert.equal(d.layers[31]!.window, undefined);
    assert.equal(d.norm.eps, 1e-6);
    assert.equal(d.unembed.weight.tensor, 'lm_head.weight');
  });
  it('has biases on Q, K and V only', () => {
    const d = qwen2({ num_key_value_heads: 4 });
    assert.deepEqual(separate(d).k.bias, { tensor: 'model.layers.0.self_attn.k_proj.bias', shape: [512] });
    assert.ok(separate(d).q.bias && separate(d).v.bias);
    assert.equal(d.layers[0]!.out.bias, undefined);
  });
  it('has windows in its upper layers when it is told to', () => {
    assert.deepEqual(windows({ sliding_window: 8, max_window_layers: 1 }), [undefined, undefined, undefined]);
    const told = { use_sliding_window: true, sliding_window: 8 };
    assert.deepEqual(windows({ ...told, max_window_layers: 1 }), [undefined, 8, 8]);
    assert.deepEqual(windows(told), [undefined, undefined, undefined]);
    const layer_types = ['sliding_attention', 'full_attention', 'full_attention'];
    assert.deepEqual(windows({ ...told, layer_types }), [8, undefined, undefined]);
    refuses({ model_type: 'qwen2', layer_types }, /layer_types is .*an array of 32 strings/);
  });
});

describe('attn_only', () => {
  const base = { model_type: 'attn_only', n_layers: 2, d_model: 12, n_heads: 3, d_head: 4, n_ctx: 9, d_vocab: 7 };
  const without = (name: string): boolean => !/\.b_|ln/.test(name);
  const toy = (values: object = {}, has = without): ModelDescription => describeWith({ ...base, ...values }, has);

  it('has the defaults of TransformerLens', () => {
    const d = toy();
    assert.deepEqual(sizes(d), [2, 3, 3, 12, 4, 0, 9, 7]);
    assert.deepEqual(d.norm, { kind: 'layer', eps: 1e-5 });
    assert.deepEqual(d.positions, { kind: 'standard', W_pos: { tensor: 'pos_embed.W_pos', shape: [9, 12] } });
    assert.equal(d.layers[0]!.attnScale, 2);
    assert.deepEqual(d.unembed, { weight: { tensor: 'unembed.W_U', shape: [12, 7] }, layout: 'in-out' });
  });
  it('maps its parameters', () => {
    const d = toy({ normalization_type: null });
    assert.deepEqual(separate(d, 1).k, {
      weight: { tensor: 'blocks.1.attn.W_K', shape: [3, 12, 4] },
      layout: 'heads',
    });
    assert.deepEqual(d.layers[1]!.out, { weight: { tensor: 'blocks.1.attn.W_O', shape: [3, 4, 12] }, layout: 'heads' });
    assert.equal(d.norm.kind, 'none');
    assert.ok(!('ln1' in d.layers[0]!) && !('lnFinal' in d) && !('mlp' in d.layers[0]!));
  });
  it('uses biases that are stored', () => {
    const d = toy({}, () => true);
    assert.deepEqual(separate(d).v.bias, { tensor: 'blocks.0.attn.b_V', shape: [3, 4] });
    assert.deepEqual(d.layers[0]!.out.bias, { tensor: 'blocks.0.attn.b_O', shape: [12] });
    assert.deepEqual(d.unembed.bias, { tensor: 'unembed.b_U', shape: [7] });
  });
  it('has layer norms with and without weights', () => {
    const ln = toy({ normalization_type: 'LN', eps: 1e-6 });
    assert.equal(ln.norm.eps, 1e-6);
    assert.deepEqual(ln.layers[0]!.ln1, {
      weight: { tensor: 'blocks.0.ln1.w', shape: [12] },
      bias: { tensor: 'blocks.0.ln1.b', shape: [12] },
    });
    assert.equal(ln.lnFinal!.weight!.tensor, 'ln_final.w');
    const pre = toy({ normalization_type: 'LNPre' });
    assert.deepEqual([pre.layers[0]!.ln1, pre.lnFinal, pre.norm.kind], [{}, {}, 'layer']);
  });
  it('knows three kinds of positions', () => {
    assert.equal(toy({ positional_embedding_type: 'shortformer' }).positions.kind, 'shortformer');
    const rotary = { positional_embedding_type: 'rotary' };
    assert.deepEqual(toy({ ...rotary, rotary_dim: null }).positions, { kind: 'rotary', dims: 4, theta: 10_000 });
    assert.deepEqual(toy({ ...rotary, rotary_dim: 2, rotary_base: 50 }).positions, {
      kind: 'rotary',
      dims: 2,
      theta: 50,
    });
    refuses(
      { ...base, positional_embedding_type: 'alibi' },
      /positional_embedding_type is "alibi", standard, shortformer or rotary/,
    );
    refuses({ ...base, ...rotary, rotary_dim: 3 }, /rotary_dim is 3, an even number/);
    refuses({ ...base, ...rotary, rotary_dim: 8 }, /rotary_dim is 8/);
  });
  it('may scale differently or not at all', () => {
    assert.equal(toy({ attn_scale: 5 }).layers[0]!.attnScale, 5);
    assert.equal(toy({ attn_scale: -1 }).layers[0]!.attnScale, 2);
    assert.equal(toy({ attn_scale: 5, use_attn_scale: false }).layers[0]!.attnScale, 1);
    refuses({ ...base, attn_scale: 0 }, /attn_scale is 0, a positive number/);
  });
  it('may have no layers, and another output vocabulary', () => {
    const d = describeWith(
      { model_type: 'attn_only', n_layers: 0, d_model: 12, n_ctx: 9, d_vocab: 7, d_vocab_out: 5 },
      without,
    );
    assert.deepEqual([d.nLayers, d.layers], [0, []]);
    assert.deepEqual(d.unembed.weight.shape, [12, 5]);
    assert.deepEqual(toy({ d_vocab_out: -1 }).unembed.weight.shape, [12, 7]);
  });
  it('refuses what these models do not have', () => {
    refuses({ ...base, attn_only: false }, /attn_only is false, true was expected/);
    refuses({ ...base, attention_dir: 'bidirectional' }, /attention_dir is "bidirectional", "causal" was expected/);
    refuses({ ...base, normalization_type: 'RMS' }, /normalization_type is "RMS", null, LN or LNPre/);
    refuses({ ...base, d_model: undefined }, /d_model/);
    refuses({ model_type: 'attn_only' }, /n_layers is missing/);
  });
});
