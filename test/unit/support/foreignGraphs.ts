/** Small graphs of one attention each, in the ways in which exporters write it. */
import { fromBinary } from '@bufbuild/protobuf';
import { DataType, GraphBuilder, type Value } from '../../../src/engine/graph/builder';
import { ModelProtoSchema } from '../../../src/engine/graph/onnx_pb';
import { indexGraph } from '../../../src/engine/onnx/graph';
import type { OnnxGraph } from '../../../src/engine/onnx/types';

/** Heads, d_head, vocabulary. */
export const SMALL = { heads: 6, kvHeads: 2, dHead: 8, vocab: 11 };
const { heads, dHead, vocab } = SMALL;
export const WIDTH = heads * dHead;

/** Emits values of one token sequence `[1, pos]`. */
export class Small extends GraphBuilder {
  readonly ids = this.input('input_ids', DataType.INT64, [1, 'pos']);
  readonly x = this.op('Gather', [this.weight('embed', [vocab, WIDTH]), this.ids]);
  /** `[1, pos, width]` */
  readonly q = this.projected('q', WIDTH);
  readonly k = this.projected('k', WIDTH);
  readonly v = this.projected('v', WIDTH);
  readonly kvK = this.projected('kv_k', SMALL.kvHeads * dHead);
  readonly kvV = this.projected('kv_v', SMALL.kvHeads * dHead);

  /** Seeded numbers of about −1 to 1, by name. */
  weight(name: string, dims: number[]): Value {
    let state = [...name].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7);
    const values = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.fround((state / 2 ** 32) * 2 - 1);
    });
    return this.floats(values, dims);
  }

  projected(name: string, width: number): Value {
    const product = this.op('MatMul', [this.x, this.weight(`W_${name}`, [WIDTH, width])]);
    return this.op('Add', [this.op('Mul', [product, this.floats([0.3])]), this.weight(`b_${name}`, [width])]);
  }

  /** `[1, pos, heads · d]` → `[1, pos, heads, d]` */
  split(x: Value, n = heads): Value {
    return this.op('Reshape', [x, this.ints([0, 0, n, -1])]);
  }

  /** `[1, pos, heads · d]` → `[1, heads, pos, d]` */
  byHead(x: Value, n = heads): Value {
    return this.op('Transpose', [this.split(x, n)], { perm: [0, 2, 1, 3] });
  }

  turned(x: Value, perm = [0, 1, 3, 2]): Value {
    return this.op('Transpose', [x], { perm });
  }

  length(): Value {
    return this.op('Gather', [this.op('Shape', [this.ids]), this.ints([1], [])]);
  }

  /** True where a destination sees a source. `[pos, pos]` */
  causal(): Value {
    const range = this.op('Range', [this.ints([0], []), this.length(), this.ints([1], [])]);
    return this.op('LessOrEqual', [range, this.op('Unsqueeze', [range, this.ints([1])])]);
  }

  masked(scores: Value): Value {
    return this.op('Where', [this.causal(), scores, this.floats([-1e9])]);
  }

  softmax(scores: Value): Value {
    return this.op('Softmax', [scores], { axis: -1 });
  }

  scaled(x: Value, by = 1 / Math.sqrt(dHead)): Value {
    return this.op('Mul', [x, this.floats([by])]);
  }

  rotary(x: Value): Value {
    const ids = this.op('Range', [this.ints([0], []), this.length(), this.ints([1], [])]);
    const frequencies = this.floats(
      Array.from({ length: dHead / 2 }, (_, i) => 3 ** -i),
      [1, dHead / 2],
    );
    const angles = this.op('Mul', [
      this.op('Unsqueeze', [this.op('Cast', [ids], { to: DataType.FLOAT }), this.ints([1])]),
      frequencies,
    ]);
    const both = this.op('Concat', [angles, angles], { axis: -1 });
    const [a, b] = this.ops('Split', [x, this.ints([dHead / 2, dHead / 2])], 2, { axis: -1 });
    const turned = this.op('Concat', [this.op('Neg', [b!]), a!], { axis: -1 });
    return this.op('Add', [
      this.op('Mul', [x, this.op('Cos', [both])]),
      this.op('Mul', [turned, this.op('Sin', [both])]),
    ]);
  }

  /** A graph whose output is `value`. */
  graph(value: Value): OnnxGraph {
    const { bytes } = this.build([{ name: this.alias(value, 'out'), dtype: DataType.FLOAT }]);
    return indexGraph(fromBinary(ModelProtoSchema, bytes), '/small.onnx', '/', new Map());
  }
}
