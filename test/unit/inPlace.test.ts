/** Outputs that are written where they are read: nothing is copied, every number is that of a run that copies, failures are told. */
import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openCheckpoint } from '../../src/engine/checkpoint/open';
import { DataType, GraphBuilder, type Value } from '../../src/engine/graph/builder';
import { hookNames } from '../../src/engine/graph/hooks';
import { InPlace, withUnconverted, type Runs } from '../../src/engine/runtime/inPlace';
import { createRunner } from '../../src/engine/runtime/runner';
import type { ForwardResult } from '../../src/engine/runtime/types';
import { PROVIDER } from './support/provider';
import { writeRandomCheckpoint } from './support/randomCheckpoint';
import { variants } from './support/variants';

const bits = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/** How a model is run: whole, a block and a row of logits at a time, attention in blocks of rows (scores are whole or not there). */
const WAYS = {
  'all of it': {},
  'a block at a time': { segmentBytes: 1, heldPerRun: 1 },
  'in blocks of rows': { rowBlocks: [{ from: 4, blocks: 4 }] },
};

for (const variant of variants)
  describe(`outputs in place of ${variant.name}`, function () {
    this.timeout(20_000);
    const { folder } = writeRandomCheckpoint(variant);
    for (const [way, limits] of Object.entries(WAYS))
      it(`have the bits of the run that copies, while others are held: all hooks, ${way}`, async () => {
        const checkpoint = await openCheckpoint(folder);
        const runner = await createRunner(checkpoint, { providers: [PROVIDER], log: () => undefined, limits });
        const { dVocab } = checkpoint.description;
        const hooks = hookNames(checkpoint.description).filter(
          (name) => !('rowBlocks' in limits && name.endsWith('attn_scores')),
        );
        const prompts = [9, 5, 9, 5, 9].map((n, i) =>
          Array.from({ length: n }, (_, t) => (t * t * 5 + 3 * (i % 2)) % dVocab),
        );
        const held: ForwardResult[] = [];
        for (const ids of prompts) held.push(await runner.run({ ids, hooks, topK: 3 }));
        for (const [i, { hooks: values, next }] of held.entries()) {
          const first = held[i % 2]!;
          for (const hook of hooks) {
            assert.deepEqual(values[hook]!.shape, first.hooks[hook]!.shape, hook);
            assert.ok(bits(values[hook]!.data).equals(bits(first.hooks[hook]!.data)), `${hook} of run ${i}`);
          }
          assert.deepEqual(next, first.next);
        }
        await runner.dispose();
      });
  });

