import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import type { LogLine } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { nextOutputs } from '../graph/nextTokens';
import { graphInputs, keptName, RESID_OUT, type Graph, type UnembedGraphRequest } from '../graph/transformer';
import { foreignGraphs } from '../onnx/graphs';
import { checkpointGraphs, type ModelGraphs } from './graphs';
import { boundInputs, targetsOf } from './inputs';
import { kindsKey, kindsOf } from './interventions';
import { floats, hookOf, joinedRows, joinNext, nextTokens } from './outputs';
import { ROW_BLOCKS, rowBounds } from './patternRows';
import { chooseProvider } from './providers';
import { freeOnDevice, keepsOnDevice } from './session';
import { SessionCache, timed, type SessionRequest, type Timings } from './sessionCache';
import type { ForwardRequest, ForwardResult, ModelRunner, Steps, UnembedRequest, Unembedded } from './types';

const LIMITS = {
  /** Blocks that one session holds: what runs between two looks at the cancel button, and is in memory twice when it is copied out. */
  segmentBytes: 64 * 2 ** 20,
  /** Logits that one run of the unembedding makes. */
  logitsPerRun: 2 ** 24,
  /** Where they come back or next tokens are made of them: they are in memory twice, and under 32 MiB glibc keeps that for the next run. */
  heldPerRun: 7 * 2 ** 20,
  /** Tokens from which on attention is computed in blocks of rows. */
  rowBlocksFrom: ROW_BLOCKS.from,
  rowBlocks: ROW_BLOCKS.blocks,
  /** Sessions for other hooks are kept while all together stay below this. */
  keepBytes: 512 * 2 ** 20,
};

interface RowsToUnembed {
  values: Float32Array;
  targets: BigInt64Array;
  nTargets: number;
  against?: Float32Array;
}

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
  return runnerOn(checkpoint, provider, notes, options.limits);
}

/** The same on a provider that is known to start. */
export function runnerOn(
  checkpoint: Checkpoint,
  provider: string,
  notes: string[] = [],
  own: RunnerOptions['limits'] = {},
): ModelRunner {
  const limits = { ...LIMITS, ...own };
  const graphs = checkpoint.foreign
    ? foreignGraphs(checkpoint, checkpoint.foreign, limits.segmentBytes)
    : checkpointGraphs(checkpoint, limits.segmentBytes);
  return new Runner(checkpoint, graphs, provider, notes, limits);
}

