/** Gradients of the step's graph: against finite differences of a float64 loss, and against float64 gradients. */
import assert from 'node:assert/strict';
import { Tensor } from 'onnxruntime-node';
import { seededUniform } from '../../src/engine/circuits/random';
import { Session } from '../../src/engine/runtime/session';
import { emitGradientsOnly, emitStep } from '../../src/engine/train/mlsae/stepGraph';
import { ADAM, PARAMETERS, shapeOf, stepIo, type StepOptions } from '../../src/engine/train/mlsae/stepIo';
import { adamFeeds } from '../../src/engine/train/adam';
import { errorsOf, gradientsOf, lossOf, type Sae64 } from './support/naiveMlsaeStep';

type Options = StepOptions & { deadShare: number; seed: number };

/** The first gathers decoder rows, the second multiplies with all of them; 5 rows at once leave a remainder. */
const CASES: Record<string, Options> = {
  'few of many latents': { nInputs: 6, nLatents: 160, k: 2, layers: 2, tokens: 7, auxk: 0, deadSteps: 3, rows: 5, deadShare: 0, seed: 1 }, // prettier-ignore
  'many of few latents': { nInputs: 8, nLatents: 24, k: 5, layers: 3, tokens: 4, auxk: 0, deadSteps: 3, deadShare: 0, seed: 2 }, // prettier-ignore
  'dead latents': { nInputs: 6, nLatents: 160, k: 2, layers: 2, tokens: 7, auxk: 6, deadSteps: 3, rows: 5, deadShare: 0.3, seed: 3 }, // prettier-ignore
  'fewer dead latents than auxk': { nInputs: 6, nLatents: 40, k: 3, layers: 2, tokens: 5, auxk: 16, deadSteps: 3, deadShare: 0.1, seed: 4 }, // prettier-ignore
};

interface Problem {
  sae: Sae64;
  x: number[][][];
  last: bigint[];
  dead: boolean[];
}

function problemOf({ nInputs, nLatents, layers, tokens, deadSteps, deadShare, seed }: Options): Problem {
  const uniform = seededUniform(seed);
  const float = (scale: number): number => Math.fround(scale * (2 * uniform() - 1));
  const matrix = (rows: number, scale: number): number[][] =>
    Array.from({ length: rows }, () => Array.from({ length: nInputs }, () => float(scale)));
  const decoder = matrix(nLatents, 1).map((row) => {
    const norm = Math.hypot(...row);
    return row.map((v) => Math.fround(v / norm));
  });
  const sae = { encoder: matrix(nLatents, 0.7), decoder, bias: matrix(1, 0.2)[0]! };
  // layers of different size
  const x = Array.from({ length: layers }, (_, l) => matrix(tokens, 3 + 4 * l).map((row) => row.map((v) => v + 0.5)));
  const last = Array.from({ length: nLatents }, () => BigInt(uniform() < deadShare ? deadSteps : 1));
  return { sae, x, last, dead: last.map((steps) => steps >= deadSteps) };
}

function feedsOf(o: Options, { sae, x, last }: Problem): Record<string, Tensor> {
  const tensor = (values: number[], dims: number[]): Tensor => new Tensor('float32', Float32Array.from(values), dims);
  const parameters = PARAMETERS.map((name) => [name, tensor(sae[name].flat(), shapeOf(name, o))]);
  return {
    ...Object.fromEntries(parameters),
    [stepIo.x]: tensor(x.flat(2), [o.layers * o.tokens, o.nInputs]),
    [stepIo.last]: new Tensor('int64', BigInt64Array.from(last), [o.nLatents]),
  };
}

async function outputsOf(o: Options, problem: Problem): Promise<(name: string) => number[]> {
  const session = await Session.create(emitGradientsOnly(o), 'cpu');
  const out = await session.run(feedsOf(o, problem));
  await session.dispose();
  return (name) => Array.from(out[name]!.data as Float32Array, Number);
}

function close(actual: number[], expected: number[], what: string, tolerance: number): void {
  const size = Math.max(...expected.map(Math.abs));
  const off = Math.max(...expected.map((v, i) => Math.abs(v - actual[i]!)));
  assert.equal(actual.length, expected.length);
  assert.ok(size > 0, `${what} is zero`);
  assert.ok(off <= tolerance * size, `${what} is ${off / size} off`);
}

/** What lies along unit rows is removed. */
const across = (gradient: number[][], rows: number[][]): number[] =>
  gradient.flatMap((g, j) => {
    const along = g.reduce((total, v, i) => total + v * rows[j]![i]!, 0);
    return g.map((v, i) => v - along * rows[j]![i]!);
  });

