import type { Tensor } from 'onnxruntime-node';
import type { HookTensor } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { DataType, GraphBuilder, type Value } from '../graph/builder';
import { Weights } from '../graph/weights';
import { Session } from './session';

/** A checkpoint or an autoencoder. */
type Tensors = Pick<Checkpoint, 'tensors'>;

/** Emits a graph over a checkpoint's weights and returns its float32 outputs by name. */
export type EmitWeights = (g: GraphBuilder, w: Weights) => Record<string, Value>;

/** A graph over weights alone (and `feeds`), loaded once and run as often as wanted; to be disposed. */
export class WeightGraph {
  private constructor(
    private readonly session: Session,
    private readonly outputs: string[],
  ) {}

  static async create(of: Tensors, provider: string, emit: EmitWeights, { once = false } = {}): Promise<WeightGraph> {
    const g = new GraphBuilder();
    const w = new Weights(of);
    const values = emit(g, w);
    const outputs = Object.keys(values);
    for (const name of outputs) g.alias(values[name]!, name);
    const graph = g.build(outputs.map((name) => ({ name, dtype: DataType.FLOAT })));
    return new WeightGraph(await Session.create({ ...graph, outputs, folder: w.folder }, provider, { once }), outputs);
  }

  async run(feeds: Record<string, Tensor> = {}): Promise<Record<string, HookTensor>> {
    const results = await this.session.run(feeds);
    const tensor = (name: string): HookTensor => {
      const { dims, data } = results[name]!;
      return { shape: [...dims], data: data as Float32Array };
    };
    return Object.fromEntries(this.outputs.map((name) => [name, tensor(name)]));
  }

  dispose(): Promise<void> {
    return this.session.dispose();
  }
}

/** Creates, runs once and disposes. */
export async function runWeights(
  of: Tensors,
  provider: string,
  emit: EmitWeights,
  feeds?: Record<string, Tensor>,
): Promise<Record<string, HookTensor>> {
  const graph = await WeightGraph.create(of, provider, emit, { once: true });
  try {
    return await graph.run(feeds);
  } finally {
    await graph.dispose();
  }
}
