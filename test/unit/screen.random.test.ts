/** Candidates of many latents (screenGraph.ts): what they leave out, and the codes, against float64 code of the tests' own. */
import assert from 'node:assert/strict';
import { Tensor } from 'onnxruntime-node';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { emitEncode, io } from '../../src/engine/mlsae/encodeGraph';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import type { Sae } from '../../src/engine/mlsae/sae';
import { Screen, type CodeTensors, type ScreenRequest } from '../../src/engine/mlsae/screen';
import { emitEncoderBytes, emitScreen, screenIo } from '../../src/engine/mlsae/screenGraph';
import type { Encoded } from '../../src/engine/mlsae/types';
import { Session } from '../../src/engine/runtime/session';
import { assertClose } from './support/closeness';
import { gaussian, tempFolder, writeFile, writeTensors } from './support/files';
import { encode64, SAE_VARIANTS, writeRandomSae, type RandomSae, type SaeVariant } from './support/randomSae';

const [N_INPUTS, N_LATENTS, K, N_ROWS] = [24, 720, 5, 60];
/** Latents may change places where activations are nearer than this. */
const TIE = 1e-5;

const model = (dModel: number): Checkpoint =>
  ({ name: 'random', description: { dModel, nLayers: 2 } }) as unknown as Checkpoint;
/** Small, shifted and plain rows, some with one input far above the others, as in the residual streams of large models. */
const rows = Float32Array.from(gaussian(N_ROWS * N_INPUTS, 77), (value, i) => {
  const row = Math.floor(i / N_INPUTS);
  if (row % 5 === 4 && i % N_INPUTS === 3) return 40;
  return row % 5 === 0 ? value * 1e-3 : row % 5 === 1 ? 100 + value : value;
});

const floats = Array.from({ length: N_ROWS }, (_, r) => rows.subarray(r * N_INPUTS, (r + 1) * N_INPUTS));

interface Ran extends Awaited<ReturnType<Screen['codes']>> {
  /** Rows that the encoder itself was asked for. */
  asked: number;
}

/** Codes by candidates, the encoder's own graph behind them. */
async function screened(
  sae: Sae,
  k: number,
  x: Float32Array,
  { step, limits }: { step?: ScreenRequest['step']; limits?: Parameters<typeof Screen.create>[2] } = {},
): Promise<Ran> {
  const encoder = await Session.create(emitEncode(sae, k, { decode: false }), 'cpu');
  const screen = await Screen.create(sae, k, limits);
  assert.ok(screen, 'this machine multiplies bytes exactly');
  let asked = 0;
  const encode = async (part: Float32Array): Promise<CodeTensors> => {
    asked += part.length / sae.nInputs;
    return encoder.run({ [io.x]: new Tensor('float32', part, [part.length / sae.nInputs, sae.nInputs]) });
  };
  const ran = await screen.codes({ x, encode, step: step ?? (async () => undefined) });
  await screen.dispose();
  await encoder.dispose();
  return { ...ran, asked };
}

/** Each row has the k largest activations, largest first, and 0 for what is below. */
function checkCodes({ values, indices }: Pick<Encoded, 'values' | 'indices'>, z: number[][], k: number): void {
  z.forEach((row, r) => {
    const order = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, k);
    const wanted = order.map((latent) => row[latent]!);
    assertClose(`row ${r}`, { shape: [k], data: values.slice(r * k, (r + 1) * k) }, { shape: [k], data: wanted });
    order.forEach((latent, i) => {
      const isAlone = row.every((other, j) => j === latent || Math.abs(other - row[latent]!) > TIE);
      if (row[latent]! > 0 && isAlone) assert.equal(indices[r * k + i], latent, `entry ${i} of row ${r}`);
    });
  });
}

const codesOf = (codes: CodeTensors): Pick<Encoded, 'values' | 'indices'> => ({
  values: codes[io.values]!.data as Float32Array,
  indices: codes[io.indices]!.data as Int32Array,
});

