import * as l10n from '@vscode/l10n';
import type { HookTensor } from '../../protocol/engine';
import type { ModelDescription } from '../checkpoint/description';
import type { CircuitAnalysis } from '../circuitHandlers';
import { embedHooks, layerHook } from '../graph/hooks';
import { readPrompt, tokenTextOf } from '../prompt';
import { predictions } from './nextToken';
import { wholeNumber } from './params';

const MAX_TOP = 100;

/**
 * Logit lens (nostalgebraist, 2020; TransformerLens `accumulated_resid` with `apply_ln`): the residual stream before every block
 * and after the last, each through the final norm (with its own scale) and the unembedding.
 */
export const lens: CircuitAnalysis<'lens'> = async (
  { checkpoint, runner },
  { text, ids: givenIds, topK = 5 },
  steps,
) => {
  const { description } = checkpoint;
  const k = Math.min(wholeNumber('topK', topK, MAX_TOP), description.dVocab);
  const textOf = tokenTextOf(checkpoint);
  const { tokens, notices } = readPrompt(checkpoint, { text, ids: givenIds });
  const ids = tokens.map(({ id }) => id);
  const n = ids.length;
  await steps.step(l10n.t('Running {0} tokens', n), 0);
  const stages = stagesOf(description);
  const { hooks, next } = await runner.run({ ids, hooks: stages.flatMap((stage) => stage.hooks), topK: 1 }, steps);

  const size = stages.length * n;
  const topIds = new Int32Array(size * k);
  const topP = new Float32Array(size * k);
  const [answerP, nextP] = [new Float32Array(size), new Float32Array(size)];
  const [answerRank, nextRank] = [new Int32Array(size), new Int32Array(size)];
  const targets = [next!.ids, [...ids.slice(1), ids[n - 1]!]];
  for (const [stage, { label, hooks: names }] of stages.entries()) {
    await steps.step(l10n.t('Reading the residual stream at {0}', label), stage / stages.length);
    const resid = sum(names.map((name) => hooks[name]!));
    const read = await runner.unembed({ resid, topK: k, targets }, steps);
    topIds.set(read.ids, stage * n * k);
    topP.set(read.logProbs.map(Math.exp), stage * n * k);
    const [answer, following] = read.targets;
    answerP.set(answer!.logProbs.map(Math.exp), stage * n);
    answerRank.set(answer!.ranks, stage * n);
    nextP.set(following!.logProbs.map(Math.exp), stage * n);
    nextRank.set(following!.ranks, stage * n);
    // nothing follows the last token
    nextP[stage * n + n - 1] = NaN;
    nextRank[stage * n + n - 1] = -1;
  }
  return {
    tokens,
    stages: stages.map(({ label, hooks: names }) => ({ label, hook: names[0]! })),
    k,
    topIds,
    topP,
    answers: predictions(next!, textOf).map(([top]) => top!),
    answerP,
    answerRank,
    nextP,
    nextRank,
    texts: Object.fromEntries([...new Set(topIds)].map((id) => [id, textOf(id)])),
    notices,
  };
};

/** Rows of the lens, bottom to top; a row is the sum of its hooks. */
function stagesOf(d: ModelDescription): { label: string; hooks: string[] }[] {
  const { nLayers } = d;
  const layers = Array.from({ length: nLayers }, (_, layer) => ({
    label: `L${layer}`,
    hooks: [layerHook(layer, 'residPre')],
  }));
  // without blocks there is no hook of the residual stream
  const out = nLayers === 0 ? embedHooks(d) : [layerHook(nLayers - 1, 'residPost')];
  return [...layers, { label: 'out', hooks: out }];
}

function sum([first, ...rest]: HookTensor[]): Float32Array {
  const total = first!.data;
  return rest.length === 0 ? total : total.map((value, i) => rest.reduce((s, { data }) => s + data[i]!, value));
}
