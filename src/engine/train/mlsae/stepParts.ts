/** Codes, errors and gradients of a step, some rows at a time. */
import { DataType, type GraphBuilder, type Value } from '../../graph/builder';
import {
  AUX_WEIGHT,
  PARAMETERS,
  shapeOf,
  stepIo,
  type ParameterName,
  type StepOptions,
  type StepSizes,
} from './stepIo';

const STD_EPS = 1e-5;

/** Activations that are made at once: under 32 MiB glibc keeps the memory for the next run. */
const ACTIVATIONS = 7 * 2 ** 20;
/** Of a latent dictionary this many times k the rows of the decoder are gathered; else codes are multiplied with all of it. */
const GATHER_BELOW = 64;
/** Fewer rows make products slow. */
const LEAST_ROWS = 512;

const rowsAtOnce = ({ nLatents }: StepSizes): number => Math.max(LEAST_ROWS, Math.floor(ACTIVATIONS / nLatents));

/** Rows divided by their norms. */
export function unitRows(g: GraphBuilder, rows: Value): Value {
  const norm = g.op('Sqrt', [g.op('ReduceSumSquare', [rows, g.ints([-1])], { keepdims: 1 })]);
  return g.op('Div', [rows, norm]);
}

/** x̂ = (x − μ) / (s + 1e−5), s unbiased. `[row, n_inputs]` */
export function standardized(
  g: GraphBuilder,
  x: Value,
  nInputs: number,
): { centred: Value; std: Value; standard: Value } {
  const centred = g.op('Sub', [x, g.op('ReduceMean', [x, g.ints([-1])], { keepdims: 1 })]);
  const squares = g.op('ReduceSumSquare', [centred, g.ints([-1])], { keepdims: 1 });
  const std = g.op('Sqrt', [g.op('Div', [squares, g.floats([nInputs - 1])])]);
  return { centred, std, standard: g.op('Div', [centred, g.op('Add', [std, g.floats([STD_EPS])])]) };
}

interface Rows {
  from: number;
  to: number;
}

/** The active latents of some rows. */
interface Codes {
  /** `[row, k]` each */
  values: Value;
  indices: Value;
  rows: number;
  /** Their decoder rows, where they are few: measured, a quarter to a third of the time of a step. `[row, k, n_inputs]` */
  directions?: Value;
}

/** What is known of some rows after the forward pass. */
interface Chunk {
  codes: Codes;
  /** Σ (x − x̃)². `[row]` */
  squares: Value;
  /** Auxiliary codes and the error that they are to model; absent without dead latents. */
  aux?: { codes: Codes; error: Value };
  /** x̂ − b. `[row, n_inputs]` */
  input: Value;
}

/** Emits the parts of a step and adds up gradients. */
export class StepParts {
  /** Of x over tokens and features, unbiased. `[layer, 1]` */
  readonly variance: Value;
  private readonly centred: Value;
  private readonly std: Value;
  private readonly standard: Value;
  /** An error x̃ − x times it is the loss' gradient of the reconstruction before s and μ. `[row, 1]` */
  private readonly weight: Value;
  private readonly sums = new Map<string, Value>();

  constructor(
    private readonly g: GraphBuilder,
    private readonly sizes: StepOptions,
  ) {
    const { nInputs, layers, tokens } = sizes;
    const x = g.input(stepIo.x, DataType.FLOAT, [layers * tokens, nInputs]);
    for (const name of PARAMETERS) g.input(name, DataType.FLOAT, shapeOf(name, sizes));
    const { centred, std, standard } = standardized(g, x, nInputs);
    [this.centred, this.std, this.standard] = [centred, std, standard];
    const all = g.op('Reshape', [x, g.ints([layers, tokens * nInputs])]);
    const about = g.op('Sub', [all, g.op('ReduceMean', [all, g.ints([-1])], { keepdims: 1 })]);
    const squares = g.op('ReduceSumSquare', [about, g.ints([-1])], { keepdims: 1 });
    this.variance = this.scaled(squares, 1 / (tokens * nInputs - 1));
    const ofLayer = g.op('Div', [g.floats([2 / (tokens * nInputs * layers)]), this.variance]);
    const ofRow = g.op('Reshape', [g.op('Expand', [ofLayer, g.ints([layers, tokens])]), g.ints([layers * tokens, 1])]);
    this.weight = g.op('Mul', [ofRow, std]);
  }

  scaled(value: Value, by: number): Value {
    return this.g.op('Mul', [value, this.g.floats([by])]);
  }

  chunks(): Rows[] {
    const { layers, tokens, rows = rowsAtOnce(this.sizes) } = this.sizes;
    const all = layers * tokens;
    // as equal as they can be
    const size = Math.ceil(all / Math.ceil(all / rows));
    return Array.from({ length: Math.ceil(all / size) }, (_, i) => ({
      from: i * size,
      to: Math.min(all, (i + 1) * size),
    }));
  }

