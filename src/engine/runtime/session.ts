import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { Graph } from '../graph/transformer';

/** One emitted graph, loaded on one provider. */
export class Session {
  private constructor(
    private readonly session: InferenceSession,
    private readonly graph: Graph,
  ) {}

  /** @param once it will run once: nothing is computed (on one thread) or repacked while it loads */
  static async create(graph: Graph, provider: string, once = false): Promise<Session> {
    const session = await InferenceSession.create(graph.bytes, {
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
      // measured: the arena keeps a spare copy of every output, which a session that runs once takes along when it goes;
      // spinning threads hurt on a busy machine
      enableCpuMemArena: once,
      logSeverityLevel: 3,
      ...(once && { graphOptimizationLevel: 'disabled' }),
      extra: {
        session: {
          model_external_initializers_file_folder_path: graph.folder,
          intra_op: { allow_spinning: '0' },
          ...(once && { disable_prepacking: '1' }),
        },
      },
    });
    return new Session(session, graph);
  }

  /** Runs with those of `feeds` that the graph has as inputs. */
  async run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
    const own: Record<string, Tensor> = {};
    for (const name of this.graph.inputs) {
      const feed = feeds[name];
      if (!feed) throw new Error(`the graph input ${name} is missing`);
      own[name] = feed;
    }
    return (await this.session.run(own, this.graph.outputs)) as Record<string, Tensor>;
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }
}
