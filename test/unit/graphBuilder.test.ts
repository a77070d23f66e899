import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { ModelProtoSchema } from '../../src/engine/graph/onnx_pb';

interface Built {
  operators: string[];
  outputs: Record<string, number>;
}

/** Runs on x = 3. */
async function built(g: GraphBuilder, names: string[]): Promise<Built> {
  const { bytes } = g.build(names.map((name) => ({ name, dtype: DataType.FLOAT })));
  const session = await InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 });
  const results = await session.run({ x: new Tensor('float32', Float32Array.of(3), [1]) });
  await session.release();
  return {
    operators: fromBinary(ModelProtoSchema, bytes).graph!.node.map(({ opType }) => opType),
    outputs: Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, (data as Float32Array)[0]!])),
  };
}

describe('the graph builder: aliases', () => {
  const withX = (): { g: GraphBuilder; x: string } => {
    const g = new GraphBuilder();
    return { g, x: g.input('x', DataType.FLOAT, [1]) };
  };

  it('name a value that others read too, without an operator that would copy it', async () => {
    const { g, x } = withX();
    const square = g.op('Mul', [x, x]);
    const names = [g.alias(square, 'square'), g.alias(g.op('Neg', [square]), 'negative')];
    assert.deepEqual(await built(g, names), { operators: ['Mul', 'Neg'], outputs: { square: 9, negative: -9 } });
  });

  it('are copies of what has a name already: a second alias, an output, an input', async () => {
    const { g, x } = withX();
    const square = g.op('Mul', [x, x]);
    const names = [g.alias(square, 'first'), g.alias(square, 'second'), g.alias(x, 'same')];
    const { operators, outputs } = await built(g, names);
    assert.deepEqual(outputs, { first: 9, second: 9, same: 3 });
    assert.deepEqual(operators, ['Mul', 'Identity', 'Identity']);
    assert.deepEqual((await built(g, [square, 'first'])).outputs, { [square]: 9, first: 9 });
  });

  it('of aliases are values of their own, and one output of several has its name', async () => {
    const { g, x } = withX();
    const [value] = g.ops('TopK', [x, g.ints([1])], 2, { axis: 0, largest: 1, sorted: 1 });
    const top = g.alias(value!, 'top');
    const again = g.alias(top, 'again');
    assert.deepEqual((await built(g, [top, again])).outputs, { top: 3, again: 3 });
    assert.deepEqual((await built(g, [again])).outputs, { again: 3 });
  });

  it('do not change what the builder holds: it builds other outputs afterwards', async () => {
    const { g, x } = withX();
    const square = g.op('Mul', [x, x]);
    const [name, rest] = [g.alias(square, 'square'), g.op('Add', [square, x])];
    assert.deepEqual((await built(g, [name, rest])).outputs, { square: 9, [rest]: 12 });
    assert.deepEqual(await built(g, [rest]), { operators: ['Mul', 'Add'], outputs: { [rest]: 12 } });
  });
});
