/** Attention patterns as CircuitsVis's `attention_heads` takes them. */
import type { Token } from '../../protocol/analysis';
import { headName, type HeadRef } from '../../protocol/checkpoint';
import type { CircuitsVisInput } from '../../protocol/interop';
import { InputError } from '../checkpoint/errors';

/** @param patterns each layer's `[head, destination, source]` */
export function circuitsVis(
  {
    n,
    nHeads,
    patterns,
    tokens,
  }: { n: number; nHeads: number; patterns: ArrayLike<number>[]; tokens: readonly Token[] },
  only: { head?: HeadRef; layer?: number } = {},
): CircuitsVisInput {
  const { head, layer } = only;
  if (layer !== undefined && !patterns[layer])
    throw new InputError(`There is no layer ${layer} in this model: expected 0–${patterns.length - 1}.`);
  const all = patterns.flatMap((_, l) => Array.from({ length: nHeads }, (_, h): HeadRef => ({ layer: l, head: h })));
  const heads = head ? [head] : all.filter((ref) => layer === undefined || ref.layer === layer);
  const row = (ref: HeadRef, dst: number): number[] =>
    Array.from({ length: n }, (_, src) => patterns[ref.layer]![(ref.head * n + dst) * n + src]!);
  return {
    tokens: tokens.map(({ text }) => text),
    attention: heads.map((ref) => Array.from({ length: n }, (_, dst) => row(ref, dst))),
    attention_head_names: heads.map(headName),
  };
}
