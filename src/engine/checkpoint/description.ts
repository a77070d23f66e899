/**
 * The common description of a decoder-only transformer. An architecture file (`architectures/*.ts`) maps a checkpoint's
 * config and tensor names onto it; the graph builder (`graph/`) knows nothing else.
 */

/** A tensor of the checkpoint by its stored name, with the shape it must have. */
export interface WeightRef {
  tensor: string;
  shape: number[];
}

/**
 * y = x W (+ b). Layouts: `out-in` is torch's Linear `[out, in]`, `in-out` is GPT-2's Conv1D `[in, out]`, `heads` is
 * TransformerLens's `[n_heads, in, d_head]` (for W_O: `[n_heads, d_head, out]`). A bias is `[out]`, with `heads`
 * `[n_heads, d_head]` (for W_O `[d_model]`).
 */
export interface Linear {
  weight: WeightRef;
  layout: 'out-in' | 'in-out' | 'heads';
  bias?: WeightRef;
}

/** One matrix for Q, K and V. Output columns are `[3, head, d_head]` (`qkv-head`, GPT-2) or `[head, 3, d_head]` (`head-qkv`, NeoX). */
export interface FusedQkv {
  kind: 'fused';
  linear: Linear;
  order: 'qkv-head' | 'head-qkv';
}
export interface SeparateQkv {
  kind: 'separate';
  q: Linear;
  /** nKeyValueHeads * dHead columns. */
  k: Linear;
  v: Linear;
}

/** Weights of a norm; none for TransformerLens's `LNPre` (centre and scale only). */
export interface NormWeights {
  weight?: WeightRef;
  bias?: WeightRef;
}

export type Activation = 'gelu' | 'gelu_new' | 'silu' | 'relu';

export interface Mlp {
  act: Activation;
  /** SwiGLU: act(x W_gate) * (x W_in). */
  gate?: Linear;
  in: Linear;
  out: Linear;
}

export interface Layer {
  /** Absent: no norm. */
  ln1?: NormWeights;
  qkv: FusedQkv | SeparateQkv;
  out: Linear;
  /** Absent: attention only. */
  ln2?: NormWeights;
  mlp?: Mlp;
  /** scores = q·k / attnScale; usually sqrt(dHead). */
  attnScale: number;
  /** A destination sees itself and the `window - 1` tokens before it. Absent: all. */
  window?: number;
}

export type RopeScaling =
  | { kind: 'linear'; factor: number }
  | { kind: 'llama3'; factor: number; lowFreqFactor: number; highFreqFactor: number; originalContext: number };

/** Rotary positions on the first `dims` of each head, pairs (i, i + dims/2). */
export interface Rotary {
  kind: 'rotary';
  dims: number;
  theta: number;
  scaling?: RopeScaling;
}

export type Positions =
  /** W_pos added to the residual stream. */
  | { kind: 'standard'; W_pos: WeightRef }
  /** W_pos added to the (normed) inputs of Q and K only. */
  | { kind: 'shortformer'; W_pos: WeightRef }
  | Rotary;

export interface ModelDescription {
  /** config.json's model_type. */
  architecture: string;
  nLayers: number;
  nHeads: number;
  /** Grouped-query attention: head h uses key/value head floor(h / (nHeads / nKeyValueHeads)). */
  nKeyValueHeads: number;
  dModel: number;
  dHead: number;
  /** 0: no MLP. */
  dMlp: number;
  nCtx: number;
  dVocab: number;
  norm: { kind: 'layer' | 'rms' | 'none'; eps: number };
  /** Attention and MLP read the same residual (GPT-J/NeoX); there is no hook_resid_mid. */
  parallel: boolean;
  positions: Positions;
  /** `[dVocab, dModel]` */
  W_E: WeightRef;
  layers: Layer[];
  lnFinal?: NormWeights;
  unembed: Linear;
  /** Sentences for the person, e.g. about config keys that change nothing here. */
  notices: string[];
}
