/** What the papers look at while a model trains, by the inspector's own analyses of the checkpoint as it is. */
import * as l10n from '@vscode/l10n';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HeadRef } from '../../../protocol/checkpoint';
import type { HeadGrid, ToyPoint, TrainingReport } from '../../../protocol/training';
import type { Checkpoint } from '../../checkpoint/checkpoint';
import { readSafetensors, writeSafetensors } from '../../checkpoint/safetensors';
import { compositionScores } from '../../circuits/composition';
import { behaviourScores } from '../../circuits/headScores';
import { repeatedSequences } from '../../circuits/repeated';
import type { OpenModel } from '../../circuitHandlers';
import { layerHook } from '../../graph/hooks';
import { runnerOn } from '../../runtime/runner';
import type { Steps } from '../../runtime/types';
import type { Measurement } from '../trainer';
import type { Arrays } from '../store';

/** Equal stretches of positions. */
const STRETCHES = 16;

export interface Measured {
  /** All of a checkpoint but its tensors. */
  checkpoint: Omit<Checkpoint, 'tensors'>;
  /** Sequences of held-out tokens. */
  heldOut: number[][];
  /** Tokens whose attention is reported; none: none is. */
  snippet: { ids: number[]; texts: string[] };
}

/** @param weights by stored name */
export async function measure(of: Measured, weights: Arrays, steps: Steps): Promise<Measurement<ToyPoint>> {
  // where it cannot be mistaken for a result
  const folder = await mkdtemp(join(tmpdir(), 'circuitscope-toy-'));
  try {
    const file = join(folder, 'model.safetensors');
    await writeSafetensors(file, weights);
    const checkpoint = { ...of.checkpoint, tensors: await readSafetensors(file) };
    const runner = runnerOn(checkpoint, 'cpu');
    try {
      return await measureOpen({ checkpoint, runner }, of, steps);
    } finally {
      await runner.dispose();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureOpen(
  model: OpenModel,
  { heldOut, snippet }: Measured,
  steps: Steps,
): Promise<Measurement<ToyPoint>> {
  const { nLayers } = model.checkpoint.description;
  const values: Partial<ToyPoint> = lossSummary(await meanLosses(model, heldOut, steps));
  if (nLayers === 0) return { values };
  const { previousToken, induction } = await headGrids(model, steps);
  Object.assign(values, { previousToken, induction });
  if (nLayers === 2) values.kComposition = await kComposition(model, steps);
  const strongest =
    nLayers > 1
      ? best((value) => l10n.t('induction {0}', value), induction)
      : best((value) => l10n.t('previous token {0}', value), previousToken);
  const attention = snippet.ids.length > 0 ? await attentionOf(model, strongest, snippet, steps) : undefined;
  return { values, ...(attention && { attention }) };
}

/** Mean loss of predicting from each position, over sequences of one length; the last has no target. `[length − 1]` */
async function meanLosses({ runner }: OpenModel, sequences: number[][], steps: Steps): Promise<Float64Array> {
  const sums = new Float64Array(Math.max(0, (sequences[0]?.length ?? 0) - 1));
  for (const ids of sequences) {
    const { next } = await runner.run({ ids, hooks: [], topK: 1 }, steps);
    for (let pos = 0; pos < sums.length; pos++) sums[pos]! -= next!.tokenLogProbs[pos + 1]! / sequences.length;
  }
  return sums;
}

const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Loss by stretches of positions, and how much later is better. */
export function lossSummary(losses: Float64Array): Pick<ToyPoint, 'lossByPosition' | 'inContext'> {
  const part = (i: number, of: number): number =>
    meanOf(losses.subarray(Math.floor((i * losses.length) / of), Math.floor(((i + 1) * losses.length) / of)));
  const stretches = Math.min(STRETCHES, losses.length);
  return {
    lossByPosition: Array.from({ length: stretches }, (_, i) => part(i, stretches)),
    ...(losses.length >= 8 && { inContext: part(7, 8) - part(1, 8) }),
  };
}

async function headGrids(model: OpenModel, steps: Steps): Promise<{ previousToken: HeadGrid; induction: HeadGrid }> {
  const { nLayers, nHeads } = model.checkpoint.description;
  const scores = await behaviourScores(model, repeatedSequences(model.checkpoint, {}), steps);
  const grid = (name: 'previousToken' | 'induction'): HeadGrid =>
    Array.from({ length: nLayers }, (_, layer) =>
      scores.slice(layer * nHeads, (layer + 1) * nHeads).map((score) => score[name]),
    );
  return { previousToken: grid('previousToken'), induction: grid('induction') };
}

/** Largest K-composition of each head of layer 1 with one of layer 0. */
async function kComposition(model: OpenModel, steps: Steps): Promise<number[]> {
  const { nHeads } = model.checkpoint.description;
  const { K } = await compositionScores(model, false, steps);
  const n = 2 * nHeads;
  return Array.from({ length: nHeads }, (_, later) =>
    Math.max(...Array.from({ length: nHeads }, (_, earlier) => K[earlier * n + nHeads + later]!)),
  );
}

interface Strongest {
  head: HeadRef;
  score: string;
}

function best(scored: (value: string) => string, grid: HeadGrid): Strongest {
  const all = grid.flatMap((row, layer) => row.map((value, head) => ({ layer, head, value })));
  const { layer, head, value } = all.reduce((a, b) => (b.value > a.value ? b : a));
  return { head: { layer, head }, score: scored(value.toFixed(2)) };
}

async function attentionOf(
  { checkpoint, runner }: OpenModel,
  { head, score }: Strongest,
  { ids, texts }: Measured['snippet'],
  steps: Steps,
): Promise<NonNullable<TrainingReport['attention']>> {
  const hook = layerHook(head.layer, 'pattern');
  const { hooks } = await runner.run({ ids, hooks: [hook] }, steps);
  const size = ids.length * ids.length;
  const { nHeads } = checkpoint.description;
  if (hooks[hook]!.data.length !== nHeads * size) throw new Error(`${hook} has another size`);
  return { head, score, tokens: texts, pattern: hooks[hook]!.data.slice(head.head * size, (head.head + 1) * size) };
}