for (const [name, o] of Object.entries(CASES)) {
  describe(`a step of an MLSAE with ${name}`, () => {
    const problem = problemOf(o);
    const { sae, x, dead } = problem;
    const options = { k: o.k, auxk: o.auxk, dead };
    const expected = lossOf(sae, x, options);
    const gradients = gradientsOf(sae, x, options);
    let out: (name: string) => number[];
    before(async () => (out = await outputsOf(o, problem)));

    it('measures what float64 measures', () => {
      close(out(stepIo.loss), [expected.loss], 'loss', 1e-5);
      close(out(stepIo.fvu), expected.fvu, 'FVU', 1e-5);
      assert.equal(o.deadShare > 0, expected.aux > 0);
      if (expected.aux > 0) close(out(stepIo.aux), [expected.aux], 'auxiliary loss', 1e-5);
      close(out(stepIo.l0), [expected.l0], 'L0', 1e-6);
      const next = problem.last.map((steps, j) => (expected.largest[j]! > 1e-3 ? 1 : Number(steps) + 1));
      assert.deepEqual(out(stepIo.next(stepIo.last)), next);
      assert.equal(out(stepIo.dead)[0], Math.fround(next.filter((n) => n >= o.deadSteps).length / o.nLatents));
    });

    it('has the gradients of float64', () => {
      close(out(stepIo.next('encoder')), gradients.encoder.flat(), 'encoder', 1e-5);
      close(out(stepIo.next('bias')), gradients.bias, 'bias', 1e-5);
      close(out(stepIo.next('decoder')), across(gradients.decoder, sae.decoder), 'decoder', 1e-5);
    });

    it('these are the slopes of the loss', () => {
      const errors = errorsOf(sae, x, o.k);
      const uniform = seededUniform(o.seed + 10);
      for (const parameter of PARAMETERS) {
        const rows = (of: Sae64): number[][] => (parameter === 'bias' ? [of.bias] : of[parameter]);
        for (let i = 0; i < 40; i++) {
          const row = Math.floor(uniform() * rows(sae).length);
          const column = Math.floor(uniform() * o.nInputs);
          const at = (shift: number): number => {
            const moved = structuredClone(sae);
            rows(moved)[row]![column]! += shift;
            return lossOf(moved, x, options, errors).loss;
          };
          const slope = (at(1e-6) - at(-1e-6)) / 2e-6;
          assert.ok(Math.abs(slope - rows(gradients)[row]![column]!) < 1e-7, `${parameter} ${row} ${column}`);
        }
      }
    });
  });
}

describe('a whole step of an MLSAE', () => {
  it('is Adam of the clipped gradient in float64, with unit rows of the decoder', async () => {
    const o = CASES['dead latents']!;
    const problem = problemOf(o);
    const { sae, x, dead } = problem;
    const gradients = gradientsOf(sae, x, { k: o.k, auxk: o.auxk, dead });
    const flat = { ...gradients, decoder: [across(gradients.decoder, sae.decoder)] };
    const by = PARAMETERS.map((name): [string, number[]] => [name, flat[name].flat()]);
    const norm = Math.sqrt(by.flatMap(([, v]) => v).reduce((total, v) => total + v * v, 0));
    const session = await Session.create(emitStep(o), 'cpu');
    const moments: Record<string, Tensor> = {};
    for (const name of PARAMETERS) {
      const shape = shapeOf(name, o);
      const numbers = (value: number): Tensor =>
        new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape);
      Object.assign(moments, { [stepIo.first(name)]: numbers(0.01), [stepIo.second(name)]: numbers(0.0004) });
    }
    const rate = 0.01;
    const out = await session.run({ ...feedsOf(o, problem), ...moments, ...adamFeeds(3, rate, ADAM) });
    await session.dispose();
    close(Array.from(out[stepIo.norm]!.data as Float32Array), [norm], 'norm', 1e-5);
    for (const [name, gradient] of by) {
      const before = sae[name as keyof Sae64].flat();
      const stepped = before.map((value, i) => {
        const g = gradient[i]! / Math.max(1, norm);
        const first = (0.9 * 0.01 + 0.1 * g) / (1 - 0.9 ** 3);
        const second = (0.999 * 0.0004 + 0.001 * g * g) / (1 - 0.999 ** 3);
        return value - (rate * first) / (Math.sqrt(second) + 6.25e-10);
      });
      const expected = name === 'decoder' ? unit(stepped, o.nInputs) : stepped;
      close(Array.from(out[stepIo.next(name)]!.data as Float32Array), expected, name, 1e-5);
    }
  });
});

const unit = (flat: number[], width: number): number[] =>
  flat.map((v, i) => v / Math.hypot(...flat.slice(i - (i % width), i - (i % width) + width)));