describe('codes by candidates', () => {
  const topk = SAE_VARIANTS.filter(({ activation, tunedLens }) => activation === 'topk' && !tunedLens);
  const variants: SaeVariant[] = topk.map((variant) => ({ ...variant, k: variant.k === 20 ? 500 : K }));
  for (const variant of variants)
    it(`are those of float64: ${variant.name}`, async () => {
      const random = writeRandomSae(variant, { nInputs: N_INPUTS, nLatents: N_LATENTS });
      const sae = await openSae(random.folder, model(N_INPUTS));
      const wanted = encode64(random.sae, floats, 1);
      // in parts, of which the candidates' are smaller
      const limits = { bounds: 25 * N_LATENTS, gathered: 7 * 3 * K * N_INPUTS, rounded: 100 * N_INPUTS };
      const { codes, unsure, asked } = await screened(sae, random.sae.k, rows, { limits });
      checkCodes(codesOf(codes), wanted.z, random.sae.k);
      assert.equal(asked, unsure);
      assert.ok(unsure < N_ROWS / 2, `${unsure} of ${N_ROWS} rows were not sure`);
      const std = codes[io.std];
      assert.equal(std !== undefined, variant.standardize === true);
      if (std) assertClose('std', { shape: [N_ROWS], data: std.data as Float32Array }, { shape: [N_ROWS], data: wanted.scale }); // prettier-ignore
    });

  it('are the encoder’s own where latents are too near each other to tell', async () => {
    const random = writeRandomSae(SAE_VARIANTS[0]!, { nInputs: N_INPUTS, nLatents: N_LATENTS });
    const { encoder } = random.sae;
    // all rows of the encoder point the same way but for less than a step
    const near = encoder.map((row) => encoder[0]!.map((value, i) => value + 1e-4 * row[i]!));
    const sae = await openSae(rewritten(random.folder, near), model(N_INPUTS));
    const encoding = await Session.create(emitEncode(sae, K, { decode: false }), 'cpu');
    const whole = await encoding.run({ [io.x]: new Tensor('float32', rows, [N_ROWS, N_INPUTS]) });
    await encoding.dispose();
    const { codes, unsure } = await screened(sae, K, rows);
    // where the direction is against it all are negative, and one as good as another
    assert.ok(unsure > N_ROWS / 2, `${unsure} of ${N_ROWS} rows were not sure`);
    const [own, all] = [codesOf(codes), codesOf(whole)];
    assertClose('values', { shape: [N_ROWS * K], data: own.values }, { shape: [N_ROWS * K], data: all.values });
    assert.deepEqual(own.values.map(Math.sign), all.values.map(Math.sign));
  });

  it('go to the encoder without candidates after a part with too many rows that are not sure', async () => {
    const random = writeRandomSae(SAE_VARIANTS[0]!, { nInputs: N_INPUTS, nLatents: N_LATENTS });
    const near = random.sae.encoder.map((_, j) => random.sae.encoder[j % 2]!);
    const sae = await openSae(rewritten(random.folder, near), model(N_INPUTS));
    const steps: number[] = [];
    const run = Session.prototype.run;
    let looks = 0;
    Session.prototype.run = async function (this: Session, ...args) {
      const outputs = await run.apply(this, args);
      if (outputs[screenIo.limit]) looks++;
      return outputs;
    };
    const { unsure, asked } = await screened(sae, K, rows, {
      step: async (row) => void steps.push(row),
      limits: { bounds: 25 * N_LATENTS },
    }).finally(() => (Session.prototype.run = run));
    assert.equal(looks, 1);
    assert.deepEqual([unsure, asked], [N_ROWS, N_ROWS]);
    // parts of 25 rows: the first is looked at, three are encoded
    assert.deepEqual(steps, [0, 25, 50, 0, 25, 50]);
  });
});

