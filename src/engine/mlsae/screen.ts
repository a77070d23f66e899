/** Codes of many rows, by candidates (screenGraph.ts). Results are the encoder's up to float32's rounding: 1e-7. */
import { Tensor } from 'onnxruntime-node';
import { DataType, GraphBuilder } from '../graph/builder';
import { Session } from '../runtime/session';
import { io } from './encodeGraph';
import type { Sae } from './sae';
import { emitCandidates, emitEncoderBytes, emitScreen, screenIo } from './screenGraph';

const LIMITS = {
  /** Candidates of each entry. Of a trained autoencoder two for each are needed, of random weights three. */
  perEntry: 3,
  /** Fewer latents for each entry: then the candidates cost what the screen saves (estimated from their rates). */
  latentsPerEntry: 512,
  /** Bounds that one run makes: under 32 MiB, as the encoder's activations. */
  bounds: 7 * 2 ** 20,
  /** Numbers of the encoder that one run gathers: 8 MiB (measured: fewer and more take longer). */
  gathered: 2 ** 21,
  /** Numbers of the encoder that are rounded at once: 32 MiB, of which there are several copies. */
  rounded: 2 ** 23,
  /** Numbers of the encoder, which are bytes in a graph: a message of protobuf has less than 2 GiB, and there are copies. */
  encoder: 2 ** 28,
  /** Share of rows that are not sure from which on the rest goes to the encoder. */
  unsure: 1 / 4,
};

/** By output name, as of the encoder's graph. `[row, …]` each */
export type CodeTensors = Record<string, Tensor>;

export interface ScreenRequest {
  /** `[row, n_inputs]` */
  x: Float32Array;
  /** The encoder itself, for rows whose candidates are not sure to have the k largest. */
  encode: (x: Float32Array) => Promise<CodeTensors>;
  /** Called before the run of a part, with its first row. */
  step: (row: number) => Promise<void>;
}

export class Screen {
  private constructor(
    private readonly sae: Sae,
    private readonly k: number,
    private readonly candidates: number,
    private readonly screen: Session,
    private readonly exact: Session,
    private readonly limits: typeof LIMITS,
  ) {}

  /** Whether it saves time for an autoencoder with `k` entries a row. */
  static isFor({ activate, nInputs, nLatents }: Sae, k: number, provider: string): boolean {
    const isRightSize = nLatents >= LIMITS.latentsPerEntry * k && nLatents * nInputs <= LIMITS.encoder;
    return provider === 'cpu' && activate.kind === 'topk' && isRightSize;
  }

  /**
   * @param limits others than the usual ones, so that tests can split few rows
   * @returns undefined where products of bytes are not exact
   */
  static async create(sae: Sae, k: number, limits: Partial<typeof LIMITS> = {}): Promise<Screen | undefined> {
    if (!(await areBytesExact())) return undefined;
    const all = { ...LIMITS, ...limits };
    const candidates = Math.min(sae.nLatents, all.perEntry * k);
    const screen = await Session.create(emitScreen(sae, await encoderBytes(sae, all.rounded), candidates), 'cpu', {
      arena: true,
    });
    const exact = await Session.create(emitCandidates(sae, k, candidates), 'cpu', { arena: true });
    return new Screen(sae, k, candidates, screen, exact, all);
  }

  /** @returns codes, and how many rows the encoder itself gave */
  async codes({ x, encode, step }: ScreenRequest): Promise<{ codes: CodeTensors; unsure: number }> {
    const { k } = this;
    const { nInputs, nLatents } = this.sae;
    const n = x.length / nInputs;
    const codes = this.empty(n);
    const values = codes[io.values]!.data as Float32Array;
    const chunk = Math.max(1, Math.floor(this.limits.bounds / nLatents));
    const unsure: number[] = [];
    for (let from = 0; from < n; from += chunk) {
      await step(from);
      const to = Math.min(n, from + chunk);
      const isScreened = unsure.length <= this.limits.unsure * from;
      const limits = isScreened && (await this.screened(x, from, to, codes));
      for (let row = from; row < to; row++)
        // written so that NaN is not sure
        if (!limits || !(values[(row + 1) * k - 1]! > limits[row - from]!)) unsure.push(row);
    }
    for (let from = 0; from < unsure.length; from += chunk) {
      const rows = unsure.slice(from, from + chunk);
      await step(rows[0]!);
      const part = new Float32Array(rows.length * nInputs);
      rows.forEach((row, i) => part.set(rowOf(x, row, nInputs), i * nInputs));
      const sure = await encode(part);
      for (const name of Object.keys(codes)) putRows(codes[name]!, sure[name]!, rows);
    }
    for (let i = 0; i < values.length; i++) if (values[i]! < 0) values[i] = 0;
    return { codes, unsure: unsure.length };
  }

