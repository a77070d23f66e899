/** Small decoders as `.onnx` in forms that checkpoint folders do not come in, so that no second door leads to them. */
import { join } from 'node:path';
import { gaussian, tempFolder } from './files';
import { DataType, MICROSOFT, OnnxWriter } from './foreign/writer';

export interface ForeignVariant {
  /** How attention's and the MLP's outputs are added to the stream. */
  sum?: 'sequential' | 'outputs first' | 'attention first' | 'MLP first';
  /** MLP and attention read one norm (GPT-J). */
  sharedNorm?: boolean;
  qkv?: 'separate' | 'grouped';
  /** gate and up are one projection. */
  gateUp?: boolean;
  activation?: 'Relu' | 'Tanh';
  /** Biases inside FastGelu and SkipLayerNormalization, as ONNX Runtime's optimiser leaves them. */
  fusedBiases?: boolean;
  positions?: 'table' | 'interleaved' | 'none';
  /** Rows of the table before that of position 0 (OPT: 2). */
  offset?: number;
  /** What the token embedding, queries, scores, the last layer's attention output go through. */
  embed?: number | 'normed';
  queries?: 'normed' | 'scaled' | 'in blocks';
  softcap?: number;
  /** Mixed values are flattened as `[d_head, head]`. */
  headsLast?: boolean;
  lastOut?: number;
}

export const SIZES = { nLayers: 2, nHeads: 4, dModel: 20, dHead: 6, dMlp: 28, dVocab: 23, nCtx: 16, rotary: 4 };
const { nLayers, nHeads, dModel, dHead, dMlp, dVocab, nCtx, rotary } = SIZES;

export interface WrittenLayer {
  /** `[d_model, head * d_head]`, for k and v of `nKeyValueHeads`. */
  q: Float64Array;
  k: Float64Array;
  v: Float64Array;
  /** `[head * d_head, d_model]` */
  o: Float64Array;
  gate?: Float64Array;
  up: Float64Array;
}
export interface Written {
  file: string;
  nKeyValueHeads: number;
  layers: WrittenLayer[];
  W_E: Float64Array;
  W_pos?: Float64Array;
}

export function writeVariant(variant: ForeignVariant): Written {
  return new VariantWriter(variant).write();
}

class VariantWriter {
  private readonly w = new OnnxWriter(17);
  private seed = 1;
  private readonly ids = this.w.input('input_ids', DataType.INT64, ['batch', 'sequence']);
  private readonly n = this.w.slice(this.w.op('Shape', [this.ids]), 1, 2, 0);
  private readonly range = this.w.op('Range', [
    this.w.ints([0], []),
    this.w.withAxes('Squeeze', this.n, [0]),
    this.w.ints([1], []),
  ]);
  private readonly mask = this.causal();
  private readonly nKeyValueHeads: number;

  constructor(private readonly v: ForeignVariant) {
    this.nKeyValueHeads = v.qkv === 'grouped' ? 2 : nHeads;
  }

  write(): Written {
    const { w, v } = this;
    const tokens = this.matrix(dVocab, dModel, 1);
    let x = w.op('Gather', [tokens.value, this.ids]);
    if (v.embed === 'normed') x = this.norm(x);
    else if (v.embed !== undefined) x = w.op('Mul', [x, w.floats([v.embed])]);
    const isTable = (v.positions ?? 'table') === 'table';
    const table = isTable ? this.matrix(nCtx + (v.offset ?? 0), dModel, 1) : undefined;
    if (table) {
      const at = w.op('Add', [this.range, w.ints([v.offset ?? 0], [])]);
      x = w.op('Add', [x, w.withAxes('Unsqueeze', w.op('Gather', [table.value, at]), [0])]);
    }
    const layers: WrittenLayer[] = [];
    for (let l = 0; l < nLayers; l++) {
      const { layer, after } = this.block(x, l);
      layers.push(layer);
      x = after;
    }
    const logits = w.op('MatMul', [this.norm(x), this.matrix(dModel, dVocab).value]);
    w.output(logits, 'logits', DataType.FLOAT, ['batch', 'sequence', dVocab]);
    const file = w.save(join(tempFolder(), 'model.onnx'), 'inside');
    return { file, nKeyValueHeads: this.nKeyValueHeads, layers, W_E: tokens.data, ...(table && { W_pos: table.data }) };
  }

