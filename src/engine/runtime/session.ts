import * as l10n from '@vscode/l10n';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { InputError } from '../checkpoint/errors';
import type { Graph } from '../graph/transformer';
import { InPlace, withUnconverted } from './inPlace';
import { runtimeReason } from './runtimeReason';
import { BREAKS_WEBGPU, forWebgpu } from './webgpu';

/** Whether outputs can stay on the device: the binding (1.30) takes buffers of WebGPU alone, whatever it is asked of others. */
export const keepsOnDevice = (provider: string): boolean => provider === 'webgpu';

const locations = ({ outputs }: Graph, device: string[]): Record<string, 'cpu' | 'gpu-buffer'> =>
  Object.fromEntries(outputs.map((name) => [name, device.includes(name) ? 'gpu-buffer' : 'cpu']));

/** Frees what stayed on a device. To ask such a tensor for its data ends the process: the binding has not made that. */
export function freeOnDevice(tensor: Tensor | undefined): void {
  if (tensor?.location === 'gpu-buffer') tensor.dispose();
}

/**
 * How long a thread without work stays awake. Between two operations of a run that is shorter than to sleep and to be woken
 * (small models take 0.7 of the time, GPT-2 small's shape 0.93); longer, threads take cores from others on a busy machine.
 */
const AWAKE_US = '200';

export interface SessionOptions {
  /** It will run once: nothing is computed (on one thread) or repacked while it loads. */
  once?: boolean;
  /** The CPU reads weights where they lie: it loads at once, and runs of few rows take longer. */
  isMapped?: boolean;
  /** Fewer than the machine has: to start and end them costs more than a small run. */
  threads?: number;
  /** Memory of a run is kept for the next: for a session that runs again and again with the same sizes. Default: `once`. */
  arena?: boolean;
}

/** @throws InputError for a foreign graph, which the engine did not make */
function refuse({ source }: Graph, error: unknown): never {
  if (source === undefined) throw error;
  throw new InputError(l10n.t('{0}: ONNX Runtime cannot run it: {1}.', source, runtimeReason(error)));
}

/** One emitted graph, loaded on one provider. */
export class Session {
  private readonly inPlace: InPlace | undefined;

  private constructor(
    private readonly session: InferenceSession,
    private readonly graph: Graph,
    isInPlace: boolean,
  ) {
    this.inPlace = isInPlace ? new InPlace(session) : undefined;
  }

  static async create(
    graph: Graph,
    provider: string,
    { once = false, isMapped = once, arena = once, threads }: SessionOptions = {},
  ): Promise<Session> {
    // what is mapped runs once, and with graphs that others made nothing is certain
    const isInPlace = provider === 'cpu' && !isMapped && graph.source === undefined;
    const own = isInPlace ? withUnconverted(graph.bytes) : graph.bytes;
    const bytes = provider === 'webgpu' ? forWebgpu(own) : own;
    const session = await InferenceSession.create(bytes, {
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
      // measured: the arena keeps a spare copy of every output, which a session that runs once takes along when it goes
      enableCpuMemArena: arena,
      logSeverityLevel: 3,
      ...(threads !== undefined && { intraOpNumThreads: threads }),
      ...(keepsOnDevice(provider) &&
        graph.device?.length && { preferredOutputLocation: locations(graph, graph.device) }),
      ...(once && { graphOptimizationLevel: 'disabled' }),
      extra: {
        session: {
          model_external_initializers_file_folder_path: graph.folder,
          intra_op: { allow_spinning: '1', spin_duration_us: AWAKE_US },
          // by default products with dequantised weights quantise their activations as well: 1 % off
          qdq_matmulnbits_accuracy_level: '1',
          ...(isMapped && { disable_prepacking: '1' }),
        },
        ...(provider === 'webgpu' && { optimization: { disable_specified_optimizers: BREAKS_WEBGPU } }),
      },
    }).catch((error: unknown) => refuse(graph, error));
    return new Session(session, graph, isInPlace);
  }

  /**
   * Runs with those of `feeds` that the graph has as inputs.
   * @param wanted those outputs only
   */
  async run(feeds: Record<string, Tensor>, wanted?: ReadonlySet<string>): Promise<Record<string, Tensor>> {
    const own: Record<string, Tensor> = {};
    for (const name of this.graph.inputs) {
      const feed = feeds[this.call(name)];
      if (!feed) throw new Error(`the graph input ${name} is missing`);
      own[name] = feed;
    }
    const outputs = this.graph.outputs.filter((name) => wanted?.has(this.call(name)) ?? true);
    const ran = this.inPlace?.run(own, outputs) ?? this.session.run(own, outputs);
    const results = (await ran.catch((error: unknown) => refuse(this.graph, error))) as Record<string, Tensor>;
    return this.graph.calls
      ? Object.fromEntries(Object.entries(results).map(([name, value]) => [this.call(name), value]))
      : results;
  }

  /** What ONNX Runtime infers of each output: `float32`, `float16`, `int64` … */
  outputTypes(): Record<string, string> {
    const types = this.session.outputMetadata.flatMap((each) =>
      each.isTensor ? [[this.call(each.name), each.type]] : [],
    );
    return Object.fromEntries(types) as Record<string, string>;
  }

  private call(name: string): string {
    return this.graph.calls?.get(name) ?? name;
  }

  async dispose(): Promise<void> {
    await this.session.release();
  }
}
