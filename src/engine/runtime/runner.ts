import { Tensor } from 'onnxruntime-node';
import type { LogLine } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { Layer, Linear } from '../checkpoint/description';
import { emitBlocks, emitUnembed, graphInputs, nextOutputs, RESID_OUT } from '../graph/transformer';
import { Weights } from '../graph/weights';
import { promptInputs, targetsOf } from './inputs';
import { interventionFeeds, kindsKey, kindsOf } from './interventions';
import { floats, hookTensor, joinNext, joinRows, nextTokens } from './outputs';
import { chooseProvider } from './providers';
import { Session } from './session';
import type { ForwardRequest, ForwardResult, ModelRunner, Steps, UnembedRequest, Unembedded } from './types';

const LIMITS = {
  /** Blocks that one session holds: what loads and runs between two looks at the cancel button. */
  segmentBytes: 256 * 2 ** 20,
  /** Logits that one run of the unembedding makes. */
  logitsPerRun: 2 ** 24,
  /** Sessions for other hooks are kept while all together stay below this. */
  keepBytes: 512 * 2 ** 20,
};

interface RowsToUnembed {
  values: Float32Array;
  targets: BigInt64Array;
  nTargets: number;
  against?: Float32Array;
}

type Timings = Pick<ForwardResult, 'loadMs' | 'runMs'>;

const NO_STEPS: Steps = { step: async () => undefined };

const isUnembedHook = (name: string): boolean => name === 'logits' || name === 'ln_final.hook_scale';
const blockOf = (name: string): number => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0);

export interface RunnerOptions {
  /** Providers in the order in which they are tried; empty: the default order. */
  providers: string[];
  log: (line: LogLine) => void;
  /** Others than the usual ones, so that tests can split small models. */
  limits?: Partial<typeof LIMITS>;
}

/**
 * Chooses a provider for a checkpoint. Sessions are created by the first run that needs them.
 * @throws InputError when no provider starts
 */
export async function createRunner(checkpoint: Checkpoint, options: RunnerOptions): Promise<ModelRunner> {
  const { provider, notes } = await chooseProvider(options.providers, options.log);
  return new Runner(checkpoint, provider, notes, { ...LIMITS, ...options.limits });
}

class Runner implements ModelRunner {
  /** Least recently used first. */
  private readonly sessions = new Map<string, { session: Session; bytes: number; usedIn: number }>();
  private runs = 0;
  private readonly segments: { from: number; to: number; bytes: number }[];

  constructor(
    private readonly checkpoint: Checkpoint,
    readonly provider: string,
    readonly providerNotes: string[],
    private readonly limits: typeof LIMITS,
  ) {
    this.segments = segmentsOf(checkpoint.description.layers, limits.segmentBytes);
  }

  async run(request: ForwardRequest, steps: Steps = NO_STEPS): Promise<ForwardResult> {
    // ONNX Runtime does not survive an empty tensor here: a division by zero in native code
    if (request.ids.length === 0) throw new RangeError('a run needs at least one token');
    this.runs++;
    const result: ForwardResult = { hooks: {}, loadMs: 0, runMs: 0 };
    const { description } = this.checkpoint;
    const feeds = {
      ...promptInputs(description, request.ids),
      ...interventionFeeds(description, request.interventions, request.ids.length),
    };
    const resid = await this.runBlocks(request, feeds, result, steps);
    if (resid) await this.runUnembed(request, resid, result, steps);
    return result;
  }