class Runner implements ModelRunner {
  private readonly sessions: SessionCache;

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly graphs: ModelGraphs,
    readonly provider: string,
    readonly providerNotes: string[],
    private readonly limits: typeof LIMITS,
  ) {
    this.sessions = new SessionCache(provider, limits.keepBytes);
  }

  async run(request: ForwardRequest, steps: Steps = NO_STEPS): Promise<ForwardResult> {
    // ONNX Runtime does not survive an empty tensor here: a division by zero in native code
    if (request.ids.length === 0) throw new RangeError('a run needs at least one token');
    return this.sessions.during(async () => {
      const result: ForwardResult = { hooks: {}, loadMs: 0, runMs: 0 };
      const bounds = this.bounds(request.ids.length);
      const feeds = { ...this.graphs.feeds(request.ids, request.interventions), ...boundInputs(bounds) };
      const resid = await this.runBlocks(request, feeds, bounds, result, steps);
      if (resid) await this.runUnembed(request, resid, result, steps);
      return result;
    });
  }

  /** Of the blocks of rows in which attention over so many tokens is computed; none where it is computed whole. */
  private bounds(n: number): number[] {
    const { rowBlocksFrom, rowBlocks } = this.limits;
    // on a graphics card more and smaller operations are not known to be faster
    const inBlocks = this.graphs.inRowBlocks && this.provider === 'cpu' && n >= Math.max(rowBlocksFrom, rowBlocks);
    return inBlocks ? rowBounds(n, rowBlocks) : [];
  }

  /** @returns the residual stream after the last block, if something reads it */
  private async runBlocks(
    { hooks, keep = [], topK, interventions, glance }: ForwardRequest,
    feeds: Record<string, Tensor>,
    bounds: number[],
    result: ForwardResult,
    steps: Steps,
  ): Promise<Tensor | undefined> {
    const { nLayers } = this.checkpoint.description;
    const blockHooks = hooks.filter((name) => !isUnembedHook(name));
    const toUnembed = topK !== undefined || blockHooks.length < hooks.length;
    const last = toUnembed ? nLayers : Math.max(...blockHooks.map(blockOf)) + 1;
    const kinds = kindsOf(interventions);
    const rowBlocks = bounds.length > 0 ? bounds.length - 1 : undefined;
    let resid: Tensor | undefined;
    for (const segment of this.graphs.segments.filter(({ from }) => from < last || from === 0)) {
      const to = Math.min(segment.to, last);
      const own = blockHooks.filter((name) => {
        const block = blockOf(name);
        return segment.from <= block && (block < segment.to || segment.to === nLayers);
      });
      const kept = keepsOnDevice(this.provider) ? own.filter((name) => keep.includes(name)) : [];
      const residOut = toUnembed || to < last;
      const residStays = to < last;
      const name = l10n.t('blocks {0}–{1} of {2}', segment.from, to, nLayers);
      const wanted = {
        from: segment.from,
        to,
        hooks: own,
        kept,
        residOut,
        residStays,
        interventions: kinds,
        rowBlocks,
      };
      const exposes = [
        ...[...own, ...kept.map(keptName)],
        ...(residOut ? [RESID_OUT] : []),
        ...(residStays ? ['stays'] : []),
      ];
      const emit = (once: boolean): Graph => this.graphs.blocks({ ...wanted, once });
      const all = resid ? { ...feeds, [graphInputs.resid]: resid } : feeds;
      const outputs = await this.sessions.use(
        {
          name: name + kindsKey(kinds) + (rowBlocks ? l10n.t(' in {0} blocks of rows', rowBlocks) : ''),
          exposes,
          bytes: segment.bytes,
          emit,
          glance,
        },
        result,
        steps,
        async (session) => {
          await steps.step(l10n.t('Running {0}', name), segment.from / Math.max(1, last));
          return timed(result, 'runMs', () => session.run(all));
        },
      );
      freeOnDevice(resid);
      for (const hook of own) result.hooks[hook] = hookOf(outputs, hook, bounds);
      for (const hook of kept) {
        const tensor = outputs[keptName(hook)];
        if (tensor?.location === 'gpu-buffer') result.kept = { ...result.kept, [hook]: tensor };
      }
      resid = outputs[RESID_OUT];
    }
    return toUnembed ? resid : undefined;
  }

  private async runUnembed(request: ForwardRequest, resid: Tensor, result: ForwardResult, steps: Steps): Promise<void> {
    const { dVocab } = this.checkpoint.description;
    const hooks = request.hooks.filter(isUnembedHook);
    const k = request.topK === undefined ? undefined : Math.min(request.topK, dVocab);
    const exposes = k === undefined ? hooks : [...hooks, `top ${k}`];
    const session = { ...this.unembedding(exposes, { hooks, topK: k }), glance: request.glance };
    const from = request.unembedFrom ?? 0;
    const values = (resid.data as Float32Array).subarray(from * this.graphs.width);
    const targets = (targetsOf(request.ids).data as BigInt64Array).subarray(from);
    const { logitsPerRun, heldPerRun } = this.limits;
    const rows = Math.floor(Math.min(logitsPerRun, heldPerRun) / dVocab);
    const chunks = await this.unembedRows(session, { values, targets, nTargets: 1 }, rows, result, steps);
    for (const hook of hooks) result.hooks[hook] = joinedRows(chunks.map((c) => c[hook]!));
    if (k !== undefined) result.next = nextTokens(chunks, k);
  }

  unembed(request: UnembedRequest, steps: Steps = NO_STEPS): Promise<Unembedded> {
    return this.sessions.during(() => this.unembedInSession(request, steps));
  }

  private async unembedInSession({ resid, topK, targets, against }: UnembedRequest, steps: Steps): Promise<Unembedded> {
    const { dVocab } = this.checkpoint.description;
    const { width } = this.graphs;
    const timings = { loadMs: 0, runMs: 0 };
    const k = Math.min(topK, dVocab);
    const nTargets = targets.length;
    const exposes = [`top ${k}`, `${nTargets} ranks`, ...(against ? ['kl'] : [])];
    const wanted = { hooks: [], topK: k, ranksOf: nTargets, against: against !== undefined };
    const session = this.unembedding(exposes, wanted);
    const n = resid.length / width;
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

  private unembedding(exposes: string[], wanted: UnembedGraphRequest): SessionRequest {
    const emit = (): Graph => this.graphs.unembed(wanted);
    return { name: l10n.t('unembedding'), exposes, bytes: this.graphs.unembedBytes, emit };
  }

  /** Unembeds rows of the residual stream, at most `rowsPerRun` (or one) at a time. */
  private unembedRows(
    request: SessionRequest,
    { values, targets, nTargets, against }: RowsToUnembed,
    rowsPerRun: number,
    timings: Timings,
    steps: Steps,
  ): Promise<Record<string, Tensor>[]> {
    const { width, maxRows } = this.graphs;
    const n = values.length / width;
    const runs = Math.ceil(n / Math.min(maxRows, Math.max(1, rowsPerRun)));
    const rows = Math.ceil(n / runs);
    const feedsOf = (start: number, end: number): Record<string, Tensor> => {
      const residRows = (data: Float32Array): Tensor =>
        new Tensor('float32', data.subarray(start * width, end * width), [end - start, width]);
      const tokens = targets.subarray(start * nTargets, end * nTargets);
      return {
        ...this.graphs.rowFeeds((end - start) * (against ? 2 : 1)),
        [graphInputs.resid]: residRows(values),
        ...(against && { [graphInputs.against]: residRows(against) }),
        [graphInputs.targets]: new Tensor('int64', tokens, [end - start, nTargets]),
      };
    };
    return this.sessions.use(request, timings, steps, async (session) => {
      const chunks: Record<string, Tensor>[] = [];
      for (let start = 0; start < n; start += rows) {
        await steps.step(l10n.t('Predicting next tokens'), start / n);
        const feeds = feedsOf(start, Math.min(n, start + rows));
        chunks.push(await timed(timings, 'runMs', () => session.run(feeds)));
      }
      return chunks;
    });
  }

  dispose(): Promise<void> {
    return this.sessions.dispose();
  }
}
