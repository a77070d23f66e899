/** What is made of logits: the next tokens, what each row's targets get, how far two distributions are apart. */
import { DataType, type GraphBuilder, type Value } from './builder';

export const nextOutputs = {
  ids: 'next_ids',
  logProbs: 'next_log_probs',
  targetLogProbs: 'target_log_probs',
  targetRanks: 'target_ranks',
  kl: 'next_kl',
} as const;

/** Of a part of the vocabulary: tokens are counted from its first. */
export const partOutputs = {
  ids: 'part_ids',
  logits: 'part_logits',
  /** Of the most probable token, within the part. */
  firstLogProb: 'part_first_log_prob',
  targetLogits: 'part_target_logits',
} as const;

/** A value that will be an output by this name. */
export interface NamedValue {
  name: string;
  value: Value;
  dtype: DataType;
}

/** KL(p ‖ q) of each row's softmax, nats. `[pos, 1]` */
export function divergence(g: GraphBuilder, p: Value, q: Value): NamedValue {
  const [logP, logQ] = [p, q].map((logits) => g.op('LogSoftmax', [logits], { axis: -1 }));
  const terms = g.op('Mul', [g.op('Exp', [logP!]), g.op('Sub', [logP!, logQ!])]);
  const sum = g.op('ReduceSum', [terms, g.ints([-1])], { keepdims: 1 });
  return { name: nextOutputs.kl, value: sum, dtype: DataType.FLOAT };
}

/**
 * The most probable next tokens of each row of logits `[pos, d_vocab]`, and what its targets get.
 * @param input name of the graph input with the targets
 */
export function nextTokens(g: GraphBuilder, logits: Value, input: string, k: number, ranksOf?: number): NamedValue[] {
  // measured: ReduceLogSumExp takes most of the product's own time, this hardly any; ids are of the logits, unrounded
  const logProbs = g.op('LogSoftmax', [logits], { axis: -1 });
  const [, ids] = g.ops('TopK', [logits, g.ints([k])], 2, { axis: -1, largest: 1, sorted: 1 });
  const targets = g.input(input, DataType.INT64, ['pos', ranksOf ?? 1]);
  const of = (values: Value, tokens: Value): Value => g.op('GatherElements', [values, tokens], { axis: 1 });
  const ranks = ranksOf === undefined ? [] : [ranksOfTargets(g, logits, of(logits, targets), ranksOf)];
  return [
    ...ranks,
    { name: nextOutputs.ids, value: ids!, dtype: DataType.INT64 },
    { name: nextOutputs.logProbs, value: of(logProbs, ids!), dtype: DataType.FLOAT },
    { name: nextOutputs.targetLogProbs, value: of(logProbs, targets), dtype: DataType.FLOAT },
  ];
}

/**
 * What `joinParts` makes next tokens of, of the logits of a part of the vocabulary `[pos, tokens]`.
 * @param input name of the graph input with the targets, counted from the part's first token; those outside get any logit
 */
export function partOfNextTokens(
  g: GraphBuilder,
  logits: Value,
  input: string,
  k: number,
  tokens: number,
): NamedValue[] {
  const [values, ids] = g.ops('TopK', [logits, g.ints([Math.min(k, tokens)])], 2, { axis: -1, largest: 1, sorted: 1 });
  const first = g.op('Slice', [ids!, g.ints([0]), g.ints([1]), g.ints([1])]);
  const targets = g.input(input, DataType.INT64, ['pos', 1]);
  const inside = g.op('Max', [g.op('Min', [targets, g.ints([tokens - 1])]), g.ints([0])]);
  const of = (values: Value, at: Value): Value => g.op('GatherElements', [values, at], { axis: 1 });
  const logProbs = g.op('LogSoftmax', [logits], { axis: -1 });
  return [
    { name: partOutputs.ids, value: ids!, dtype: DataType.INT64 },
    { name: partOutputs.logits, value: values!, dtype: DataType.FLOAT },
    { name: partOutputs.firstLogProb, value: of(logProbs, first), dtype: DataType.FLOAT },
    { name: partOutputs.targetLogits, value: of(logits, inside), dtype: DataType.FLOAT },
  ];
}

/** How many logits are larger than each target's. `[pos, n]` */
function ranksOfTargets(g: GraphBuilder, logits: Value, target: Value, n: number): NamedValue {
  const columns = g.ops('Split', [target, g.ints(new Array<number>(n).fill(1))], n, { axis: 1 });
  const ranks = columns.map((column) => {
    const larger = g.op('Cast', [g.op('Greater', [logits, column])], { to: DataType.INT32 });
    return g.op('ReduceSum', [larger, g.ints([-1])], { keepdims: 1 });
  });
  return { name: nextOutputs.targetRanks, value: g.op('Concat', ranks, { axis: 1 }), dtype: DataType.INT32 };
}
