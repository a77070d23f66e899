/** Checks that the values which were found are what hooks are, by running them on two prompts. */
import type { ModelDescription } from '../checkpoint/description';
import { inspect, PROBE_IDS } from './probe';
import { lettersOf } from './shapes';
import type { ForeignHook, ForeignInputs, FoundHook, OnnxGraph } from './types';

const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);
const OF_STREAM = /resid|attn_out|mlp_out|embed|_scale$/;

/** @returns those that are, with their types and shapes */
export async function checkHooks(
  graph: OnnxGraph,
  inputs: ForeignInputs,
  description: ModelDescription,
  hooks: ReadonlyMap<string, ForeignHook>,
): Promise<Map<string, FoundHook>> {
  const values = [...hooks.values()].map(({ value }) => value);
  const { types, long, short } = await inspect(graph, inputs, values);
  const n = inputs.length ?? PROBE_IDS.length;
  const checked = new Map<string, FoundHook>();
  for (const [name, hook] of hooks) {
    const dims = long.get(hook.value)!;
    const dtype = types.get(hook.value);
    const sizes = sizesOf(description, name, hook, product(dims), n);
    if (dtype === undefined || !sizes) continue;
    const other = short.get(hook.value)!;
    const shape = dims.map((dim, axis) => (dim === other[axis] ? dim : -dim / n));
    if (shape.length !== other.length || !shape.every(Number.isInteger)) continue;
    checked.set(name, { ...hook, dtype, sizes, shape });
  }
  return checked;
}

/**
 * Sizes of those axes that do not follow from the prompt.
 * @param count numbers of the value on `n` tokens
 * @returns undefined when these are not what the hook's axes say
 */
function sizesOf(
  { nHeads, dModel, dHead, dVocab }: ModelDescription,
  name: string,
  hook: ForeignHook,
  count: number,
  n: number,
): Record<string, number> | undefined {
  const letters = lettersOf(hook);
  const each = count / product(Array.from(letters, (letter) => ('pqk'.includes(letter) ? n : 1)));
  if (letters.includes('v')) return each === dVocab ? { v: dVocab } : undefined;
  if (!letters.includes('h')) return !OF_STREAM.test(name) || each === dModel ? { d: each } : undefined;
  if (!letters.includes('d')) return each === nHeads ? { h: nHeads } : undefined;
  const h = each / dHead;
  const ofAll = !hook.axes.includes('j');
  return Number.isInteger(h) && h > 0 && nHeads % h === 0 && (!ofAll || h === nHeads) ? { h, d: dHead } : undefined;
}
