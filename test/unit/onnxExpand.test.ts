/** Every operator that is expanded gives what ONNX Runtime's own kernel gives. */
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import assert from 'node:assert/strict';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { DataType, GraphBuilder } from '../../src/engine/graph/builder';
import { ModelProtoSchema } from '../../src/engine/graph/onnx_pb';
import { halfBits } from '../../src/engine/onnx/expand/emitter';
import { expand } from '../../src/engine/onnx/expand';
import { indexGraph } from '../../src/engine/onnx/graph';
import { cases, unknown, type Case, type Feed } from './support/operatorCases';

const TYPES: Record<string, DataType> = {
  float32: DataType.FLOAT,
  int64: DataType.INT64,
  int32: DataType.INT32,
  bool: DataType.BOOL,
};

describe('expanding operators', () => {
  for (const [index, each] of cases.entries())
    it(each.name, async () => {
      const { model, feeds, names } = modelOf(each, index);
      const graph = expand(indexGraph(fromBinary(ModelProtoSchema, model), 'a.onnx', '/', new Map()));
      assert.ok(!graph.model.graph?.node.some(({ opType }) => opType === each.op), 'it is still there');
      const kernel = each.plain ? modelOf(each, index, each.plain).model : model;
      const [own, other] = [await run(kernel, feeds), await run(toBinary(ModelProtoSchema, graph.model), feeds)];
      for (const name of names) {
        assert.deepEqual(other[name]?.dims, own[name]?.dims, name);
        const [a, b] = [own[name]!.data as Float32Array, other[name]!.data as Float32Array];
        const largest = a.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
        assert.ok(largest > 0.1, 'a model of nothing');
        a.forEach((x, i) => assert.ok(Math.abs(x - b[i]!) <= 1e-5 * largest, `${name}[${i}]: ${x} and ${b[i]}`));
      }
    });

  it('leaves alone what it does not know', () => {
    const { model } = modelOf(unknown, 0);
    const graph = expand(indexGraph(fromBinary(ModelProtoSchema, model), 'a.onnx', '/', new Map()));
    assert.deepEqual(
      graph.model.graph?.node.map(({ opType }) => opType),
      ['Attention'],
    );
  });

  it('takes names and numbers of a hostile file', () => {
    const g = new GraphBuilder();
    const x = g.input('x', DataType.FLOAT, [1, 2, 4]);
    const y = g.op('constructor', [g.op('toString', [x])]);
    const [heads, window] = [2 ** 62, -(2 ** 62)];
    const sizes = { num_heads: heads, kv_num_heads: heads, local_window_size: window };
    g.node('GroupQueryAttention', [y], ['out'], sizes, 'com.microsoft');
    const { bytes } = g.build([{ name: 'out', dtype: DataType.FLOAT }]);
    const graph = expand(indexGraph(fromBinary(ModelProtoSchema, bytes), 'a.onnx', '/', new Map()));
    assert.ok(toBinary(ModelProtoSchema, graph.model).length > 0);
  });
});

describe('float16 bits', () => {
  it('are those of the nearest number', () => {
    const known: [number, number][] = [
      [0, 0],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [65520, 0x7c00],
      [-Infinity, 0xfc00],
    ];
    known.push(
      [2 ** -24, 1],
      [2 ** -14, 0x400],
      [1 / 3, 0x3555],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [2047.9, 0x6800],
    );
    for (const [value, bits] of known) assert.equal(halfBits(value).toString(16), bits.toString(16), String(value));
  });
});

function modelOf(
  each: Case,
  seed: number,
  inputsOf = (_: GraphBuilder, inputs: string[]): string[] => inputs,
): { model: Uint8Array; feeds: Record<string, Tensor>; names: string[] } {
  const g = new GraphBuilder(each.opset);
  const feeds: Record<string, Tensor> = {};
  const inputs = each.inputs.map((feed, index) => {
    if (feed === undefined) return '';
    const name = `in_${index}`;
    feeds[name] = tensorOf(feed, seed * 100 + index);
    const { dims, type } = feeds[name];
    g.input(name, TYPES[type]!, each.shapeless ? dims.map((_, axis) => `${name}_${axis}`) : [...dims]);
    return each.shapeless ? shapeless(g, name, dims.length) : name;
  });
  const outputs = Array.from({ length: Math.max(...each.outputs) + 1 }, (_, index) =>
    each.outputs.includes(index) ? `out_${index}` : '',
  );
  g.node(each.op, inputsOf(g, inputs), outputs, each.attributes, each.domain);
  const names = outputs.filter((name) => name !== '');
  return { model: g.build(names.map((name) => ({ name, dtype: DataType.FLOAT }))).bytes, feeds, names };
}

/** The value by a way on which the number of axes is lost. */
function shapeless(g: GraphBuilder, value: string, rank: number): string {
  return g.op('Reshape', [value, g.op('Slice', [g.op('Shape', [value]), g.ints([0]), g.ints([rank])])]);
}

function tensorOf(feed: Feed, seed: number): Tensor {
  if (!Array.isArray(feed)) {
    if (feed.type === 'int64') return new Tensor('int64', BigInt64Array.from(feed.values, BigInt), feed.dims);
    return feed.type === 'int32'
      ? new Tensor('int32', Int32Array.from(feed.values), feed.dims)
      : new Tensor('bool', Uint8Array.from(feed.values), feed.dims);
  }
  let state = seed + 1;
  const data = Float32Array.from({ length: feed.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 4 - 2;
  });
  return new Tensor('float32', data, feed);
}

async function run(model: Uint8Array, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const outputs = await session.run(feeds);
  await session.release();
  return outputs as Record<string, Tensor>;
}