  private empty(n: number): CodeTensors {
    const { k } = this;
    const column = (): Tensor => new Tensor('float32', new Float32Array(n), [n, 1]);
    return {
      [io.values]: new Tensor('float32', new Float32Array(n * k), [n, k]),
      [io.indices]: new Tensor('int32', new Int32Array(n * k), [n, k]),
      ...(this.sae.standardize && { [io.mean]: column(), [io.std]: column() }),
    };
  }

  /**
   * Puts the k largest of the candidates of rows [from, to) into `codes`; some may be negative.
   * @returns what no other latent's activation is above. `[row]`
   */
  private async screened(x: Float32Array, from: number, to: number, codes: CodeTensors): Promise<Float32Array> {
    const { candidates } = this;
    const { nInputs } = this.sae;
    const rows = (a: number, b: number): Tensor =>
      new Tensor('float32', x.subarray(a * nInputs, b * nInputs), [b - a, nInputs]);
    const screened = await this.screen.run({ [io.x]: rows(from, to) });
    const latents = screened[screenIo.candidates]!.data as Int32Array;
    const chunk = Math.max(1, Math.floor(this.limits.gathered / (candidates * nInputs)));
    for (let a = from; a < to; a += chunk) {
      const b = Math.min(to, a + chunk);
      const own = latents.subarray((a - from) * candidates, (b - from) * candidates);
      const part = await this.exact.run({
        [io.x]: rows(a, b),
        [screenIo.candidates]: new Tensor('int32', own, [b - a, candidates]),
      });
      for (const name of Object.keys(codes)) {
        const { data, dims } = codes[name]!;
        (data as Float32Array).set(part[name]!.data as Float32Array, a * dims[1]!);
      }
    }
    return screened[screenIo.limit]!.data as Float32Array;
  }

  async dispose(): Promise<void> {
    await this.screen.dispose();
    await this.exact.dispose();
  }
}

const rowOf = (values: Float32Array, row: number, width: number): Float32Array =>
  values.subarray(row * width, (row + 1) * width);

/** Row i of `from` becomes row `rows[i]` of `to`. */
function putRows(to: Tensor, from: Tensor, rows: number[]): void {
  const width = to.dims[1]!;
  rows.forEach((row, i) => (to.data as Float32Array).set(rowOf(from.data as Float32Array, i, width), row * width));
}

/** Rounded on all cores, where folding it into the screen's graph would take one and three times as long; part by part, as it takes several copies. */
async function encoderBytes(sae: Sae, numbers: number): Promise<{ weights: Int8Array; step: Float32Array }> {
  const { nInputs, nLatents } = sae;
  const session = await Session.create(emitEncoderBytes(sae), 'cpu', { once: true });
  const step = new Float32Array(nLatents);
  let weights = new Int8Array(0);
  const chunk = Math.max(1, Math.floor(numbers / nInputs));
  for (let from = 0; from < nLatents; from += chunk) {
    const to = Math.min(nLatents, from + chunk);
    const part = await session.run({ [io.from]: int64(from), [io.to]: int64(to) });
    const { data, dims } = part[screenIo.weights]!;
    const columns = dims[0]!;
    if (from === 0) weights = new Int8Array(columns * nLatents);
    for (let column = 0; column < columns; column++)
      weights.set(
        (data as Int8Array).subarray(column * (to - from), (column + 1) * (to - from)),
        column * nLatents + from,
      );
    step.set(part[screenIo.step]!.data as Float32Array, from);
  }
  await session.dispose();
  return { weights, step };
}

const int64 = (value: number): Tensor => new Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);

let exactness: Promise<boolean> | undefined;

/** x64 without VNNI adds two products of bytes in 16 bits, which saturate. Tried once, with the largest bytes. */
function areBytesExact(): Promise<boolean> {
  exactness ??= largestProduct().then(
    (found) => found === expectedProduct,
    () => false, // ONNX Runtime has no such product there
  );
  return exactness;
}

const PROBE = { rows: 32, inputs: 64, latents: 32, byte: 127 };
const expectedProduct = PROBE.inputs * PROBE.byte * PROBE.byte;

async function largestProduct(): Promise<number> {
  const { rows, inputs, latents, byte } = PROBE;
  const g = new GraphBuilder();
  const x = g.input(io.x, DataType.UINT8, [rows, inputs]);
  const weights = g.raw('weights', DataType.INT8, [inputs, latents], new Int8Array(inputs * latents).fill(byte));
  const zero = g.raw('zero', DataType.UINT8, [], Uint8Array.of(255 - byte));
  const y = g.op('MatMulIntegerToFloat', [x, weights, g.floats([1]), g.floats([1]), zero]);
  const graph = { ...g.build([{ name: y, dtype: DataType.FLOAT }]), outputs: [y], folder: '' };
  const session = await Session.create(graph, 'cpu', { threads: 1 });
  const x255 = new Tensor('uint8', new Uint8Array(rows * inputs).fill(255), [rows, inputs]);
  const { data } = (await session.run({ [io.x]: x255 }))[y]!;
  await session.dispose();
  return (data as Float32Array).reduce((a, b) => Math.min(a, b));
}
