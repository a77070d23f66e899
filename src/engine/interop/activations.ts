/** Activations as safetensors with TransformerLens's names: what is written beside them, and how far another's are from ours. */
import * as l10n from '@vscode/l10n';
import type { ActivationComparison, ActivationDifference } from '../../protocol/interop';
import type { Token } from '../../protocol/analysis';
import type { HookTensor } from '../../protocol/engine';
import type { StoredTensor } from '../checkpoint/checkpoint';
import { InputError } from '../checkpoint/errors';
import { readMetadata, readSafetensors, writeSafetensors } from '../checkpoint/safetensors';
import type { OpenModel } from '../circuitHandlers';
import { checkpointHooks } from '../describe';
import type { Steps } from '../runtime/types';
import { isFloat, tensorValues } from './tensorValues';

/** What is told of the prompt in the header: `ids` and `tokens` are JSON arrays. */
export function activationMetadata(model: string, tokens: readonly Token[], prompt?: string): Record<string, string> {
  return {
    model,
    ids: JSON.stringify(tokens.map(({ id }) => id)),
    tokens: JSON.stringify(tokens.map(({ text }) => text)),
    ...(prompt !== undefined && { prompt }),
  };
}

/** The token ids that a file of activations says it is of. @throws InputError when its `ids` are no ids */
export async function idsInFile(file: string): Promise<number[] | undefined> {
  const { ids } = await readMetadata(file);
  if (ids === undefined) return undefined;
  const fail = (): never => {
    throw new InputError(
      l10n.t('{0}: ids in the metadata: expected a JSON array of token ids, found {1}', file, ids.slice(0, 40)),
    );
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(ids);
  } catch {
    return fail();
  }
  const isIds = (value: unknown): value is number[] =>
    Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id));
  return isIds(parsed) ? parsed : fail();
}

/** Runs ids and writes hooks (exact names). @throws InputError naming a hook that the model does not have */
export async function exportActivations(
  { checkpoint, runner }: OpenModel,
  { tokens, prompt, hooks, file }: { tokens: readonly Token[]; prompt?: string; hooks: string[]; file: string },
  steps: Steps,
): Promise<void> {
  const known = new Set(checkpointHooks(checkpoint));
  const unknown = hooks.find((name) => !known.has(name));
  if (unknown !== undefined) throw new InputError(l10n.t('{0} has no hook {1}.', checkpoint.name, unknown));
  await steps.step(l10n.t('Running {0} tokens', tokens.length));
  const result = await runner.run({ ids: tokens.map(({ id }) => id), hooks }, steps);
  await steps.step(l10n.t('Writing activations'));
  await writeSafetensors(file, result.hooks, activationMetadata(checkpoint.name, tokens, prompt));
}

/** Runs ids and compares every activation in a file that this model has too, layer by layer as they lie in the model. */
export async function compareActivations(
  { checkpoint, runner }: OpenModel,
  file: string,
  ids: number[],
  steps: Steps,
): Promise<ActivationComparison> {
  const stored = await readSafetensors(file);
  const wanted = checkpointHooks(checkpoint).filter((name) => stored.has(name));
  const known = new Set(wanted);
  const skipped = [...stored.keys()]
    .filter((name) => !known.has(name))
    .map((name) => ({ name, reason: l10n.t('no hook of this model has this name') }));
  await steps.step(l10n.t('Running {0} tokens', ids.length));
  const hooks: Record<string, HookTensor> = wanted.length
    ? (await runner.run({ ids, hooks: wanted }, steps)).hooks
    : {};
  const differences: ActivationDifference[] = [];
  for (const name of wanted) {
    const ours = hooks[name]!;
    const theirs = stored.get(name)!;
    const repeats = fits(name, ours, theirs, checkpoint.description);
    if (typeof repeats === 'string') skipped.push({ name, reason: repeats });
    else differences.push(difference(name, ours, await tensorValues(name, theirs), repeats));
  }
  const relative = ({ largest, scale }: ActivationDifference): number =>
    Number.isNaN(largest) ? Infinity : largest / (scale || 1);
  return { hooks: differences.sort((a, b) => relative(b) - relative(a)), skipped };
}

const shapeText = (shape: readonly number[]): string => `[${shape.join(', ')}]`;
const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

/** How often each head of theirs is repeated in ours, or why the two cannot be compared. */
function fits(
  name: string,
  { shape }: HookTensor,
  theirs: StoredTensor,
  { nHeads, nKeyValueHeads }: { nHeads: number; nKeyValueHeads: number },
): number | string {
  if (!isFloat(theirs)) return l10n.t('its dtype is {0}; F32, F64, F16 or BF16 was expected', theirs.dtype);
  const isBatch = theirs.shape.length === shape.length + 1 && theirs.shape[0] === 1;
  const found = isBatch ? theirs.shape.slice(1) : theirs.shape;
  if (same(found, shape)) return 1;
  // grouped-query attention: TransformerLens keeps one of each group
  const grouped = shape.with(1, nKeyValueHeads);
  if (/\.attn\.hook_(rot_k|k|v)$/.test(name) && same(found, grouped)) return nHeads / nKeyValueHeads;
  return l10n.t('its shape is {0}; {1} was expected, or one batch of it', shapeText(theirs.shape), shapeText(shape));
}

/** @param repeats heads of ours `[pos, head, …]` that have one of theirs in common */
function difference(
  hook: string,
  { shape, data }: HookTensor,
  theirs: Float32Array | Float64Array,
  repeats: number,
): ActivationDifference {
  const perHead = shape.slice(2).reduce((product, size) => product * size, 1);
  const indexOf = (i: number): number => {
    if (repeats === 1) return i;
    const head = Math.floor(i / perHead);
    return Math.floor(head / repeats) * perHead + (i % perHead);
  };
  let [largest, place, scale] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const ours = data[i]!;
    const by = distance(ours, theirs[indexOf(i)]!);
    if (by > largest || (Number.isNaN(by) && !Number.isNaN(largest))) [largest, place] = [by, i];
    if (Number.isFinite(ours)) scale = Math.max(scale, Math.abs(ours));
  }
  const at = indices(place, shape);
  return { hook, shape, largest, scale, at, ours: data[place] ?? NaN, theirs: theirs[indexOf(place)] ?? NaN };
}

/** What is masked is −Infinity in both. */
function distance(ours: number, theirs: number): number {
  if (Object.is(ours, theirs) || ours === theirs) return 0;
  return Number.isNaN(ours) || Number.isNaN(theirs) ? NaN : Math.abs(theirs - ours);
}

function indices(place: number, shape: readonly number[]): number[] {
  let rest = place;
  return [...shape]
    .reverse()
    .map((size) => {
      const index = size ? rest % size : 0;
      rest = size ? Math.floor(rest / size) : 0;
      return index;
    })
    .reverse();
}
