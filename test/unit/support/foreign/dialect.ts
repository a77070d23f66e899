/** How a foreign graph says what a transformer computes. */
import type { Placement } from './writer';

export interface Dialect {
  name: string;
  opset: number;
  /** Weights and activations in float16. */
  half?: boolean;
  placement?: Placement;
  /**
   * `matmul`: MatMul + Add, `transposed`: the same on a Transpose of `[out, in]`, `gemm` and `gemm-transposed`: on rows of
   * all batches, `dequantized`: DequantizeLinear of int8 by column, `integer`: MatMulInteger of quantised activations.
   */
  linear?: 'matmul' | 'transposed' | 'gemm' | 'gemm-transposed' | 'dequantized' | 'integer';
  /**
   * `split`: one matrix, columns [3, head, d_head]; `heads`: [head, 3, d_head], sliced; `stacked`: 5 axes, gathered; `einsum`: the
   * whole attention in Einsum, weights `[head, in, d_head]`.
   */
  qkv?: 'separate' | 'split' | 'heads' | 'stacked' | 'einsum';
  /** Of the plain operators: `both` scales q and k by the root of the scale, `safe` replaces NaN after the softmax. */
  attention?:
    | 'plain'
    | 'both'
    | 'safe'
    | 'Attention-4d'
    | 'Attention-3d'
    | 'MultiHeadAttention'
    | 'GroupQueryAttention'
    | 'GroupQueryAttention-packed'
    | 'Attention-microsoft';
  /** The causal mask of plain attention: a buffer and Where, or additive from ranges or Trilu. */
  mask?: 'buffer' | 'range' | 'trilu';
  /** `skip`: com.microsoft operators that add to the residual stream and normalise. */
  norm?: 'plain' | 'operator' | 'skip';
  rotary?: 'plain' | 'operator';
  inputs?: { mask?: boolean; positions?: boolean; past?: boolean };
  /** Prompts of this length only. */
  length?: number;
  /** `post`: norms come after the additions, so that there is no residual stream that blocks only add to. */
  order?: 'pre' | 'post';
  /** `none`: the last norm is the output, as `last_hidden_state`. */
  head?: 'logits' | 'none';
  /** All of it in both branches of an If, as in optimum's merged decoders. */
  merged?: boolean;
  /** Identity and Cast nodes, which change nothing, on the residual stream. */
  cluttered?: boolean;
}

export const dialects = {
  /** An exporter of today in plain operators. */
  plain: {
    name: 'MatMul, Split, Where, decomposed norms, one external file',
    opset: 17,
    placement: 'one',
    qkv: 'split',
  },
  gemm: {
    name: 'Gemm, sliced heads, a file for each weight, opset 11',
    opset: 11,
    placement: 'each',
    linear: 'gemm',
    qkv: 'heads',
  },
  transposed: {
    name: 'Transpose and MatMul, stacked QKV, static length',
    opset: 14,
    linear: 'transposed',
    qkv: 'stacked',
    mask: 'trilu',
    length: 11,
  },
  sdpa: {
    name: 'scaled_dot_product_attention of PyTorch 2, with mask and positions',
    opset: 18,
    linear: 'gemm-transposed',
    attention: 'both',
    mask: 'range',
    norm: 'operator',
    inputs: { mask: true, positions: true },
  },
  optimum: {
    name: 'optimum’s decoder with past, NaN replaced',
    opset: 14,
    attention: 'safe',
    mask: 'range',
    inputs: { mask: true, positions: true, past: true },
  },
  merged: {
    name: 'optimum’s merged decoder',
    opset: 13,
    mask: 'range',
    merged: true,
    placement: 'one',
    inputs: { mask: true, past: true },
  },
  half: { name: 'float16', opset: 17, half: true, qkv: 'split', norm: 'operator' },
  attention4d: {
    name: 'Attention of opset 23',
    opset: 23,
    attention: 'Attention-4d',
    norm: 'operator',
    rotary: 'operator',
    linear: 'gemm-transposed',
  },
  attention3d: {
    name: 'Attention of opset 23 on 3 axes with a mask',
    opset: 23,
    attention: 'Attention-3d',
    mask: 'trilu',
    inputs: { mask: true },
  },
  multiHead: {
    name: 'MultiHeadAttention, SkipLayerNormalization',
    opset: 17,
    attention: 'MultiHeadAttention',
    norm: 'skip',
    rotary: 'operator',
    inputs: { positions: true },
  },
  groupQuery: {
    name: 'GroupQueryAttention with rotary and past, SkipSimplifiedLayerNormalization',
    opset: 17,
    attention: 'GroupQueryAttention',
    norm: 'skip',
    inputs: { mask: true, past: true },
  },
  groupQueryPacked: {
    name: 'GroupQueryAttention of packed QKV',
    opset: 17,
    placement: 'one',
    attention: 'GroupQueryAttention-packed',
    inputs: { mask: true, past: true },
  },
  fused: {
    name: 'Attention of com.microsoft',
    opset: 17,
    attention: 'Attention-microsoft',
    norm: 'skip',
  },
  einsum: { name: 'Einsum', opset: 13, qkv: 'einsum' },
  cluttered: { name: 'Identity and Cast on the residual stream', opset: 15, cluttered: true, mask: 'trilu' },
  postNorm: { name: 'norms after the additions', opset: 17, order: 'post' },
  headless: { name: 'no unembedding', opset: 17, norm: 'operator', head: 'none' },
  dequantized: {
    name: 'int8 weights, DequantizeLinear',
    opset: 17,
    linear: 'dequantized',
    qkv: 'split',
    placement: 'one',
  },
  integer: { name: 'int8 products as in transformers.js', opset: 17, linear: 'integer', inputs: { mask: true } },
} as const satisfies Record<string, Dialect>;