/** The same autoencoder with another encoder. */
function rewritten(folder: string, encoder: number[][]): string {
  const [nLatents, nInputs] = [encoder.length, encoder[0]!.length];
  const out = tempFolder();
  const config = { n_inputs: nInputs, n_latents: nLatents, k: K, standardize: true };
  writeFile(`${out}/config.json`, config);
  const zeros = (...shape: number[]): { shape: number[]; data: Float64Array } => ({
    shape,
    data: new Float64Array(shape.reduce((a, b) => a * b)),
  });
  writeTensors(`${out}/model.safetensors`, {
    'encoder.weight': { shape: [nLatents, nInputs], data: Float64Array.from(encoder.flat()) },
    'decoder.weight': zeros(nInputs, nLatents),
    pre_encoder_bias: zeros(nInputs),
  });
  assert.ok(folder !== out);
  return out;
}

const int64 = (value: number): Tensor => new Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);

/** The largest bound of two latents, the second of which is nothing. */
async function bound(x: number[], w: number[], bias?: number): Promise<number> {
  const n = x.length;
  const folder = tempFolder();
  const sae = { d_in: n, num_latents: 2, k: 1, activation: 'topk', expansion_factor: 1, normalize_decoder: true };
  writeFile(`${folder}/layers.1/cfg.json`, { ...sae, multi_topk: false, skip_connection: false, transcode: false });
  const tensor = (shape: number[], data: number[]): { shape: number[]; data: Float64Array } => ({
    shape,
    data: Float64Array.from(data),
  });
  const zeros = new Array<number>(n).fill(0);
  writeTensors(`${folder}/layers.1/sae.safetensors`, {
    'encoder.weight': tensor([2, n], [...w, ...zeros]),
    'encoder.bias': tensor([2], [bias ?? 0, 0]),
    W_dec: tensor([2, n], [...zeros, ...zeros]),
    b_dec: tensor([n], zeros),
  });
  const opened = await openSae(`${folder}/layers.1`, model(n));
  const rounding = await Session.create(emitEncoderBytes(opened), 'cpu', { once: true });
  const { [screenIo.weights]: weights, [screenIo.step]: step } = await rounding.run({
    [io.from]: int64(0),
    [io.to]: int64(2),
  });
  await rounding.dispose();
  const bytes = { weights: weights!.data as Int8Array, step: step!.data as Float32Array };
  const screen = await Session.create(emitScreen(opened, bytes, 1), 'cpu');
  const found = await screen.run({ [io.x]: new Tensor('float32', Float32Array.from(x), [1, n]) });
  await screen.dispose();
  return (found[screenIo.limit]!.data as Float32Array)[0]!;
}

describe('the bound of an activation', () => {
  const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const norm = (a: number[]): number => Math.hypot(...a);
  const minus = (a: number[], b: number[]): number[] => a.map((value, i) => value - b[i]!);
  const inSteps = (a: number[]): number[] => {
    const step = Math.max(...a.map(Math.abs)) / 127;
    return a.map((value) => step * Math.round(value / step));
  };
  /** Above the activation, and above its bound as it is defined by no more than rounding norms up to bytes takes. */
  const check = (limit: number, x: number[], w: number[], bias = 0): void => {
    const [a, b] = [
      [...x, 1],
      [...w, bias],
    ];
    const [x8, w8] = [inSteps(a), inSteps(b)];
    const beside = norm(a) * norm(minus(b, w8)) + norm(minus(a, x8)) * norm(w8);
    const truth = dot(a, b);
    // the other latent is nothing, and its bound 0
    assert.ok(limit >= Math.max(0, truth), `${limit} is below ${truth}`);
    const most = Math.max(0, dot(x8, w8)) + 1.25 * beside;
    assert.ok(limit <= most, `${limit} is above ${most}, the activation is ${truth}`);
  };
  const sign = (i: number): number => ((i * i * 7 + 3) % 11 > 5 ? 1 : -1);
  /** Steps of 1: the largest is 127, the others are just below the half between two, so that rounding takes as much as it can. */
  const between = (n: number): number[] =>
    Array.from({ length: n }, (_, i) => (i === 0 ? 127 : sign(i) * ((i % 9) + 0.49)));
  const whole = (n: number): number[] => Array.from({ length: n }, (_, i) => (i === 0 ? 1 : sign(i)));

  for (const n of [8, 64, 251, 512, 1100]) {
    it(`of ${n} inputs holds, and is hardly wider than its definition, where all that rounding takes adds up`, async () => {
      for (const [x, w] of [
        [between(n), whole(n)],
        [whole(n), between(n)],
        [between(n).map((value) => value / 1000), whole(n).map((value) => value * 300)],
      ] as const) {
        check(await bound(x, w), x, w);
      }
    });
  }

  it('holds for a bias, and where what rounding takes goes both ways', async () => {
    for (let seed = 1; seed < 40; seed++) {
      const n = 3 + ((seed * 37) % 300);
      const [x, w] = [[...gaussian(n, seed)], [...gaussian(n, 1000 + seed)]];
      const bias = 5 * gaussian(1, 2000 + seed)[0]!;
      check(await bound(x, w, bias), x, w, bias);
    }
  });
});

