/**
 * Values that stay on the device between the model and an autoencoder. Their graphs run on the CPU as well, and must give what the
 * usual ones give; CIRCUITSCOPE_TEST_PROVIDER=webgpu shows that they stay.
 */
import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Checkpoint } from '../../src/engine/checkpoint/checkpoint';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { keptName, RESID_OUT } from '../../src/engine/graph/names';
import { emitBlocks } from '../../src/engine/graph/transformer';
import { encodeIds } from '../../src/engine/mlsae/encodePrompt';
import { openSae } from '../../src/engine/mlsae/open';
import { createSaeRunner } from '../../src/engine/mlsae/runner';
import type { Encoded } from '../../src/engine/mlsae/types';
import { promptInputs } from '../../src/engine/runtime/inputs';
import { createRunner } from '../../src/engine/runtime/runner';
import { freeOnDevice, keepsOnDevice, Session } from '../../src/engine/runtime/session';
import { forWebgpu } from '../../src/engine/runtime/webgpu';
import { assertClose } from './support/closeness';
import { gaussian } from './support/files';
import { noSteps, openModel, openSample } from './support/models';
import { PROVIDER } from './support/provider';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { SAE_VARIANTS, writeRandomSae } from './support/randomSae';
import { variants } from './support/variants';

const N_INPUTS = 16;
const N_ROWS = 11;
const neox = variants.find(({ config }) => config.model_type === 'gpt_neox')!;
/** openSae reads no more of a model. */
const model = { name: 'random', description: { dModel: N_INPUTS, nLayers: 2 } } as unknown as Checkpoint;

/** `[row, column]` */
const numbers = (data: ArrayLike<number>): { shape: number[]; data: ArrayLike<number> } => ({
  shape: [data.length],
  data,
});

describe('rows that lie on a device', function () {
  this.timeout(PROVIDER === 'cpu' ? 10_000 : 300_000);
  const rows = Float32Array.from(gaussian(2 * N_ROWS * N_INPUTS, 5), (value) => value * 2 + 0.5);
  const half = N_ROWS * N_INPUTS;
  const kept = [0, 1].map(
    (part) => new Tensor('float32', rows.slice(part * half, (part + 1) * half), [N_ROWS, N_INPUTS]),
  );

  for (const variant of SAE_VARIANTS.filter(({ tunedLens }) => !tunedLens))
    for (const codesOnly of [false, true])
      it(`are encoded like any: ${variant.name}${codesOnly ? ', codes only' : ''}`, async () => {
        const { folder } = writeRandomSae(variant, { nInputs: N_INPUTS, layer: 1 });
        const sae = await openSae(folder, model);
        const runner = createSaeRunner(sae, PROVIDER, { limits: { rows: 4 } });
        const request = { rows, layer: 1, codesOnly };
        const [plain, there] = [await runner.encode(request), await runner.encode({ ...request, kept })];
        await runner.dispose();
        assert.deepEqual(there.indices, plain.indices);
        for (const name of ['values', 'l0', 'l1', 'scale'] as (keyof Encoded)[])
          assertClose(name, numbers(there[name] as Float32Array), numbers(plain[name] as Float32Array), 1e-6);
        if (codesOnly) assert.ok(there.squaredError.every(Number.isNaN));
        else assertClose('squared error', numbers(there.squaredError), numbers(plain.squaredError), 1e-5);
      });
});

