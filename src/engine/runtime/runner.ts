import * as l10n from '@vscode/l10n';
import type { Tensor } from 'onnxruntime-node';
import type { LogLine } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { graphInputs, keptName, RESID_OUT } from '../graph/names';
import type { Batch, Graph } from '../graph/transformer';
import { foreignGraphs } from '../onnx/graphs';
import { checkpointGraphs, type ModelGraphs } from './graphs';
import { boundInputs } from './inputs';
import { kindsKey, kindsOf } from './interventions';
import { hookOf } from './outputs';
import { rowBlocks, rowBounds, type RowBlocks } from './patternRows';
import { chooseProvider } from './providers';
import { freeOnDevice, keepsOnDevice } from './session';
import { SessionCache, timed, type Packed } from './sessionCache';
import type { ForwardRequest, ForwardResult, ModelRunner, Steps, UnembedRequest, Unembedded } from './types';
import { isUnembedHook, Unembedder } from './unembedder';

const LIMITS = {
  /** Blocks that one session holds: what runs between two looks at the cancel button, and is in memory twice when it is copied out. */
  segmentBytes: 64 * 2 ** 20,
  /** Of the vocabulary that next tokens of a glance are made of at once. */
  vocabularyBytes: 32 * 2 ** 20,
  /** Logits that one run of the unembedding makes. */
  logitsPerRun: 2 ** 24,
  /** Where they come back or next tokens are made of them: they are in memory twice, and under 32 MiB glibc keeps that for the next run. */
  heldPerRun: 7 * 2 ** 20,
  /** Tokens from which weights are read again by every glance: a seventh of its time, and the memory is the patterns'. */
  unpackedFrom: 1024,
  /** Sessions for other hooks are kept while all together stay below this. */
  keepBytes: 512 * 2 ** 20,
};

type Limits = typeof LIMITS & { rowBlocks?: readonly RowBlocks[] };

const NO_STEPS: Steps = { step: async () => undefined };

const blockOf = (name: string): number => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? 0);

export interface RunnerOptions {
  /** Providers in the order in which they are tried; empty: the default order. */
  providers: string[];
  log: (line: LogLine) => void;
  /** Others than the usual ones, so that tests can split small models. */
  limits?: Partial<Limits>;
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
    : checkpointGraphs(checkpoint, limits);
  return new Runner(checkpoint, graphs, provider, notes, limits);
}

class Runner implements ModelRunner {
  private readonly sessions: SessionCache;
  private readonly unembedder: Unembedder;

  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly graphs: ModelGraphs,
    readonly provider: string,
    readonly providerNotes: string[],
    private readonly limits: Limits,
  ) {
    this.sessions = new SessionCache(provider, limits.keepBytes);
    this.unembedder = new Unembedder(checkpoint.description.dVocab, graphs, this.sessions, provider, limits);
  }

  async run(request: ForwardRequest, steps: Steps = NO_STEPS): Promise<ForwardResult> {
    // ONNX Runtime does not survive an empty tensor here: a division by zero in native code
    if (request.ids.length === 0) throw new RangeError('a run needs at least one token');
    return this.sessions.during(async () => {
      const result: ForwardResult = { hooks: {}, loadMs: 0, runMs: 0 };
      const { ids, interventions, sequences = 1 } = request;
      if (sequences > 1) this.checkSequences(request, sequences);
      const bounds = sequences > 1 ? [] : this.bounds(ids.length);
      const feeds = { ...this.graphs.feeds(ids, interventions, sequences), ...boundInputs(bounds) };
      const resid = await this.runBlocks(request, feeds, bounds, result, steps);
      if (resid) await this.unembedder.run(request, this.packed(request), resid, result, steps);
      return result;
    });
  }

  /** @throws RangeError for what several sequences at once cannot give */
  private checkSequences({ ids, hooks, topK, interventions }: ForwardRequest, sequences: number): void {
    const isResid = hooks.every((hook) => /\.hook_resid_(pre|mid|post)$/.test(hook));
    if (!this.graphs.inSequences || !isResid || topK !== undefined || interventions || ids.length % sequences > 0)
      throw new RangeError(`${sequences} sequences of ${ids.length} tokens give residual streams alone`);
  }

  /** Of the blocks of rows in which attention over so many tokens is computed; none where it is computed whole. */
  private bounds(n: number): number[] {
    // on a graphics card more and smaller operations are not known to be faster
    const blocks = this.graphs.inRowBlocks && this.provider === 'cpu' ? rowBlocks(n, this.limits.rowBlocks) : 1;
    return blocks > 1 ? rowBounds(n, blocks) : [];
  }

  private packed({ ids, glance }: ForwardRequest): Packed {
    return !glance ? 'first' : ids.length < this.limits.unpackedFrom ? 'later' : 'never';
  }

  /** @returns the residual stream after the last block, if something reads it */
  private async runBlocks(
    request: ForwardRequest,
    feeds: Record<string, Tensor>,
    bounds: number[],
    result: ForwardResult,
    steps: Steps,
  ): Promise<Tensor | undefined> {
    const { hooks, keep = [], topK, interventions, sequences = 1 } = request;
    const batch = sequences > 1 ? { sequences, length: request.ids.length / sequences } : undefined;
    const { nLayers } = this.checkpoint.description;
    const blockHooks = hooks.filter((name) => !isUnembedHook(name));
    const toUnembed = topK !== undefined || blockHooks.length < hooks.length;
    const last = toUnembed ? nLayers : Math.max(...blockHooks.map(blockOf)) + 1;
    const kinds = kindsOf(interventions);
    const inBlocks = bounds.length > 0 ? bounds.length - 1 : undefined;
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
        rowBlocks: inBlocks,
        batch,
      };
      const exposes = [
        ...[...own, ...kept.map(keptName)],
        ...(residOut ? [RESID_OUT] : []),
        ...(residStays ? ['stays'] : []),
      ];
      const emit = (once: boolean): Graph => this.graphs.blocks({ ...wanted, once, isPadded: request.glance !== true });
      const all = resid ? { ...feeds, [graphInputs.resid]: resid } : feeds;
      const outputs = await this.sessions.use(
        {
          name: name + kindsKey(kinds) + variantKey(inBlocks, batch),
          exposes,
          bytes: segment.bytes,
          emit,
          packed: this.packed(request),
          arena: batch !== undefined,
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

  unembed(request: UnembedRequest, steps: Steps = NO_STEPS): Promise<Unembedded> {
    return this.sessions.during(() => this.unembedder.unembed(request, steps));
  }

  dispose(): Promise<void> {
    return this.sessions.dispose();
  }
}

/** Of a session's name: blocks have one for each number of blocks of rows, and for each number and length of sequences. */
function variantKey(rowBlocks: number | undefined, batch: Batch | undefined): string {
  if (batch) return l10n.t(' for {0} sequences of {1} tokens', batch.sequences, batch.length);
  return rowBlocks ? l10n.t(' in {0} blocks of rows', rowBlocks) : '';
}
