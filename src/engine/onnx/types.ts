/**
 * A foreign `.onnx` model: its graph, read without its weights, and what was found in it.
 * read.ts → expand.ts → attention.ts → residual.ts → weights.ts → open.ts; runner.ts runs it.
 */
import type { StoredTensor } from '../checkpoint/checkpoint';
import type { ModelProto, NodeProto, TensorProto_DataType as DataType } from '../graph/onnx_pb';

/** A small constant of the graph: an initializer, a Constant node, or what follows from such by folding. */
export interface Constant {
  dims: number[];
  values: number[];
}

/** A graph that can be asked who makes and who uses a value. Subgraphs (If, Loop) are not entered. */
export interface OnnxGraph {
  /** The `.onnx` file, symlinks resolved. */
  file: string;
  /** Every weight lies below this folder; locations of external data are relative to it. */
  folder: string;
  /** The graph without large weights: their initializers point to where the bytes lie (also inside the `.onnx` file itself). */
  model: ModelProto;
  /** Every initializer that lies in a file, by value name; small ones too (norms, biases and scales are weights). */
  tensors: ReadonlyMap<string, StoredTensor>;
  /** The node that makes a value; undefined for inputs and initializers. */
  producer(value: string): NodeProto | undefined;
  consumers(value: string): readonly NodeProto[];
  /** The numbers of a value that is constant and small (at most 4096 of them). */
  constant(value: string): Constant | undefined;
}

/**
 * A value of the graph that is one of our hooks. `axes` says in which order its numbers lie, `b` being the batch (of 1), `h` heads,
 * `j` key/value heads: `bhqk` a pattern, `bhpd` or `bpd` others, `bphd` before its transposition. The value's own shape may join or
 * split these axes; the runner brings it to the hook's own shape.
 */
export interface ForeignHook {
  value: string;
  axes: string;
  /** The hook is the scale by which a norm divides `value` (norms.ts `normScale`): `[pos, 1]`. */
  scaleOf?: { kind: 'layer' | 'rms'; eps: number };
}

/** One attention of the graph, in the order in which they are computed. */
export interface ForeignAttention {
  nHeads: number;
  /** Heads of the values before they are repeated; nHeads when none are. */
  nKeyValueHeads: number;
  dHead: number;
  /** Values by layer hook name (`attn.hook_pattern`, `attn.hook_attn_scores`, `attn.hook_v`, `attn.hook_z`, `attn.hook_q` …). */
  hooks: Record<string, ForeignHook>;
  /** The MatMul operands: q and k as they are multiplied (after rotary, perhaps scaled), v as it is mixed. */
  operands: { q: string; k: string; v: string };
  /** All scales between q·k and the softmax multiplied together: scores = q·k · scale, scales inside q and k included. */
  scale: number;
  /** No destination sees a source after it. */
  causal: boolean;
}

/** The residual stream: `[embed, after layer 0's attention, after its MLP, …]`. */
export interface ForeignResidual {
  /** Hooks without a layer (`hook_embed`, `hook_pos_embed`) and with one (`blocks.0.hook_resid_pre` …). */
  hooks: Record<string, ForeignHook>;
  parallel: boolean;
  dModel: number;
}

/** A hook that was checked: what its value is when the graph runs. */
export interface FoundHook extends ForeignHook {
  dtype: DataType;
  /** Sizes of those axes that do not follow from the prompt, by letter; key/value heads are `h`. */
  sizes: Record<string, number>;
  /** The value's own shape, which may join or split axes; a negative size counts tokens: −1 is the prompt's length, −2 twice that. */
  shape: number[];
}

/** What of a graph was recognised; `missing` has one sentence for each part that was not. */
export interface Foreign {
  graph: OnnxGraph;
  /** All hooks by full name, `logits` included when there are any. */
  hooks: ReadonlyMap<string, FoundHook>;
  inputs: ForeignInputs;
  missing: { residual?: string; weights?: string; logits?: string };
}

/** Roles of the graph's inputs; a role that the graph lacks is absent. */
export interface ForeignInputs {
  ids: string;
  attentionMask?: string;
  positionIds?: string;
  tokenTypeIds?: string;
  /** Past keys and values, fed empty: their dims with the past's length as 0. */
  past: { name: string; dims: number[]; dtype: number }[];
  /** Scalars of optimum's merged decoders: fed false. */
  useCacheBranch?: string;
  /** How many of the last tokens are unembedded: fed 0, which stands for all. */
  logitsToKeep?: string;
  /** A static length of the sequence, when the export has one: shorter prompts are padded after their end. */
  length?: number;
  /** Tokens see those after them: nothing may be padded. */
  bidirectional?: boolean;
}

/** A float value of the graph; other types are converted. */
export interface ProbeTensor {
  dims: number[];
  data: Float32Array;
}

/**
 * Values of the graph on a short prompt (one run of the graph, cut to them); rejects when it cannot run.
 * `given` values stand in the place of the graph's own, and nothing that only they needed is computed: weights.ts learns so
 * what lies between a projection and a head without reading operators.
 */
export type Probe = (values: string[], given?: Record<string, ProbeTensor>) => Promise<Record<string, ProbeTensor>>;
