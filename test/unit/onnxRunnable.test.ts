import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { InputError } from '../../src/engine/checkpoint/errors';
import { GraphProtoSchema, type NodeProto } from '../../src/engine/graph/onnx_pb';
import { cutGraph } from '../../src/engine/onnx/cut';
import { info, ints, node, opened } from './support/smallOnnx';

/** y = x + Σ of what `made` makes. */
async function cut(made: NodeProto[], sizes: Record<string, number[]>): Promise<unknown> {
  const graph = await opened({
    node: [...made, node('ReduceSum', ['made'], ['sum'], { keepdims: 0 }), node('Add', ['x', 'sum'], ['y'])],
    initializer: Object.entries(sizes).map(([name, values]) =>
      ints(name, values, values.length === 1 ? [] : undefined),
    ),
    input: [info('x', [1])],
    output: [info('y')],
  });
  return cutGraph(graph, [{ name: 'y', value: 'y' }]);
}
const refuses = (made: NodeProto[], sizes: Record<string, number[]>, expected: RegExp): Promise<void> =>
  assert.rejects(cut(made, sizes), (error: unknown) => {
    assert.ok(error instanceof InputError, String((error as Error).stack));
    assert.match(error.message, expected);
    return true;
  });

describe('a graph that ONNX Runtime would not come back from', () => {
  it('has a loop', async () => {
    const body = create(GraphProtoSchema, { name: 'body' });
    await refuses([node('Loop', ['n', '', 'x'], ['made'], { body })], { n: [5] }, /\(Loop\) may have no end/);
  });

  const large = [65536, 65536];
  const makers: Record<string, [NodeProto, Record<string, number[]>, Record<string, number[]>]> = {
    Expand: [node('Expand', ['x', 's'], ['made']), { s: large }, { s: [8192, 8192] }],
    Tile: [node('Tile', ['x', 's'], ['made']), { s: large }, { s: [2, 2] }],
    Range: [node('Range', ['a', 'b', 'c'], ['made']), { a: [0], b: [2 ** 40], c: [1] }, { a: [0], b: [40], c: [1] }],
    Pad: [node('Pad', ['x', 's'], ['made']), { s: [0, 2 ** 33] }, { s: [0, 2] }],
    ConstantOfShape: [node('ConstantOfShape', ['s'], ['made']), { s: large }, { s: [2, 2] }],
  };
  for (const [name, [maker, tooLarge, small]] of Object.entries(makers))
    it(`fills the memory: ${name}`, async () => {
      await refuses(
        [maker],
        tooLarge,
        new RegExp(`\\(${name}\\) makes [\\d,]+ numbers; at most 67,108,864 were expected`),
      );
      await cut([maker], small);
    });

  it('is not refused for a part that does not run', async () => {
    const body = create(GraphProtoSchema, { name: 'body' });
    await cut([node('Loop', ['n', '', 'x'], ['unused'], { body }), node('Identity', ['x'], ['made'])], { n: [5] });
  });
});
