/** Attention patterns as CircuitsVis's `attention_heads` takes them. */
import * as l10n from '@vscode/l10n';
import type { Token } from '../../protocol/analysis';
import { headName, type HeadRef } from '../../protocol/checkpoint';
import type { CircuitsVisInput } from '../../protocol/interop';
import { InputError } from '../checkpoint/errors';
import { headRow, type LayerPattern } from '../runtime/patternRows';

export function circuitsVis(
  { n, nHeads, patterns, tokens }: { n: number; nHeads: number; patterns: LayerPattern[]; tokens: readonly Token[] },
  only: { head?: HeadRef; layer?: number } = {},
): CircuitsVisInput {
  const { head, layer } = only;
  if (layer !== undefined && !patterns[layer])
    throw new InputError(l10n.t('There is no layer {0} in this model: expected 0–{1}.', layer, patterns.length - 1));
  const all = patterns.flatMap((_, l) => Array.from({ length: nHeads }, (_, h): HeadRef => ({ layer: l, head: h })));
  const heads = head ? [head] : all.filter((ref) => layer === undefined || ref.layer === layer);
  const row = (ref: HeadRef, dst: number): number[] => {
    const seen = headRow(patterns[ref.layer]!, n, ref.head, dst);
    return Array.from({ length: n }, (_, src) => seen[src] ?? 0);
  };
  return {
    tokens: tokens.map(({ text }) => text),
    attention: heads.map((ref) => Array.from({ length: n }, (_, dst) => row(ref, dst))),
    attention_head_names: heads.map(headName),
  };
}
