/**
 * Outputs that are not copied. ONNX Runtime's binding (1.30) copies every output after a run, on one thread, into memory that
 * it fills with zeros before. Where an output has its place before the run it is written there, and copied all the same. So a
 * graph gets a first output that the binding cannot convert: it says so when the run has ended and every output is in its
 * place, and nothing is copied. A binding that can convert it copies as before, and a test fails.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { DataType } from '../graph/builder';
import { ModelProtoSchema } from '../graph/onnx_pb';

const UNCONVERTED = 'circuitscope.in_place';
/** What the binding says of it. */
const REFUSED = /^Non tensor type/;

/** A sequence, which costs nothing to make: the binding converts tensors. */
const prefix = toBinary(
  ModelProtoSchema,
  create(ModelProtoSchema, {
    graph: {
      node: [{ opType: 'SequenceEmpty', output: [UNCONVERTED] }],
      output: [
        {
          name: UNCONVERTED,
          type: {
            value: {
              case: 'sequenceType',
              value: { elemType: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT } } } },
            },
          },
        },
      ],
    },
  }),
);

/** The model whose first output the binding cannot convert. Parts of a serialized message are merged, lists one after the other. */
export const withUnconverted = (model: Uint8Array): Uint8Array => Buffer.concat([prefix, model]);

/** Sizes that are known of a session at once. */
const KEPT = 1024;

type Tensors = Record<string, Tensor>;

interface Layout {
  name: string;
  type: Tensor.Type;
  dims: readonly number[];
  bytes: number;
  /** Of its numbers. */
  View: new (buffer: ArrayBufferLike) => Tensor['data'];
}

const layoutOf = (results: Tensors): Layout[] =>
  Object.entries(results).map(([name, { type, dims, data }]) => ({
    name,
    type,
    dims,
    bytes: (data as Float32Array).byteLength,
    View: data.constructor as Layout['View'],
  }));

/** In memory that nobody fills with zeros, as all of it is written; aligned to 16 bytes, on which sums of rows depend. */
const placed = ({ type, dims, bytes, View }: Layout): Tensor =>
  new Tensor(type, new View(Buffer.allocUnsafeSlow(bytes).buffer), dims);

/** What sizes of outputs follow from: which they are, sizes of inputs, and single whole numbers, as ends of slices are. */
const keyOf = (feeds: Tensors, outputs: string[]): string =>
  [
    ...outputs,
    ...Object.entries(feeds).map(
      ([name, { type, dims, size, data }]) => `${name} ${type === 'int64' && size === 1 ? data[0] : dims.join()}`,
    ),
  ].join('\n');

/** What is needed of a session. */
export interface Runs {
  run(feeds: Tensors, fetches: InferenceSession.FetchesType): Promise<InferenceSession.ReturnType>;
}

/** Runs of a session on the CPU whose model is `withUnconverted`: the first of some sizes tells those of its outputs. */
export class InPlace {
  private readonly layouts = new Map<string, Layout[]>();

  constructor(private readonly session: Runs) {}

  async run(feeds: Tensors, outputs: string[]): Promise<Tensors> {
    const key = keyOf(feeds, outputs);
    const layout = this.layouts.get(key);
    if (layout) return this.runInto(feeds, layout);
    const results = (await this.session.run(feeds, outputs)) as Tensors;
    if (this.layouts.size === KEPT) this.layouts.clear();
    this.layouts.set(key, layoutOf(results));
    return results;
  }

  private async runInto(feeds: Tensors, layout: Layout[]): Promise<Tensors> {
    const places = Object.fromEntries(layout.map((each) => [each.name, placed(each)]));
    try {
      return (await this.session.run(feeds, { [UNCONVERTED]: null, ...places })) as Tensors;
    } catch (error) {
      if (!(error instanceof Error && REFUSED.test(error.message))) throw error;
      return places;
    }
  }
}
