import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { Tensor } from 'onnxruntime-node';
import { AttributeProto_AttributeType as Type, FunctionProtoSchema } from '../../src/engine/graph/onnx_pb';
import { cutGraph } from '../../src/engine/onnx/cut';
import { readOnnx } from '../../src/engine/onnx/read';
import {
  assertRefused,
  branches,
  DataType,
  floats,
  info,
  ints,
  node,
  opened,
  runOnnx,
  writeModel,
  type SmallModel,
} from './support/smallOnnx';

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const x = (values: number[]): Record<string, Tensor> => ({
  x: new Tensor('float32', Float32Array.from(values), [values.length]),
});

describe('functions and branches of an .onnx file', () => {
  /** out = (a · scale) + w, and scale is an attribute */
  const scaled = create(FunctionProtoSchema, {
    name: 'Scaled',
    domain: 'pkg.test',
    input: ['a', 'b'],
    output: ['out'],
    attribute: ['alpha'],
    opsetImport: [{ domain: '', version: 17n }],
    node: [node('LeakyRelu', ['a'], ['t'], { alpha: { refers: Type.FLOAT } }), node('Add', ['t', 'b'], ['out'])],
  });

  it('lays functions into the graph as ONNX Runtime does', async () => {
    const file = writeModel({
      node: [
        node('Scaled', ['x', 'w'], ['t'], { alpha: { float: 0.5 } }, 'pkg.test'),
        node('Scaled', ['t', 'w'], ['y'], { alpha: { float: 0.25 } }, 'pkg.test'),
      ],
      initializer: [floats('w', [1])],
      input: [info('x', ['n'])],
      output: [info('y')],
      functions: [scaled],
      domains: ['pkg.test'],
    });
    const graph = await readOnnx(file);
    assert.deepEqual(
      graph.model.graph!.node.map(({ opType }) => opType),
      ['LeakyRelu', 'Add', 'LeakyRelu', 'Add'],
    );
    const cut = cutGraph(graph, [{ name: 'y', value: 'y' }]);
    const feeds = x([-8, 4]);
    assert.deepEqual(await runOnnx(cut, feeds), await runOnnx(file, feeds));
    assert.deepEqual((await runOnnx(cut, feeds))['y']!.data, [0.25, 6]);
  });

  it('refuses functions that contain themselves, or each two of the next', async () => {
    const calls = (name: string, ...of: string[]): typeof scaled =>
      create(FunctionProtoSchema, {
        name,
        domain: 'pkg.test',
        input: ['a'],
        output: [`o${of.length}`],
        node: of.map((f, i) => node(f, [i === 0 ? 'a' : `o${i}`], [`o${i + 1}`], {}, 'pkg.test')),
      });
    const model = (functions: (typeof scaled)[]): SmallModel => ({
      node: [node('F0', ['x'], ['y'], {}, 'pkg.test')],
      input: [info('x', [1])],
      output: [info('y')],
      functions,
    });
    await assertRefused(opened(model([calls('F0', 'F0')])), /within more than 16 others/);
    const many = new Array<string>(10).fill('');
    const laughs = many.map((_, i) => calls(`F${i}`, ...many.map(() => `F${i + 1}`)));
    await assertRefused(opened(model(laughs)), /more than 200000 nodes/);
  });

  it("takes the branch without a past of optimum's merged decoders", async () => {
    const large = floats('w', count(600));
    const file = writeModel({
      node: [
        node(
          'If',
          ['use_cache_branch'],
          ['y'],
          branches(
            [node('Add', ['x', 'past'], ['s']), node('Add', ['s', 'w'], ['o'])],
            [node('Neg', ['x'], ['s']), node('Add', ['s', 'w'], ['o'])],
          ),
        ),
        node('Abs', ['x'], ['s']),
      ],
      initializer: [large],
      input: [info('x', ['n']), info('past', ['n']), info('use_cache_branch', [1], DataType.BOOL)],
      output: [info('y'), info('s')],
    });
    const graph = await readOnnx(file);
    assert.deepEqual(
      graph.model.graph!.input.map(({ name }) => name),
      ['x', 'past'],
    );
    const cut = cutGraph(graph, [{ name: 'y', value: 'y' }]);
    assert.deepEqual(cut.inputs, ['x']);
    const feeds = {
      ...x([3]),
      past: new Tensor('float32', [100], [1]),
      use_cache_branch: new Tensor('bool', [false], [1]),
    };
    assert.deepEqual((await runOnnx(cut, feeds))['y'], (await runOnnx(file, feeds))['y']);
  });

  it('decides on constants', async () => {
    const graph = await opened({
      node: [
        node('Equal', ['a', 'b'], ['same']),
        node('If', ['same'], ['y'], branches([node('Neg', ['x'], ['o'])], [node('Abs', ['x'], ['o'])])),
      ],
      initializer: [ints('a', [2], []), ints('b', [2], [])],
      input: [info('x', ['n'])],
      output: [info('y')],
    });
    assert.ok(graph.model.graph!.node.some(({ opType }) => opType === 'Neg'));
    assert.ok(!graph.model.graph!.node.some(({ opType }) => opType === 'If'));
  });
});