  private block(x: string, l: number): { layer: WrittenLayer; after: string } {
    const { w, v } = this;
    const read = this.norm(x);
    const { attn, ...weights } = this.attention(read, l);
    const { sum = 'sequential' } = v;
    const second = v.fusedBiases ? this.skipNorm(x, attn) : undefined;
    const mid = second?.sum ?? (sum === 'sequential' ? w.op('Add', [attn, x]) : x);
    const { out, ...more } = this.mlp(v.sharedNorm ? read : (second?.x ?? this.norm(mid)));
    const add = (a: string, b: string): string => w.op('Add', [a, b]);
    const after = {
      sequential: () => add(mid, out),
      'outputs first': () => add(add(out, attn), x),
      'attention first': () => add(add(x, attn), out),
      'MLP first': () => add(attn, add(out, x)),
    }[sum]();
    return { layer: { ...weights, ...more }, after };
  }

  private attention(x: string, l: number): { attn: string } & Pick<WrittenLayer, 'q' | 'k' | 'v' | 'o'> {
    const { w, v, nKeyValueHeads: kv } = this;
    const sizes = [nHeads * dHead, kv * dHead, kv * dHead];
    const parts = sizes.map((size) => gaussian(dModel * size, this.seed++, 1 / Math.sqrt(dModel)));
    const projected =
      v.qkv === 'grouped'
        ? w.split(w.op('MatMul', [x, w.floats(beside(parts, sizes), [dModel, sum(sizes)])]), sizes, 2)
        : parts.map((data, i) => {
            if (v.queries === 'in blocks' && i === 0) return this.inBlocks(x, sizes[0]!);
            return this.biased(w.op('MatMul', [x, w.floats(data, [dModel, sizes[i]!])]), sizes[i]!);
          });
    const [q, k, values] = projected.map((each, i) => this.heads(each, i === 0 ? nHeads : kv)) as [
      string,
      string,
      string,
    ];
    const keys = w.op('Transpose', [this.repeated(this.turned(k))], { perm: [0, 1, 3, 2] });
    let scores = w.op('MatMul', [this.turned(this.changedQueries(q)), keys]);
    if (v.queries !== 'scaled') scores = w.op('Mul', [scores, w.floats([dHead ** -0.5])]);
    if (v.softcap !== undefined) {
      const cap = w.floats([v.softcap]);
      scores = w.op('Mul', [w.op('Tanh', [w.op('Div', [scores, cap])]), cap]);
    }
    const pattern = w.op('Softmax', [w.op('Add', [scores, this.mask])], { axis: -1 });
    const perm = v.headsLast ? [0, 2, 3, 1] : [0, 2, 1, 3];
    const z = w.op('Transpose', [w.op('MatMul', [pattern, this.repeated(values)])], { perm });
    const o = this.matrix(nHeads * dHead, dModel);
    const flat = w.op('Reshape', [z, w.ints([0, 0, nHeads * dHead])]);
    const product = w.op('MatMul', [flat, o.value]);
    let attn = v.fusedBiases ? product : this.biased(product, dModel);
    if (v.lastOut !== undefined && l === nLayers - 1) attn = w.op('Mul', [attn, w.floats([v.lastOut])]);
    return { attn, q: parts[0]!, k: parts[1]!, v: parts[2]!, o: v.headsLast ? headsFirst(o.data) : o.data };
  }

  /** 4 bits a weight, a scale for each 16. */
  private inBlocks(x: string, out: number): string {
    const blocks = Math.ceil(dModel / 16);
    const weights = Uint8Array.from({ length: out * blocks * 8 }, (_, i) => (i * 37 + 11) % 256);
    const inputs = [x, this.w.tensor(DataType.UINT8, [out, blocks, 8], weights), this.vector(out * blocks)];
    return this.w.op('MatMulNBits', inputs, { K: dModel, N: out, bits: 4, block_size: 16 }, MICROSOFT);
  }

  private changedQueries(q: string): string {
    const { w, v } = this;
    if (v.queries === 'scaled') return w.op('Mul', [q, w.floats([dHead ** -0.5])]);
    if (v.queries !== 'normed') return q;
    const mean = w.withAxes('ReduceMean', w.op('Mul', [q, q]), [-1], { keepdims: 1 });
    return w.op('Div', [q, w.op('Sqrt', [w.op('Add', [mean, w.floats([1e-6])])])]);
  }

  /** Rotary positions on interleaved pairs (GPT-J). */
  private turned(x: string): string {
    const { w, v } = this;
    if (v.positions !== 'interleaved') return x;
    const inverse = w.floats(
      Array.from({ length: rotary }, (_, i) => 100 ** (-(i - (i % 2)) / rotary)),
      [rotary],
    );
    const at = w.withAxes('Unsqueeze', w.op('Cast', [this.range], { to: DataType.FLOAT }), [1]);
    const angles = w.op('Mul', [at, inverse]);
    const [rot, rest] = w.split(x, [rotary, dHead - rotary], 3) as [string, string];
    const even = (from: number): string => w.op('Gather', [rot, w.ints([from, from + 2])], { axis: 3 });
    const pairs = [w.op('Neg', [even(1)]), even(0)].map((part) => w.withAxes('Unsqueeze', part, [4]));
    const swapped = w.op('Reshape', [w.op('Concat', pairs, { axis: 4 }), w.ints([0, 0, 0, rotary])]);
    const [a, b] = [w.op('Mul', [rot, w.op('Cos', [angles])]), w.op('Mul', [swapped, w.op('Sin', [angles])])];
    return w.op('Concat', [w.op('Add', [a, b]), rest], { axis: 3 });
  }