  /** @returns the residual stream after the last block, if something reads it */
  private async runBlocks(
    { hooks, topK, interventions }: ForwardRequest,
    feeds: Record<string, Tensor>,
    result: ForwardResult,
    steps: Steps,
  ): Promise<Tensor | undefined> {
    const { nLayers } = this.checkpoint.description;
    const blockHooks = hooks.filter((name) => !isUnembedHook(name));
    const toUnembed = topK !== undefined || blockHooks.length < hooks.length;
    const last = toUnembed ? nLayers : Math.max(...blockHooks.map(blockOf)) + 1;
    const kinds = kindsOf(interventions);
    let resid: Tensor | undefined;
    for (const segment of this.segments.filter(({ from }) => from < last || from === 0)) {
      const to = Math.min(segment.to, last);
      const own = blockHooks.filter((name) => {
        const block = blockOf(name);
        return segment.from <= block && (block < segment.to || segment.to === nLayers);
      });
      const residOut = toUnembed || to < last;
      const name = `blocks ${segment.from}–${to} of ${nLayers}`;
      const session = await this.session(name + kindsKey(kinds), own, segment.bytes, result, steps, () =>
        emitBlocks(this.checkpoint, { from: segment.from, to, hooks: own, residOut, interventions: kinds }),
      );
      await steps.step(`Running ${name}`, segment.from / Math.max(1, last));
      const outputs = await timed(result, 'runMs', () =>
        session.run(resid ? { ...feeds, [graphInputs.resid]: resid } : feeds),
      );
      for (const hook of own) result.hooks[hook] = hookTensor(outputs[hook]!);
      resid = outputs[RESID_OUT];
    }
    return toUnembed ? resid : undefined;
  }

  private async runUnembed(request: ForwardRequest, resid: Tensor, result: ForwardResult, steps: Steps): Promise<void> {
    const { dModel, dVocab } = this.checkpoint.description;
    const hooks = request.hooks.filter(isUnembedHook);
    const k = request.topK === undefined ? undefined : Math.min(request.topK, dVocab);
    const bytes = 4 * dModel * dVocab;
    const key = k === undefined ? hooks : [...hooks, `top ${k}`];
    const session = await this.session('unembedding', key, bytes, result, steps, () =>
      emitUnembed(this.checkpoint, { hooks, topK: k }),
    );
    const from = request.unembedFrom ?? 0;
    const values = (resid.data as Float32Array).subarray(from * dModel);
    const targets = (targetsOf(request.ids).data as BigInt64Array).subarray(from);
    const rows = Math.floor(this.limits.logitsPerRun / dVocab);
    const chunks = await this.unembedRows(session, { values, targets, nTargets: 1 }, rows, result, steps);
    for (const hook of hooks) result.hooks[hook] = hookTensor(joinRows(chunks.map((c) => c[hook]!)));
    if (k !== undefined) result.next = nextTokens(chunks, k);
  }

  async unembed({ resid, topK, targets, against }: UnembedRequest, steps: Steps = NO_STEPS): Promise<Unembedded> {
    const { dModel, dVocab } = this.checkpoint.description;
    this.runs++;
    const timings = { loadMs: 0, runMs: 0 };
    const k = Math.min(topK, dVocab);
    const nTargets = targets.length;
    const key = [`top ${k}`, `${nTargets} ranks`, ...(against ? ['kl'] : [])];
    const session = await this.session('unembedding', key, 4 * dModel * dVocab, timings, steps, () =>
      emitUnembed(this.checkpoint, { hooks: [], topK: k, ranksOf: nTargets, against: against !== undefined }),
    );
    const n = resid.length / dModel;
    const byRow = BigInt64Array.from({ length: n * nTargets }, (_, i) =>
      BigInt(targets[i % nTargets]![Math.floor(i / nTargets)]!),
    );
    // ranks compare all logits with each target; a divergence has two of everything, and their terms
    const rows = Math.floor(this.limits.logitsPerRun / dVocab / (1 + nTargets + (against ? 4 : 0)));
    const input = { values: resid, targets: byRow, nTargets, ...(against && { against }) };
    const chunks = await this.unembedRows(session, input, rows, timings, steps);
    const { ids, logProbs, targetLogProbs } = joinNext(chunks);
    const ranks = chunks.flatMap((c) => Array.from(c[nextOutputs.targetRanks]!.data as Int32Array));
    const ofTarget = <T>(values: ArrayLike<T>, t: number): T[] =>
      Array.from({ length: n }, (_, row) => values[row * nTargets + t]!);
    return {
      k,
      ids,
      logProbs,
      targets: targets.map((_, t) => ({
        logProbs: Float32Array.from(ofTarget(targetLogProbs, t)),
        ranks: Int32Array.from(ofTarget(ranks, t)),
      })),
      // rounding may leave a little less than nothing
      ...(against && { kl: floats(chunks, nextOutputs.kl).map((value) => Math.max(0, value)) }),
    };
  }