describe('a run’s kept values', function () {
  this.timeout(PROVIDER === 'cpu' ? 10_000 : 300_000);
  const hooks = ['blocks.0.hook_resid_post', 'blocks.1.hook_resid_post'];
  const ids = [1, 4, 2, 2, 7];

  it('are the hooks’ own', async () => {
    const checkpoint = await openCheckpoint(writeRandomCheckpoint(neox).folder);
    const graph = emitBlocks(checkpoint, { from: 0, to: 2, hooks, kept: hooks, residOut: true, residStays: true });
    assert.deepEqual(graph.device, [...hooks.map(keptName), RESID_OUT]);
    const session = await Session.create(graph, 'cpu');
    const out = await session.run(promptInputs(checkpoint.description, ids));
    for (const hook of hooks) assert.deepEqual(out[keptName(hook)]!.data, out[hook]!.data);
    await session.dispose();
  });

  it('stay where the provider can, and there only', async () => {
    const { runner } = await openModel(writeRandomCheckpoint(neox).folder);
    const result = await runner.run({ ids, hooks, keep: hooks });
    assert.deepEqual(Object.keys(result.kept ?? {}), keepsOnDevice(PROVIDER) ? hooks : []);
    for (const tensor of Object.values(result.kept ?? {})) {
      assert.equal(tensor.location, 'gpu-buffer');
      freeOnDevice(tensor);
    }
    await runner.dispose();
  });

  it('give a text’s latents like rows that came back', async () => {
    const model = await openSample('neox-6l');
    const sae = await openSae(`${model.checkpoint.path}/../mlsae-neox-6l-x16-k16`, model.checkpoint);
    const saeRunner = createSaeRunner(sae, PROVIDER);
    const open = { sae, saeRunner, model };
    const there = (await encodeIds(open, ids, noSteps)).encoded;
    // with reconstructions everything comes back
    const plain = (await encodeIds(open, ids, noSteps, { recons: true })).encoded;
    assert.deepEqual(there.indices, plain.indices);
    assertClose('values', numbers(there.values), numbers(plain.values), 1e-6);
    assertClose('squared error', numbers(there.squaredError), numbers(plain.squaredError), 1e-5);
    await Promise.all([saeRunner.dispose(), model.runner.dispose()]);
  });

  it('of few layers leave no session behind that more layers stumble over', async () => {
    const checkpoint = await openCheckpoint(writeRandomCheckpoint(neox).folder);
    const options = { providers: [PROVIDER], log: (): void => undefined };
    const [split, whole] = [
      await createRunner(checkpoint, { ...options, limits: { segmentBytes: 1 } }),
      await createRunner(checkpoint, options),
    ];
    await split.run({ ids, hooks: hooks.slice(0, 1) });
    const [one, other] = [await split.run({ ids, hooks }), await whole.run({ ids, hooks })];
    for (const hook of hooks) assertClose(hook, one.hooks[hook]!, other.hooks[hook]!, 1e-6);
    await Promise.all([split.dispose(), whole.dispose()]);
  });
});

describe('what WebGPU gets instead', () => {
  /** Both operators on rows whose exponentials overflow float32. */
  function graph(): Uint8Array {
    const g = new GraphBuilder();
    const x = g.input('x', DataType.FLOAT, ['row', 3]);
    const outputs = {
      sums: g.op('ReduceLogSumExp', [x, g.ints([-1])], { keepdims: 0 }),
      kept: g.op('ReduceLogSumExp', [x, g.ints([-1])], { keepdims: 1 }),
      rows: g.op('LogSoftmax', [x], { axis: -1 }),
      columns: g.op('LogSoftmax', [x], { axis: 0 }),
    };
    for (const [name, value] of Object.entries(outputs)) g.alias(value, name);
    return g.build(Object.keys(outputs).map((name) => ({ name, dtype: DataType.FLOAT }))).bytes;
  }

  it('is the same in numbers', async () => {
    const data = Float32Array.of(1, 2, 3, 300, 200, -100, -4, 0, -4);
    const feeds = { x: new Tensor('float32', data, [3, 3]) };
    const [plain, spelledOut] = await Promise.all(
      [graph(), forWebgpu(graph())].map(async (bytes) => {
        const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
        const out = await session.run(feeds);
        await session.release();
        return out;
      }),
    );
    for (const [name, { dims, data: values }] of Object.entries(plain!)) {
      const other = spelledOut![name]!;
      const actual = { shape: [...other.dims], data: other.data as Float32Array };
      assertClose(name, actual, { shape: [...dims], data: values as Float32Array }, 1e-6);
    }
    assert.equal(plain!['kept']!.dims.join(), '3,1');
  });

  it('has neither operator; what has none is left as it is', () => {
    const text = Buffer.from(forWebgpu(graph())).toString('latin1');
    assert.ok(!/ReduceLogSumExp"|LogSoftmax"/.test(text) && text.includes('ReduceMax'));
    const g = new GraphBuilder();
    g.alias(g.op('Exp', [g.input('x', DataType.FLOAT, [2])]), 'y');
    const { bytes } = g.build([{ name: 'y', dtype: DataType.FLOAT }]);
    assert.equal(forWebgpu(bytes), bytes);
  });
});
