/** Which output of a foreign graph is the logits. */
import * as l10n from '@vscode/l10n';
import { PROBE_IDS } from './probe';
import type { ForeignHook, ForeignInputs, OnnxGraph, Probe } from './types';

/** @returns one sentence when there are none, or not of every token */
export async function findLogits(
  graph: OnnxGraph,
  inputs: ForeignInputs,
  probe: Probe,
  dModel: number | undefined,
): Promise<{ hook: ForeignHook; dVocab: number } | string> {
  const none = l10n.t('No output of this graph is logits: next tokens are not predicted.');
  const names = graph.model.graph!.output.map(({ name }) => name);
  const likely = names.filter((name) => !/present|past|key|value|cache|hidden|attention|state/i.test(name));
  const n = inputs.length ?? PROBE_IDS.length;
  // the likeliest first; an output that cannot be probed (a sequence, text) is none
  for (const name of [...likely].sort((a, b) => Number(/logits/i.test(b)) - Number(/logits/i.test(a)))) {
    const dims = await probe([name]).then(
      (seen) => seen[name]!.dims,
      () => [],
    );
    const [dVocab, rows] = [dims.at(-1) ?? 0, dims.at(-2) ?? 0];
    const batch = dims.length === 3 ? dims[0] : 1;
    const named = /logits/i.test(name);
    if (dims.length < 2 || dims.length > 3 || batch !== 1 || (!named && dVocab === dModel)) continue;
    if (rows === n && dVocab > 1) return { hook: { value: name, axes: dims.length === 3 ? 'bpv' : 'pv' }, dVocab };
    if (named && n > 1)
      return l10n.t(
        'The logits of this graph ({0}) are not of every token but [{1}] for {2} tokens: next tokens are not predicted.',
        name,
        dims.join(', '),
        n,
      );
  }
  return none;
}
