import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { GraphProtoSchema, ModelProtoSchema } from '../../src/engine/graph/onnx_pb';
import type { Graph } from '../../src/engine/graph/transformer';
import { cutGraph } from '../../src/engine/onnx/cut';
import { readOnnx } from '../../src/engine/onnx/read';
import { ROOT } from './support/files';
import { DataType, floats, info, node, opened, runOnnx, type SmallModel } from './support/smallOnnx';

const FIXTURES = join(ROOT, 'test/fixtures/onnx');
const tensor = (values: number[], dims = [values.length]): Tensor =>
  new Tensor('float32', Float32Array.from(values), dims);

/** y = (x + a) · w, side = x − b; `w` is too large to stay in the skeleton. */
const LARGE = 500;
const chain: SmallModel = {
  node: [node('Add', ['x', 'a'], ['sum']), node('Mul', ['sum', 'w'], ['y']), node('Sub', ['z', 'b'], ['side'])],
  initializer: [
    floats('a', [1]),
    floats(
      'w',
      Array.from({ length: LARGE }, (_, i) => i),
    ),
    floats('b', [2]),
  ],
  input: [info('x', [1]), info('z', [1])],
  output: [info('y'), info('side')],
};

describe('cutting a foreign graph', () => {
  for (const name of readdirSync(FIXTURES).filter((file) => file.endsWith('.onnx'))) {
    it(`${name} gives what ONNX Runtime makes of the file, bit by bit`, async () => {
      const file = join(FIXTURES, name);
      const graph = await readOnnx(file);
      const feeds = await someFeeds(file);
      const cut = cutGraph(
        graph,
        graph.model.graph!.output.map((output) => ({ name: output.name, value: output.name })),
      );
      assert.deepEqual(await runOnnx(cut, feeds), await runOnnx(file, feeds));
    });
  }

  it('keeps only what the wanted outputs need', async () => {
    const graph = await opened(chain);
    const cut = cutGraph(graph, [{ name: 'hook', value: 'sum' }]);
    assert.deepEqual(cut.inputs, ['x']);
    assert.deepEqual([...cut.calls!.values()], ['hook']);
    const { graph: left } = fromBinary(ModelProtoSchema, cut.bytes);
    assert.deepEqual(
      left!.node.map(({ opType }) => opType),
      ['Add', 'Identity'],
    );
    assert.deepEqual(
      left!.initializer.map(({ name }) => name),
      ['a'],
    );
    assert.deepEqual((await runOnnx(cut, { x: tensor([5]) }))['hook']!.data, [6]);
    assert.equal(graph.model.graph!.node.length, 3);
  });

  it('reads weights from the file, and adds casts, transpositions and shapes after a value', async () => {
    const graph = await opened(chain);
    const cut = cutGraph(graph, [
      {
        name: 'hook',
        value: 'y',
        then: (g, value) => g.toFloat(g.transpose(g.reshape(value, [-1, 250]), [1, 0])),
      },
    ]);
    assert.ok(cut.bytes.length < LARGE * 4, `${cut.bytes.length} bytes hold no weights`);
    const { dims, data } = (await runOnnx(cut, { x: tensor([1]) }))['hook']!;
    assert.deepEqual(dims, [250, 2]);
    assert.deepEqual(data.slice(0, 4), [0, 500, 2, 502]);
  });

  it('lets every consumer, also the wanted output and subgraphs, read another value instead', async () => {
    const branch = (name: string, op: string): ReturnType<typeof create<typeof GraphProtoSchema>> =>
      create(GraphProtoSchema, {
        name,
        node: [node(op, ['sum', 'a'], [`${name}_out`])],
        output: [info(`${name}_out`)],
      });
    const graph = await opened({
      ...chain,
      node: [
        ...chain.node,
        node('Greater', ['z', 'b'], ['condition']),
        node('If', ['condition'], ['either'], { then_branch: branch('yes', 'Mul'), else_branch: branch('no', 'Sub') }),
      ],
      output: [info('y'), info('either')],
    });
    const wanted = ['sum', 'y', 'either'].map((value) => ({ name: value, value }));
    const cut = cutGraph(
      graph,
      wanted,
      new Map([['sum', (g, before) => g.op('Mul', [before, g.input('keep', DataType.FLOAT, [1])])]]),
    );
    assert.deepEqual(inputsOf(cut), ['keep', 'x', 'z']);
    const out = await runOnnx(cut, { x: tensor([5]), z: tensor([0]), keep: tensor([10]) });
    assert.deepEqual(out['sum']!.data, [60]);
    assert.equal(out['y']!.data[2], 120);
    assert.deepEqual(out['either']!.data, [59]);

    const alone = cutGraph(graph, [{ name: 'either', value: 'either' }]);
    assert.deepEqual(inputsOf(alone), ['x', 'z']);
    assert.deepEqual((await runOnnx(alone, { x: tensor([5]), z: tensor([3]) }))['either']!.data, [6]);
  });

  it('needs nothing before a value that a new input stands for', async () => {
    const graph = await opened(chain);
    const cut = cutGraph(
      graph,
      [{ name: 'y', value: 'y' }],
      new Map([['sum', (g) => g.input('resid', DataType.FLOAT, [1])]]),
    );
    assert.deepEqual(inputsOf(cut), ['resid']);
    assert.equal((await runOnnx(cut, { resid: tensor([3]) }))['y']!.data[7], 21);
  });

  it("keeps apart new values and the graph's own of the same name", async () => {
    const graph = await opened({
      ...chain,
      node: [
        ...chain.node,
        node('Neg', ['sum'], ['circuitscope.y']),
        node('Neg', ['circuitscope.y'], ['circuitscope.side']),
      ],
    });
    const cut = cutGraph(
      graph,
      [
        { name: 'y', value: 'sum' },
        { name: 'x', value: 'x' },
        { name: 'own', value: 'circuitscope.side' },
      ],
      new Map([['sum', (g, before) => g.op('Add', [before, g.input('side', DataType.FLOAT, [1])])]]),
    );
    const out = await runOnnx(cut, { x: tensor([5]), side: tensor([100]) });
    assert.deepEqual(out['y']!.data, [106]);
    assert.deepEqual(out['x']!.data, [5]);
    assert.deepEqual(out['own']!.data, [106]);
  });

  it('runs a model of IR version 3, whose weights are inputs as well', async () => {
    const graph = await opened({
      ...chain,
      irVersion: 3,
      opset: 8,
      input: [...chain.input!, info('a', [1]), info('w', [LARGE]), info('b', [1])],
    });
    assert.deepEqual(
      graph.model.graph!.input.map(({ name }) => name),
      ['x', 'z'],
    );
    const cut = cutGraph(graph, [{ name: 'y', value: 'y' }]);
    assert.equal((await runOnnx(cut, { x: tensor([1]) }))['y']!.data[499], 998);
  });
});

const inputsOf = (cut: Graph): string[] => cut.inputs.map((name) => cut.calls?.get(name) ?? name).sort();

/** Token 1, 2, 3 … (or a past that is empty) for whatever a file's inputs are. */
async function someFeeds(file: string): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(file, { logSeverityLevel: 4, graphOptimizationLevel: 'basic' });
  const feeds: Record<string, Tensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) continue;
    const isMask = input.name.includes('mask');
    const dims = input.shape.map((size, axis) => {
      if (typeof size === 'number') return size;
      return axis === 0 ? 1 : input.name.includes('past') ? 0 : 5;
    });
    const length = dims.reduce((a, b) => a * b, 1);
    feeds[input.name] =
      input.type === 'int64'
        ? new Tensor(
            'int64',
            BigInt64Array.from({ length }, (_, i) => BigInt(isMask ? 1 : i % 16)),
            dims,
          )
        : new Tensor('float32', new Float32Array(length), dims);
  }
  await session.release();
  return feeds;
}