describe('outputs in place', () => {
  type Fetches = InferenceSession.FetchesType;
  interface Opened {
    run(feeds: Record<string, Tensor>, only?: number): Promise<Record<string, Tensor>>;
    /** What the session was asked for, run by run. */
    fetches: Fetches[];
    release(): Promise<void>;
  }

  async function open(emit: (g: GraphBuilder) => [Value, DataType][]): Promise<Opened> {
    const g = new GraphBuilder();
    const outputs = emit(g).map(([name, dtype]) => ({ name, dtype }));
    const session = await InferenceSession.create(withUnconverted(g.build(outputs).bytes), { logSeverityLevel: 4 });
    const fetches: Fetches[] = [];
    const watched: Runs = { run: (feeds, fetched) => (fetches.push(fetched), session.run(feeds, fetched)) };
    const inPlace = new InPlace(watched);
    const names = outputs.map(({ name }) => name);
    return {
      run: (feeds, only = names.length) => inPlace.run(feeds, names.slice(0, only)),
      fetches,
      release: () => session.release(),
    };
  }
  const floats = (...values: number[]): Tensor => new Tensor('float32', Float32Array.from(values), [values.length]);
  const ints = (...values: number[]): Tensor =>
    new Tensor('int64', BigInt64Array.from(values.map(BigInt)), [values.length]);
  const numbers = (tensor: Tensor): number[] => Array.from(tensor.data as Float32Array, Number);

  it('are what the session was given, and the binding makes no others', async () => {
    const { run, fetches, release } = await open((g) => {
      const x = g.input('x', DataType.FLOAT, ['n']);
      return [
        [g.op('Add', [x, x]), DataType.FLOAT],
        [g.op('Cast', [x], { to: DataType.INT32 }), DataType.INT32],
        [g.op('Cast', [x], { to: DataType.INT64 }), DataType.INT64],
        [g.op('Less', [x, g.floats([2.5])]), DataType.BOOL],
        [g.op('Identity', [x]), DataType.FLOAT],
      ];
    });
    await run({ x: floats(1, 2, 3) });
    const results = Object.entries(await run({ x: floats(4, 0, 6) }));
    const asked = fetches[1] as Record<string, Tensor | null>;
    assert.deepEqual(
      results.map(([, { type }]) => type),
      ['float32', 'int32', 'int64', 'bool', 'float32'],
    );
    for (const [name, tensor] of results) assert.equal(tensor, asked[name], `${name} is copied`);
    assert.deepEqual(
      results.map(([, tensor]) => numbers(tensor)),
      [
        [8, 0, 12],
        [4, 0, 6],
        [4, 0, 6],
        [0, 1, 0],
        [4, 0, 6],
      ],
    );
    await release();
  });

  it('are others in every run, and keep their numbers', async () => {
    const { run, release } = await open((g) => [[g.op('Neg', [g.input('x', DataType.FLOAT, ['n'])]), DataType.FLOAT]]);
    const runs: Tensor[] = [];
    for (const x of [
      [1, 2],
      [3, 4],
      [5, 6, 7],
      [8, 9],
      [0, 1, 2],
    ])
      runs.push(...Object.values(await run({ x: floats(...x) })));
    assert.deepEqual(runs.map(numbers), [
      [-1, -2],
      [-3, -4],
      [-5, -6, -7],
      [-8, -9],
      [-0, -1, -2],
    ]);
    await release();
  });

  it('are those that are asked for', async () => {
    const { run, release } = await open((g) => {
      const x = g.input('x', DataType.FLOAT, ['n']);
      return [
        [g.op('Neg', [x]), DataType.FLOAT],
        [g.op('Add', [x, x]), DataType.FLOAT],
      ];
    });
    for (const only of [2, 1, 2, 1]) {
      const results = Object.values(await run({ x: floats(1, 2) }, only));
      assert.deepEqual(
        results.map(numbers),
        [
          [-1, -2],
          [2, 4],
        ].slice(0, only),
      );
    }
    await release();
  });

  it('have the sizes that a number gives them, and none where there are no numbers', async () => {
    const { run, release } = await open((g) => {
      const [x, end] = [g.input('x', DataType.FLOAT, ['n']), g.input('end', DataType.INT64, [1])];
      return [[g.op('Slice', [x, g.ints([0]), end]), DataType.FLOAT]];
    });
    for (const [end, wanted] of [
      [2, [1, 2]],
      [3, [1, 2, 3]],
      [2, [1, 2]],
      [0, []],
      [0, []],
      [3, [1, 2, 3]],
    ] as const) {
      const [result] = Object.values(await run({ x: floats(1, 2, 3), end: ints(end) }));
      assert.deepEqual(numbers(result!), wanted);
    }
    await release();
  });

  it('are not copied where a number changes that is no size, as a training’s rate does', async () => {
    const { run, fetches, release } = await open((g) => {
      const [x, rate] = [g.input('x', DataType.FLOAT, ['n']), g.input('rate', DataType.FLOAT, [])];
      return [[g.op('Mul', [x, rate]), DataType.FLOAT]];
    });
    const scalar = (value: number): Tensor => new Tensor('float32', Float32Array.of(value), []);
    for (const rate of [1, 2, 3])
      assert.deepEqual(Object.values(await run({ x: floats(1, 2), rate: scalar(rate) })).map(numbers), [
        [rate, 2 * rate],
      ]);
    assert.deepEqual(fetches.map(Array.isArray), [true, false, false]);
    await release();
  });

  it('of so many sizes are known that memory stays bounded', async () => {
    const { run, fetches, release } = await open((g) => [
      [g.op('Neg', [g.input('x', DataType.FLOAT, ['n'])]), DataType.FLOAT],
    ]);
    for (let n = 1; n <= 1025; n++) await run({ x: new Tensor('float32', new Float32Array(n), [n]) });
    await run({ x: floats(1) });
    await run({ x: floats(1) });
    assert.deepEqual(fetches.slice(1024).map(Array.isArray), [true, true, false], 'the first was forgotten');
    await release();
  });

  it('are not taken for made where a run fails', async () => {
    const { run, release } = await open((g) => [
      [g.op('Gather', [g.floats([5, 6, 7], [3]), g.input('i', DataType.INT64, ['n'])]), DataType.FLOAT],
    ]);
    await run({ i: ints(0, 1) });
    await assert.rejects(run({ i: ints(0, 3) }), /indices element out of data bounds/);
    assert.deepEqual(Object.values(await run({ i: ints(2, 1) })).map(numbers), [[7, 6]]);
    await release();
  });
});