  private mlp(x: string): { out: string } & Pick<WrittenLayer, 'gate' | 'up'> {
    const { w, v } = this;
    const down = this.matrix(dMlp, dModel).value;
    if (!v.gateUp) {
      const up = this.matrix(dModel, dMlp);
      const product = w.op('MatMul', [x, up.value]);
      const post = v.fusedBiases
        ? w.op('FastGelu', [product, this.vector(dMlp)], {}, MICROSOFT)
        : w.op(v.activation ?? 'Relu', [this.biased(product, dMlp)]);
      return { out: this.biased(w.op('MatMul', [post, down]), dModel), up: up.data };
    }
    const [gate, up] = [0, 1].map(() => gaussian(dModel * dMlp, this.seed++, 0.3)) as [Float64Array, Float64Array];
    const both = w.floats(beside([gate, up], [dMlp, dMlp]), [dModel, 2 * dMlp]);
    const [g, u] = w.split(w.op('MatMul', [x, both]), [dMlp, dMlp], 2) as [string, string];
    const post = w.op('Mul', [u, w.op('Mul', [g, w.op('Sigmoid', [g])])]);
    return { out: w.op('MatMul', [post, down]), gate, up };
  }

  private norm(x: string): string {
    const { w } = this;
    const gain = gaussian(dModel, this.seed++, 0.3).map((value) => 1 + value);
    return w.op('LayerNormalization', [x, w.floats(gain, [dModel]), this.vector(dModel)], {
      axis: -1,
      epsilon: { float: 1e-5 },
    });
  }

  /** The residual stream comes first, its bias is the product's. */
  private skipNorm(x: string, product: string): { sum: string; x: string } {
    const inputs = [x, product, this.vector(dModel), this.vector(dModel), this.vector(dModel)];
    const attributes = { epsilon: { float: 1e-5 } };
    const outputs = this.w.ops('SkipLayerNormalization', inputs, 4, attributes, MICROSOFT);
    return { x: outputs[0]!, sum: outputs[3]! };
  }

  private heads(x: string, n: number): string {
    const { w } = this;
    return w.op('Transpose', [w.op('Reshape', [x, w.ints([0, 0, n, dHead])])], { perm: [0, 2, 1, 3] });
  }

  private repeated(x: string): string {
    const { w, nKeyValueHeads: kv } = this;
    const index = Array.from({ length: nHeads }, (_, h) => Math.floor((h * kv) / nHeads));
    return kv === nHeads ? x : w.op('Gather', [x, w.ints(index)], { axis: 1 });
  }

  /** `[n, n]` */
  private causal(): string {
    const { w } = this;
    const seen = w.op('Greater', [w.withAxes('Unsqueeze', this.range, [0]), w.withAxes('Unsqueeze', this.range, [1])]);
    return w.op('Where', [seen, w.floats([-1e9]), w.floats([0])]);
  }

  private matrix(rows: number, columns: number, scale = 1 / Math.sqrt(rows)): { value: string; data: Float64Array } {
    const data = gaussian(rows * columns, this.seed++, scale);
    return { value: this.w.floats(data, [rows, columns]), data };
  }

  private vector(size: number): string {
    return this.w.floats(gaussian(size, this.seed++, 0.2), [size]);
  }

  private biased(x: string, size: number): string {
    return this.w.op('Add', [x, this.vector(size)]);
  }
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

/** Rows `[d_head, head]` as `[head, d_head]`. */
const headsFirst = (o: Float64Array): Float64Array =>
  o.map((_, i) => {
    const [row, column] = [Math.floor(i / dModel), i % dModel];
    return o[((row % dHead) * nHeads + Math.floor(row / dHead)) * dModel + column]!;
  });

/** Matrices of as many rows side by side. */
function beside(parts: Float64Array[], sizes: number[]): number[] {
  const rows = parts[0]!.length / sizes[0]!;
  return Array.from({ length: rows }, (_, row) =>
    parts.flatMap((part, i) => Array.from(part.subarray(row * sizes[i]!, (row + 1) * sizes[i]!))),
  ).flat();
}
