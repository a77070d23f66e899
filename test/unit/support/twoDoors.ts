/** The same weights opened as safetensors and as `.onnx`: every number that both give is compared. */
import assert from 'node:assert/strict';
import { hookNames, layerHooks, type LayerHook } from '../../../src/engine/graph/hooks';
import type { OpenModel } from '../../../src/engine/circuitHandlers';
import type { HookTensor } from '../../../src/protocol/engine';
import { createRunner } from '../../../src/engine/runtime/runner';
import type { ForwardRequest, ForwardResult, NextTokens } from '../../../src/engine/runtime/types';
import { assertClose, HOOK_BAR } from './closeness';
import { openModel } from './models';
import { PROVIDER } from './provider';

export interface Doors {
  safetensors: OpenModel;
  onnx: OpenModel;
  ids: number[];
  close(): Promise<void>;
}

/** @param nTokens of the prompt, which repeats so that attention has something to find */
export async function openDoors(folder: string, onnx: string, nTokens = 9): Promise<Doors> {
  const safetensors = await openModel(folder);
  const foreign = await openModel(onnx);
  const { dVocab } = safetensors.checkpoint.description;
  return {
    safetensors,
    onnx: foreign,
    ids: Array.from({ length: nTokens }, (_, i) => (i * i * 5 + 3) % dVocab),
    close: async () => {
      await safetensors.runner.dispose();
      await foreign.runner.dispose();
    },
  };
}

/** What every door must show. */
const ATTENTION: LayerHook[] = ['attnScores', 'pattern', 'v', 'z'];
const STREAM: LayerHook[] = ['residPre', 'residMid', 'residPost', 'attnOut', 'mlpOut'];

const kindOf = (name: string): string => name.replace(/^blocks\.\d+\./, '');
const isKind = (name: string, kinds: LayerHook[]): boolean => kinds.some((kind) => layerHooks[kind] === kindOf(name));

/** The hooks of the safetensors door that the other must have as well. */
export function requiredHooks({ safetensors }: Doors, residual = true, logits = true): string[] {
  return hookNames(safetensors.checkpoint.description).filter(
    (name) =>
      isKind(name, ATTENTION) ||
      (residual && (isKind(name, STREAM) || name === 'hook_embed')) ||
      (logits && name === 'logits'),
  );
}

/** How far two doors may differ: of the largest value of a hook, and of a pattern that has such scores. */
export interface Bars {
  values: number;
  pattern: (scores: HookTensor) => number;
}

/** The same arithmetic in another order. */
export const EQUAL: Bars = { values: HOOK_BAR, pattern: () => HOOK_BAR };

/**
 * What float16 allows. Every result is rounded to 11 bits, a relative error of at most 2⁻¹¹. A value of the last layer has passed
 * through at most 32 roundings a layer (norm 6, projection 2, rotary 4, scores 3, mix and output 3, addition 1, norm 6,
 * MLP 6, addition 1), which add up at worst. A softmax turns an error δ of a score into at most e^2δ − 1 of a weight.
 */
export function halfBars(nLayers: number): Bars {
  const values = 32 * nLayers * 2 ** -11;
  return { values, pattern: (scores) => Math.expm1(2 * values * largest(scores)) };
}

const largest = ({ data }: HookTensor): number =>
  data.reduce((top, value) => (Number.isFinite(value) ? Math.max(top, Math.abs(value)) : top), 0);

/** Runs both doors; all hooks that the `.onnx` has are those of the safetensors, and `required` are among them. */
export async function assertSameHooks(doors: Doors, required: string[], bars: Bars = EQUAL): Promise<void> {
  const { safetensors, onnx, ids } = doors;
  const names = hookNames(onnx.checkpoint.description).filter((name) => onnx.checkpoint.foreign!.hooks.has(name));
  const known = new Set(hookNames(safetensors.checkpoint.description));
  if (required.includes('logits')) assert.deepEqual(onnx.checkpoint.foreign!.missing, {});
  for (const name of required) assert.ok(onnx.checkpoint.foreign!.hooks.has(name), `the .onnx has no ${name}`);
  for (const name of onnx.checkpoint.foreign!.hooks.keys())
    assert.ok(known.has(name), `${name} of the .onnx is not a hook`);
  const expected = await safetensors.runner.run({ ids, hooks: names, topK: 3 });
  const actual = await onnx.runner.run({ ids, hooks: names, ...(required.includes('logits') && { topK: 3 }) });
  assertSame(actual, expected, names, bars);
}

/** The weights that were found, run as those of a safetensors checkpoint are: the description alone makes the same numbers. */
export async function assertSameDescription(doors: Doors): Promise<void> {
  const checkpoint = { ...doors.onnx.checkpoint };
  delete checkpoint.foreign;
  const runner = await createRunner(checkpoint, { providers: [PROVIDER], log: () => undefined });
  const hooks = hookNames(doors.safetensors.checkpoint.description);
  const { ids } = doors;
  assertSame(await runner.run({ ids, hooks }), await doors.safetensors.runner.run({ ids, hooks }), hooks, EQUAL);
  await runner.dispose();
}

/** The same run through both doors. */
export async function assertSameRun(doors: Doors, request: Omit<ForwardRequest, 'ids'>, bars = EQUAL): Promise<void> {
  const [expected, actual] = [
    await doors.safetensors.runner.run({ ids: doors.ids, ...request }),
    await doors.onnx.runner.run({ ids: doors.ids, ...request }),
  ];
  assertSame(actual, expected, request.hooks, bars);
}

function assertSame(actual: ForwardResult, expected: ForwardResult, names: string[], bars: Bars): void {
  for (const name of names) {
    const [a, e] = [actual.hooks[name]!, expected.hooks[name]!];
    if (isKind(name, ['attnScores'])) assertClose(name, maskedAs(name, a, e), e, bars.values);
    else if (isKind(name, ['pattern'])) assertClose(name, a, e, patternBar(name, expected, bars), 1);
    else assertClose(name, a, e, bars.values);
  }
  // of float16 the logits say it all: tokens that are about as probable change places
  if (!expected.next || !actual.next || bars !== EQUAL) return;
  assert.deepEqual([...actual.next.ids], [...expected.next.ids]);
  const logProbs = ({ tokenLogProbs: data }: NextTokens): HookTensor => ({ shape: [data.length], data });
  assertClose('tokenLogProbs', logProbs(actual.next), logProbs(expected.next), HOOK_BAR, 1);
}

function patternBar(name: string, { hooks }: ForwardResult, bars: Bars): number {
  const scores = hooks[name.replace(layerHooks.pattern, layerHooks.attnScores)];
  return scores ? bars.pattern(scores) : bars.values;
}

/** Exports mask by the lowest number that they have instead of −∞. */
function maskedAs(name: string, actual: HookTensor, expected: HookTensor): HookTensor {
  const data = actual.data.map((value, i) => {
    if (expected.data[i] !== -Infinity) return value;
    assert.ok(value < -1e4, `${name} is ${value} where it is masked`);
    return -Infinity;
  });
  return { shape: actual.shape, data };
}