  /** Codes and errors of some rows; adds their gradients of the reconstruction's loss. */
  forward(rows: Rows, dead: Value | undefined): Chunk {
    const { g } = this;
    const { k, auxk } = this.sizes;
    const part = (value: Value): Value => g.op('Slice', [value, g.ints([rows.from]), g.ints([rows.to]), g.ints([0])]);
    const [standard, centred, std, weight] = [this.standard, this.centred, this.std, this.weight].map(part) as [
      ...[Value, Value, Value, Value],
    ];
    const input = g.op('Sub', [standard, 'bias']);
    const pre = g.op('Gemm', [input, 'encoder'], { transB: 1 });
    const codes = this.largest(pre, k, rows);
    const flat = g.op('Add', [this.decoded(codes), 'bias']);
    const error = g.op('Sub', [g.op('Mul', [flat, std]), centred]);
    const squares = g.op('ReduceSumSquare', [error, g.ints([-1])], { keepdims: 0 });
    const gradient = g.op('Mul', [error, weight]);
    this.backward(codes, gradient, input);
    this.add('bias', g.op('ReduceSum', [gradient, g.ints([0])], { keepdims: 0 }));
    const aux = dead && {
      codes: this.largest(g.op('Mul', [pre, dead]), auxk, rows),
      error: g.op('Sub', [standard, flat]),
    };
    return { codes, squares, input, ...(aux && { aux }) };
  }

  /** The `k` largest, at least 0. */
  private largest(pre: Value, k: number, { from, to }: Rows): Codes {
    const { g } = this;
    const [top, indices] = g.ops('TopK', [pre, g.ints([k])], 2, { axis: -1, largest: 1, sorted: 0 });
    const codes = { values: g.op('Relu', [top!]), indices: indices!, rows: to - from };
    if (this.sizes.nLatents < GATHER_BELOW * k) return codes;
    return { ...codes, directions: g.op('Gather', ['decoder', indices!], { axis: 0 }) };
  }

  /** Numbers of the codes' latents among zeros. `[row, n_latents]` */
  private spread({ indices, rows }: Codes, values: Value): Value {
    const { g } = this;
    const none = g.op('ConstantOfShape', [g.ints([rows, this.sizes.nLatents])]);
    return g.op('ScatterElements', [none, indices, values], { axis: 1 });
  }

  /** codes · W_dec. `[row, n_inputs]` */
  private decoded(codes: Codes): Value {
    const { g } = this;
    const { values, directions } = codes;
    if (!directions) return g.op('MatMul', [this.spread(codes, values), 'decoder']);
    const one = g.ints([1]);
    return g.op('Squeeze', [g.op('MatMul', [g.op('Unsqueeze', [values, one]), directions]), one]);
  }

  /** Adds the gradients of what reads `decoded(codes)`, given that of the product. */
  private backward(codes: Codes, gradient: Value, input: Value): void {
    const { g } = this;
    const zero = g.floats([0]);
    const dense = this.spread(codes, codes.values);
    const where = (values: Value, gradients: Value): Value =>
      g.op('Where', [g.op('Greater', [values, zero]), gradients, zero]);
    let ofCodes: Value;
    if (codes.directions) {
      const last = g.ints([2]);
      const products = g.op('MatMul', [codes.directions, g.op('Unsqueeze', [gradient, last])]);
      ofCodes = this.spread(codes, where(codes.values, g.op('Squeeze', [products, last])));
    } else ofCodes = where(dense, g.op('Gemm', [gradient, 'decoder'], { transB: 1 }));
    this.addProduct('decoder', dense, gradient);
    this.addProduct('encoder', ofCodes, input);
    this.add('codes', g.op('ReduceSum', [ofCodes, g.ints([0])], { keepdims: 1 }));
  }

  /**
   * How badly the largest dead latents model the error, over the error's variance about each row's mean; the error counts as
   * given. Adds the gradients.
   */
  auxiliary(chunks: Chunk[]): Value {
    const { g } = this;
    const total = (values: Value[]): Value =>
      values.map((value) => g.op('ReduceSumSquare', [value], { keepdims: 0 })).reduce((a, b) => g.op('Add', [a, b]));
    const errors = chunks.map(({ aux }) => aux!.error);
    const about = errors.map((error) =>
      g.op('Sub', [error, g.op('ReduceMean', [error, g.ints([-1])], { keepdims: 1 })]),
    );
    const spread = total(about);
    const left = chunks.map(({ aux }, i) => g.op('Sub', [this.decoded(aux!.codes), errors[i]!]));
    // both are means over as many numbers
    const weight = g.op('Div', [g.floats([2 * AUX_WEIGHT]), spread]);
    chunks.forEach(({ aux, input }, i) => this.backward(aux!.codes, g.op('Mul', [left[i]!, weight]), input));
    return g.op('Div', [total(left), spread]);
  }

  /** Adds aᵀ b. */
  private addProduct(name: string, a: Value, b: Value): void {
    const before = this.sums.get(name);
    this.sums.set(name, this.g.op('Gemm', before === undefined ? [a, b] : [a, b, before], { transA: 1 }));
  }

  private add(name: string, value: Value): void {
    const before = this.sums.get(name);
    this.sums.set(name, before === undefined ? value : this.g.op('Add', [before, value]));
  }

  /** Of the whole step. The decoder's are without what lies along its unit rows. */
  gradients(): Record<ParameterName, Value> {
    const { g, sums, sizes } = this;
    const decoder = sums.get('decoder')!;
    const along = g.op('ReduceSum', [g.op('Mul', [decoder, 'decoder']), g.ints([-1])], { keepdims: 1 });
    const throughCodes = g.op('Reshape', [g.op('MatMul', [sums.get('codes')!, 'encoder']), g.ints([sizes.nInputs])]);
    return {
      encoder: sums.get('encoder')!,
      decoder: g.op('Sub', [decoder, g.op('Mul', [along, 'decoder'])]),
      bias: g.op('Sub', [sums.get('bias')!, throughCodes]),
    };
  }
}
