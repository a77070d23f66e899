import * as l10n from '@vscode/l10n';
import type { Token } from '../../protocol/analysis';
import type { TextOrIds } from '../../protocol/circuits/behaviour';
import type { HookTensor } from '../../protocol/engine';
import type { Checkpoint } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import type { CircuitAnalysis } from '../circuitHandlers';
import { layerHook } from '../graph/hooks';
import { readPrompt } from '../prompt';
import type { Edit, ForwardResult, Interventions } from '../runtime/types';
import { chooseToken } from '../token';
import { editHeads, editPositions } from './edits';

/** Logit differences that are closer than this differ by rounding only. */
const ROUNDING = 1e-4;

/** Patching, a position of a layer's residual stream or a head at a time. */
interface Patch {
  /** Where its effect goes. */
  into: Float32Array;
  at: number;
  interventions(): Interventions;
}

/**
 * Activation patching, clean into corrupted (TransformerLens: `get_act_patch_resid_pre`, `get_act_patch_attn_head_out_all_pos`): the
 * corrupted prompt is run with one activation of the clean run in it, again and again, and every time it is asked how much of
 * the clean logit difference comes back.
 */
export const patch: CircuitAnalysis<'patch'> = async ({ checkpoint, runner }, params, steps) => {
  const { nLayers, nHeads } = checkpoint.description;
  const prompts = readPrompts(checkpoint, params);
  const [answer, wrong] = [chooseToken(checkpoint, params.answer), chooseToken(checkpoint, params.wrong)];
  const n = prompts.clean.length;
  const ids = (tokens: Token[]): number[] => tokens.map(({ id }) => id);
  const last = { unembedFrom: n - 1 };
  const difference = ({ hooks: { logits } }: ForwardResult): number =>
    logits!.data[answer.id]! - logits!.data[wrong.id]!;

  const layers = Array.from({ length: nLayers }, (_, layer) => layer);
  const read = layers.flatMap((layer) => [layerHook(layer, 'residPre'), layerHook(layer, 'z')]);
  await steps.step(l10n.t('Running the clean prompt'), 0);
  const cleanRun = await runner.run({ ids: ids(prompts.clean), hooks: [...read, 'logits'], ...last }, steps);
  // in the graph of the patched runs, so that a patch that changes nothing has no effect at all
  const corruptedRun = (edits: Interventions): Promise<ForwardResult> =>
    runner.run(
      { ids: ids(prompts.corrupted), hooks: ['logits'], ...last, interventions: { ...NO_EDITS, ...edits } },
      steps,
    );
  const clean = difference(cleanRun);
  const corrupted = difference(await corruptedRun({}));

  const comparable = Math.abs(clean - corrupted) >= ROUNDING;
  // + 0: what changes nothing is 0, not −0
  const effect = (patched: number): number => (patched - corrupted) / (clean - corrupted) + 0;

  const nothing = comparable ? 0 : NaN;
  const resid = new Float32Array(nLayers * n).fill(nothing);
  const heads = new Float32Array(nLayers * nHeads).fill(nothing);
  // before the first token that differs, the two runs are the same
  const from = prompts.clean.findIndex(({ id }, position) => id !== prompts.corrupted[position]!.id);
  const patches = layers.flatMap((layer) => [
    ...residPatches(layer, { from, to: n }, cleanRun.hooks[layerHook(layer, 'residPre')]!, resid),
    ...headPatches(layer, nHeads, cleanRun.hooks[layerHook(layer, 'z')]!, heads),
  ]);
  for (const [done, { into, at, interventions }] of (comparable ? patches : []).entries()) {
    await steps.step(l10n.t('Patching, run {0} of {1}', done + 1, patches.length), done / patches.length);
    into[at] = effect(difference(await corruptedRun(interventions())));
  }
  const notices = [...prompts.notices];
  if (!comparable)
    notices.push(l10n.t('Both prompts give the same logit difference: effects of patching are not defined.'));
  return {
    cleanTokens: prompts.clean,
    corruptedTokens: prompts.corrupted,
    answer,
    wrong,
    nLayers,
    nHeads,
    clean,
    corrupted,
    resid,
    heads,
    notices,
  };
};

const NO_EDITS: Interventions = { z: new Map<number, Edit>(), resid: new Map<number, Edit>() };

function* residPatches(
  layer: number,
  { from, to }: { from: number; to: number },
  clean: HookTensor,
  into: Float32Array,
): Generator<Patch> {
  for (let position = from; position < to; position++) {
    const interventions = (): Interventions => ({ resid: new Map([[layer, editPositions([position], clean)]]) });
    yield { into, at: layer * to + position, interventions };
  }
}

function* headPatches(layer: number, nHeads: number, clean: HookTensor, into: Float32Array): Generator<Patch> {
  for (let head = 0; head < nHeads; head++) {
    const interventions = (): Interventions => ({ z: new Map([[layer, editHeads(nHeads, [head], clean)]]) });
    yield { into, at: layer * nHeads + head, interventions };
  }
}

/** @throws InputError when the two do not have equally many tokens */
function readPrompts(
  checkpoint: Checkpoint,
  { clean, corrupted }: { clean: TextOrIds; corrupted: TextOrIds },
): { clean: Token[]; corrupted: Token[]; notices: string[] } {
  const [a, b] = [readPrompt(checkpoint, clean), readPrompt(checkpoint, corrupted)];
  if (a.totalTokens !== b.totalTokens)
    throw new InputError(
      l10n.t(
        'The clean prompt has {0} tokens and the corrupted one {1}; both must have equally many.',
        a.totalTokens,
        b.totalTokens,
      ),
    );
  return { clean: a.tokens, corrupted: b.tokens, notices: [...new Set([...a.notices, ...b.notices])] };
}
