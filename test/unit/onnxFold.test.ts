import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { TensorProtoSchema, type TensorProto } from '../../src/engine/graph/onnx_pb';
import { cutGraph } from '../../src/engine/onnx/cut';
import { adding, DataType, floats, info, ints, node, opened, runOnnx, type SmallModel } from './support/smallOnnx';

describe('constants of an .onnx file', () => {
  const cases: Record<string, SmallModel['node']> = {
    'a shape': [node('Shape', ['matrix'], ['y'])],
    'part of a shape': [node('Shape', ['matrix'], ['y'], { start: -1 })],
    'one size of a shape': [node('Shape', ['matrix'], ['s']), node('Gather', ['s', 'minus'], ['y'])],
    'rows in another order': [node('Gather', ['matrix', 'order'], ['y'], { axis: 1 })],
    'a slice': [node('Slice', ['matrix', 'one', 'far', 'one'], ['y'])],
    'a slice backwards': [node('Slice', ['matrix', 'far', 'veryNegative', 'one', 'minusOne'], ['y'])],
    'a slice from the end': [node('Slice', ['vector', 'minusOne', 'far'], ['y'])],
    'joined vectors': [node('Concat', ['vector', 'one', 'vector'], ['y'], { axis: 0 })],
    'joined columns': [node('Concat', ['matrix', 'matrix'], ['y'], { axis: -1 })],
    'another shape': [node('Reshape', ['matrix', 'flat'], ['y'])],
    'added axes': [node('Unsqueeze', ['matrix', 'outer'], ['y'])],
    'removed axes': [node('Unsqueeze', ['vector', 'outer'], ['u']), node('Squeeze', ['u', 'outer'], ['y'])],
    'sums with broadcasting': [node('Add', ['matrix', 'row'], ['y'])],
    'whole quotients': [node('Div', ['vector', 'two'], ['y'])],
    'negative whole quotients': [node('Neg', ['vector'], ['n']), node('Div', ['n', 'two'], ['y'])],
    'a scale': [
      node('Shape', ['matrix'], ['s'], { start: 1 }),
      node('Cast', ['s'], ['f'], { to: DataType.FLOAT }),
      node('Sqrt', ['f'], ['r']),
      node('Reciprocal', ['r'], ['y']),
    ],
    'casts to whole numbers': [node('Mul', ['row', 'row'], ['m']), node('Cast', ['m'], ['y'], { to: DataType.INT64 })],
    'a filled shape': [node('ConstantOfShape', ['order'], ['y'], { value: floats('', [2.5]) })],
    'a repeated row': [node('Expand', ['row', 'tall'], ['y'])],
    'a range': [node('Range', ['start', 'limit', 'step'], ['y'])],
    'a choice': [node('Greater', ['matrix', 'row'], ['c']), node('Where', ['c', 'matrix', 'row'], ['y'])],
    powers: [node('Pow', ['row', 'half'], ['y'])],
  };
  for (const [what, nodes] of Object.entries(cases)) {
    it(`finds ${what} as ONNX Runtime does`, async () => {
      const graph = await opened({
        node: nodes,
        initializer: [
          floats('matrix', [1.5, 2, -3, 4, 5, 6], [2, 3]),
          floats('row', [0.1, 2.7, 30]),
          floats('half', [0.5]),
          ints('vector', [7, 8, 9, 1]),
          ints('order', [2, 0, 1]),
          ints('one', [1]),
          ints('two', [2], []),
          ints('minus', [-1], []),
          ints('minusOne', [-1]),
          ints('far', [1000]),
          ints('veryNegative', [-1000]),
          ints('flat', [3, -1]),
          ints('outer', [0, 2]),
          ints('tall', [2, 3]),
          ints('start', [3], []),
          ints('limit', [-4], []),
          ints('step', [-2], []),
        ],
        output: [info('y')],
      });
      const expected = (await runOnnx(cutGraph(graph, [{ name: 'out', value: 'y' }]), {}))['out']!;
      const { dims, values } = graph.constant('y')!;
      assert.deepEqual({ dims, data: values }, expected);
    });
  }

  it('does not fold what depends on an input, or is too large', async () => {
    const graph = await opened({
      node: [
        node('Add', ['x', 'one'], ['a']),
        node('Expand', ['one', 'huge'], ['b']),
        node('Add', ['a', 'one'], ['y']),
      ],
      initializer: [floats('one', [1]), ints('huge', [1 << 30])],
      input: [info('x', ['n'])],
      output: [info('y')],
    });
    assert.equal(graph.constant('y'), undefined);
    assert.equal(graph.constant('b'), undefined);
    assert.equal(graph.constant('x'), undefined);
    assert.equal(graph.constant('nothing of the graph'), undefined);
  });

  it('knows shapes of inputs that are fixed', async () => {
    const graph = await opened({
      node: [node('Shape', ['x'], ['y'])],
      input: [info('x', [1, 5])],
      output: [info('y')],
    });
    assert.deepEqual(graph.constant('y')!.values, [1, 5]);
  });

  it('reads halves', async () => {
    const half = (dataType: number, bits: number[]): TensorProto =>
      create(TensorProtoSchema, {
        name: 'w',
        dims: [BigInt(bits.length)],
        dataType,
        rawData: new Uint8Array(Uint16Array.from(bits).buffer),
      });
    const of = async (tensor: TensorProto): Promise<number[]> => (await opened(adding(tensor))).constant('w')!.values;
    assert.deepEqual(await of(half(DataType.FLOAT16, [0x3c00, 0xc000, 0x0001, 0x7c00])), [1, -2, 2 ** -24, Infinity]);
    assert.deepEqual(await of(half(DataType.BFLOAT16, [0x3f80, 0xc040])), [1, -3]);
  });
});