describe('an autoencoder with many latents for each entry', () => {
  const written = (name: string, k: number): RandomSae =>
    writeRandomSae(
      { ...SAE_VARIANTS.find((each) => each.name === name)!, k },
      { nInputs: N_INPUTS, nLatents: N_LATENTS },
    );
  const plain = written('mlsae', 1);
  const encoded = async (
    screenedFrom: number,
    x = rows,
    { folder, tunedLens } = plain,
  ): Promise<{ result: Encoded; asked: number }> => {
    const sae = await openSae(folder, model(N_INPUTS), { tunedLens });
    const runner = createSaeRunner(sae, 'cpu', {
      limits: { screened: screenedFrom, rows: 16 },
    });
    const codes = Screen.prototype.codes;
    let asked = 0;
    Screen.prototype.codes = function (this: Screen, request) {
      asked++;
      return codes.call(this, request);
    };
    try {
      return { result: await runner.encode({ rows: x, layer: 1, recons: true }), asked };
    } finally {
      Screen.prototype.codes = codes;
      await runner.dispose();
    }
  };

  it('is screened from so many rows of a request on, with the same codes and reconstructions', async () => {
    const [by, whole] = [await encoded(N_ROWS), await encoded(N_ROWS + 1)];
    assert.deepEqual([by.asked, whole.asked], [1, 0]);
    assert.deepEqual(by.result.indices, whole.result.indices);
    for (const part of ['values', 'l0', 'l1', 'squaredError', 'scale', 'recons'] as const) {
      const [data, wanted] = [by.result[part]!, whole.result[part]!];
      assertClose(part, { shape: [data.length], data }, { shape: [wanted.length], data: wanted });
    }
  });

  it('is not screened with a tuned lens, which the screen does not look through, or with fewer latents for each entry', async () => {
    for (const [name, k] of [
      ['mlsae tuned lens', 1],
      ['mlsae', 2],
    ] as const) {
      const random = written(name, k);
      const { result, asked } = await encoded(1, rows, random);
      assert.equal(asked, 0, name);
      checkCodes(result, encode64(random.sae, floats, 1).z, k);
    }
  });

  it('is not screened where its bytes would not fit into a graph', async () => {
    const sae = await openSae(plain.folder, model(N_INPUTS));
    assert.equal(Screen.isFor(sae, 1, 'cpu'), true);
    assert.equal(Screen.isFor({ ...sae, nInputs: 4096, nLatents: 2 ** 16 }, 1, 'cpu'), true);
    assert.equal(Screen.isFor({ ...sae, nInputs: 4096, nLatents: 2 ** 17 }, 1, 'cpu'), false);
  });

  it('says where a row is not finite, as without', async () => {
    const x = rows.slice();
    x[7 * N_INPUTS + 2] = NaN;
    const messages: string[] = [];
    for (const from of [N_ROWS, N_ROWS + 1])
      await encoded(from, x).catch((error: unknown) => messages.push((error as Error).message));
    assert.equal(messages.length, 2);
    assert.equal(messages[0], messages[1]);
  });
});
