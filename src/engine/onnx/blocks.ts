/** The layers of a model, as what they wrote to the residual stream. */
import * as l10n from '@vscode/l10n';
import type { Flow } from './follow';
import type { Write } from './stream';

/** Values of one layer. */
export interface Block {
  residPre: string;
  /** Index of its attention. */
  attention: number;
  attnOut: string;
  /** Absent without an MLP, and where both read residPre. */
  residMid?: string;
  mlpOut?: string;
  residPost: string;
}

export interface Blocks {
  blocks: Block[];
  parallel: boolean;
}

/** @returns the layers, or what about the chain is not one of a decoder */
export function blocksOf(flow: Flow, writes: readonly Write[], patterns: readonly string[]): Blocks | string {
  const blocks: Block[] = [];
  const kinds = new Set<boolean>();
  for (let i = 0; i < writes.length;) {
    const taken = takeBlock(flow, writes, i, patterns);
    if (typeof taken === 'string') return taken;
    blocks.push(taken.block);
    if (taken.block.mlpOut !== undefined) kinds.add(taken.block.residMid === undefined);
    i += taken.writes;
  }
  if (kinds.size > 1)
    return l10n.t('in some layers attention and MLP read the same residual stream and in others they do not');
  return { blocks, parallel: kinds.has(true) };
}

function takeBlock(
  flow: Flow,
  writes: readonly Write[],
  i: number,
  patterns: readonly string[],
): { block: Block; writes: number } | string {
  const [first, second] = [writes[i]!, writes[i + 1]];
  const isPair = second !== undefined && first.attentions.length + second.attentions.length === 1;
  if (isPair && second.reads === i) {
    const [attn, mlp] = first.attentions.length === 1 ? [first, second] : [second, first];
    const outs = { attention: attn.attentions[0]!, attnOut: attn.added, mlpOut: mlp.added };
    return { block: { residPre: first.before, ...outs, residPost: second.after }, writes: 2 };
  }
  const attention = first.attentions[0];
  if (attention === undefined)
    return l10n.t('something without attention is added to it before the attention of layer {0}', i);
  if (first.attentions.length > 1) return l10n.t('{0} attentions are added to it at once', first.attentions.length);
  const pre = { residPre: first.before, attention };
  const parts = parallelParts(flow, first, patterns[attention]!);
  if (parts) return { block: { ...pre, ...parts, residPost: first.after }, writes: 1 };
  if (!isPair) return { block: { ...pre, attnOut: first.added, residPost: first.after }, writes: 1 };
  const mlp = { residMid: first.after, mlpOut: second.added, residPost: second.after };
  return { block: { ...pre, attnOut: first.added, ...mlp }, writes: 2 };
}

/** attention + MLP, where both read the stream and their sum is what is added to it. */
function parallelParts(
  flow: Flow,
  { before, added }: Write,
  pattern: string,
): { attnOut: string; mlpOut: string } | undefined {
  const node = flow.graph.producer(flow.origin(added));
  if (node?.opType !== 'Add') return undefined;
  const stops = flow.aliases(before);
  const sides = node.input.map((value) => ({ value, above: flow.upstream(value, stops) }));
  if (!sides.every(({ above }) => above.reached.size > 0)) return undefined;
  const [attn, mlp] = sides.toSorted(
    (a, b) => Number(b.above.values.has(pattern)) - Number(a.above.values.has(pattern)),
  ) as [(typeof sides)[0], (typeof sides)[0]];
  if (mlp.above.values.has(pattern) || !attn.above.values.has(pattern)) return undefined;
  return { attnOut: attn.value, mlpOut: mlp.value };
}