  /** Unembeds rows of the residual stream, at most `rowsPerRun` (or one) at a time. */
  private async unembedRows(
    session: Session,
    { values, targets, nTargets, against }: RowsToUnembed,
    rowsPerRun: number,
    timings: Timings,
    steps: Steps,
  ): Promise<Record<string, Tensor>[]> {
    const { dModel } = this.checkpoint.description;
    const n = values.length / dModel;
    const rows = Math.max(1, rowsPerRun);
    const chunks: Record<string, Tensor>[] = [];
    for (let start = 0; start < n; start += rows) {
      const end = Math.min(n, start + rows);
      await steps.step('Predicting next tokens', start / n);
      const residRows = (data: Float32Array): Tensor =>
        new Tensor('float32', data.subarray(start * dModel, end * dModel), [end - start, dModel]);
      const feeds = {
        [graphInputs.resid]: residRows(values),
        ...(against && { [graphInputs.against]: residRows(against) }),
        [graphInputs.targets]: new Tensor('int64', targets.subarray(start * nTargets, end * nTargets), [
          end - start,
          nTargets,
        ]),
      };
      chunks.push(await timed(timings, 'runMs', () => session.run(feeds)));
    }
    return chunks;
  }

  private async session(
    name: string,
    exposes: string[],
    bytes: number,
    result: Timings,
    steps: Steps,
    emit: () => Parameters<typeof Session.create>[0],
  ): Promise<Session> {
    const key = `${name}: ${exposes.join()}`;
    let entry = this.sessions.get(key);
    if (entry) {
      this.sessions.delete(key); // and set again below, as the most recently used
    } else {
      await steps.step(`Loading ${name}`);
      await this.makeRoom(bytes);
      entry = {
        session: await timed(result, 'loadMs', () => Session.create(emit(), this.provider)),
        bytes,
        usedIn: this.runs,
      };
    }
    entry.usedIn = this.runs;
    this.sessions.set(key, entry);
    return entry.session;
  }

  /** Lets go of the least recently used sessions of earlier runs until `bytes` more fit. */
  private async makeRoom(bytes: number): Promise<void> {
    const total = (): number => [...this.sessions.values()].reduce((sum, s) => sum + s.bytes, bytes);
    for (const [key, entry] of this.sessions) {
      if (total() <= this.limits.keepBytes) return;
      if (entry.usedIn === this.runs) continue;
      this.sessions.delete(key);
      await entry.session.dispose();
    }
  }

  async dispose(): Promise<void> {
    const all = [...this.sessions.values()];
    this.sessions.clear();
    for (const { session } of all) await session.dispose();
  }
}

/** Runs of blocks whose weights fit `limit` as float32; one (perhaps empty) segment at least. */
function segmentsOf(layers: Layer[], limit: number): { from: number; to: number; bytes: number }[] {
  const segments = [{ from: 0, to: 0, bytes: 0 }];
  layers.forEach((layer, index) => {
    const bytes = layerBytes(layer);
    const current = segments.at(-1)!;
    if (current.to > current.from && current.bytes + bytes > limit)
      segments.push({ from: index, to: index + 1, bytes });
    else {
      current.to = index + 1;
      current.bytes += bytes;
    }
  });
  return segments;
}

function layerBytes({ qkv, out, mlp }: Layer): number {
  const projections = qkv.kind === 'fused' ? [qkv.linear] : [qkv.q, qkv.k, qkv.v];
  const all: (Linear | undefined)[] = [...projections, out, mlp?.gate, mlp?.in, mlp?.out];
  return all.reduce((sum, l) => sum + Weights.floatBytes(l?.weight), 0);
}

async function timed<T>(result: Timings, what: keyof Timings, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const value = await work();
  result[what] += performance.now() - start;
  return value;
}
