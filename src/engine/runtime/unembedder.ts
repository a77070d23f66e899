import * as l10n from '@vscode/l10n';
import { Tensor } from 'onnxruntime-node';
import { graphInputs } from '../graph/names';
import { nextOutputs } from '../graph/nextTokens';
import type { Graph, UnembedGraphRequest } from '../graph/transformer';
import type { ModelGraphs } from './graphs';
import { targetsOf } from './inputs';
import { floats, joinedRows, joinNext, nextTokens } from './outputs';
import { timed, type Packed, type SessionCache, type SessionRequest, type Timings } from './sessionCache';
import type { ForwardRequest, ForwardResult, Steps, UnembedRequest, Unembedded } from './types';
import { joinParts, type PartOfNextTokens } from './vocabularyParts';

export interface UnembedLimits {
  /** Logits that one run makes. */
  logitsPerRun: number;
  /** Where they come back or next tokens are made of them. */
  heldPerRun: number;
}

interface RowsToUnembed {
  values: Float32Array;
  targets: BigInt64Array;
  nTargets: number;
  against?: Float32Array;
}

export const isUnembedHook = (name: string): boolean => name === 'logits' || name === 'ln_final.hook_scale';

/** The unembedding of a runner: rows of the residual stream to logits and what is made of them, in chunks of rows. */
export class Unembedder {
  constructor(
    private readonly dVocab: number,
    private readonly graphs: ModelGraphs,
    private readonly sessions: SessionCache,
    private readonly provider: string,
    private readonly limits: UnembedLimits,
  ) {}

  /** What a run wants of the residual stream after the last block. */
  async run(
    request: ForwardRequest,
    packed: Packed,
    resid: Tensor,
    result: ForwardResult,
    steps: Steps,
  ): Promise<void> {
    const { dVocab } = this;
    const hooks = request.hooks.filter(isUnembedHook);
    const k = request.topK === undefined ? undefined : Math.min(request.topK, dVocab);
    const from = request.unembedFrom ?? 0;
    const values = (resid.data as Float32Array).subarray(from * this.graphs.width);
    const targets = (targetsOf(request.ids).data as BigInt64Array).subarray(from);
    const input = { values, targets, nTargets: 1 };
    const inParts = packed !== 'first' && this.provider === 'cpu' && this.graphs.vocabularyParts.length > 1;
    if (k !== undefined && hooks.length === 0 && inParts) {
      result.next = nextTokens(await this.unembedInParts(k, input, result, steps), k);
      return;
    }
    const exposes = k === undefined ? hooks : [...hooks, `top ${k}`];
    const session = this.unembedding(exposes, { hooks, topK: k }, packed);
    const chunks = await this.unembedRows(session, input, this.rowsHeld(dVocab), result, steps);
    for (const hook of hooks) result.hooks[hook] = joinedRows(chunks.map((c) => c[hook]!));
    if (k !== undefined) result.next = nextTokens(joinNext(chunks), k);
  }

  /** Rows of so many logits that one run makes where they are in memory twice. */
  private rowsHeld(nLogits: number): number {
    return Math.floor(Math.min(this.limits.logitsPerRun, this.limits.heldPerRun) / nLogits);
  }

  /** The next tokens from weights that are read where they lie, a part of the vocabulary after the other. */
  private async unembedInParts(
    k: number,
    input: RowsToUnembed,
    timings: Timings,
    steps: Steps,
  ): Promise<ReturnType<typeof joinParts>> {
    const parts: PartOfNextTokens[] = [];
    for (const part of this.graphs.vocabularyParts) {
      const [from, to] = part;
      const exposes = [`top ${k} of ${from}–${to}`];
      const session = this.unembedding(exposes, { hooks: [], topK: k, part }, 'never');
      // targets are counted from the part's first token
      const targets = input.targets.map((id) => id - BigInt(from));
      const rows = this.rowsHeld(to - from);
      parts.push({ part, chunks: await this.unembedRows(session, { ...input, targets }, rows, timings, steps) });
    }
    return joinParts(parts, input.targets, k);
  }

  /** Next tokens and targets of rows of the residual stream; all sessions are packed. */
  async unembed({ resid, topK, targets, against }: UnembedRequest, steps: Steps): Promise<Unembedded> {
    const { dVocab } = this;
    const { width } = this.graphs;
    const timings = { loadMs: 0, runMs: 0 };
    const k = Math.min(topK, dVocab);
    const nTargets = targets.length;
    const exposes = [`top ${k}`, `${nTargets} ranks`, ...(against ? ['kl'] : [])];
    const wanted = { hooks: [], topK: k, ranksOf: nTargets, against: against !== undefined };
    const session = this.unembedding(exposes, wanted, 'first');
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

  private unembedding(exposes: string[], wanted: UnembedGraphRequest, packed: Packed): SessionRequest {
    const emit = (): Graph => this.graphs.unembed(wanted);
    const bytes = this.graphs.unembedBytes / (wanted.part ? this.graphs.vocabularyParts.length : 1);
    return { name: l10n.t('unembedding'), exposes, bytes, emit, packed };
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
}
