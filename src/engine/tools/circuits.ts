/** Tools about heads: their attention on a text, their scores, how they compose, what they add to a logit. */
import * as l10n from '@vscode/l10n';
import { headName } from '../../protocol/checkpoint';
import { compositionKinds, type Composition, type CompositionKind, type HeadScore } from '../../protocol/circuits';
import type { PathTerm } from '../../protocol/circuits/paths';
import type { Token } from '../../protocol/analysis';
import { checkpointField, MAX_TOKENS, moreOf, promptFields, readHead, rounded, window } from './common';
import { choice, count, line, maybeChoice, whole } from './schema';
import { defineTool } from './tool';

const FRACTION = '0 to 1';
const rows = {
  from: whole('First token (position) that is given, from 0. Default: 0.', 0, 1e6),
  rows: count('How many tokens are given.', 24, 200),
};

export const attention = defineTool({
  name: 'attention',
  title: l10n.t('Attention of a Head'),
  description:
    'Runs a text through the checkpoint and gives, for one attention head and each destination token, the source tokens that it ' +
    'attends to most.',
  fields: {
    checkpoint: checkpointField,
    head: line('The head, such as L1H4; layers and heads count from 0.'),
    ...promptFields,
    weighting: choice(
      'pattern: attention probabilities. value-weighted: times the size of what is moved, ‖v_s W_O‖ over its maximum.',
      ['pattern', 'value-weighted'],
      'pattern',
    ),
    ...rows,
    top: count('Sources of each destination.', 3, 20),
  },
  required: ['head'],
  units: {
    weight: `attention, ${FRACTION}; a destination’s weights over all sources add up to 1 (not value-weighted ones)`,
  },
  async run(context, { head: text, text: prompt, ids, weighting, from = 0, rows, top }) {
    const checkpoint = await context.checkpoint();
    const head = readHead(text, checkpoint);
    const params = { checkpointId: checkpoint.id, text: prompt, ids, maxTokens: MAX_TOKENS, topK: 1 };
    const { id: analysisId, tokens, notices } = await context.request('analyze', params);
    try {
      const { positions, more } = window(from, rows, tokens.length);
      const { n, values } = await context.request('pattern', { analysisId, reduction: 'one', weighting, head });
      const given = positions.map((destination) => {
        const row = values.subarray(destination * n, destination * n + destination + 1);
        return { destination, token: tokens[destination]!.text, sources: strongest(row, tokens, top) };
      });
      const what = { checkpoint: checkpoint.name, head: headName(head), weighting, nTokens: n };
      return { ...what, rows: given, ...(more && { more }), notices };
    } finally {
      await context.request('closeAnalysis', { analysisId });
    }
  },
});

/** Largest first, earlier ones first among equals; without those of weight 0. */
function strongest(row: Float32Array, tokens: Token[], top: number): object[] {
  return Array.from(row, (weight, source) => ({ source, token: tokens[source]!.text, weight }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight || a.source - b.source)
    .slice(0, top)
    .map(({ weight, ...rest }) => ({ ...rest, weight: rounded(weight) }));
}

const scoreUnits = {
  previousToken: `mean attention to the token before, ${FRACTION}`,
  duplicateToken: `mean attention to the same token, said earlier, ${FRACTION}`,
  induction: `mean attention to what followed the same token, ${FRACTION}`,
  firstToken: `mean attention to the first position, ${FRACTION}`,
  entropy: 'bits, mean over destinations',
  ovCopying: 'sum of the OV circuit’s eigenvalues over the sum of their moduli, −1 to 1',
  qkMatching: 'the same of the QK circuit, −1 to 1',
};
type Score = keyof typeof scoreUnits;
const scores = Object.keys(scoreUnits) as Score[];

export const headScores = defineTool({
  name: 'head_scores',
  title: l10n.t('Head Scores'),
  description:
    'Scores attention heads on random tokens that are said twice (previous token, duplicate token, induction, first token, entropy) ' +
    'and by their weights (OV copying, QK matching), highest first. Needs no text.',
  fields: {
    checkpoint: checkpointField,
    sortBy: choice('The score that heads are sorted by, largest first.', scores, 'induction'),
    head: line('Only this head, such as L1H4.'),
    top: count('How many heads are given.', 16, 200),
    seed: whole('Of the random tokens. Default: 0.', 0, 1e9),
  },
  units: scoreUnits,
  async run(context, { sortBy, head: text, top, seed }) {
    const checkpoint = await context.checkpoint();
    const only = text === undefined ? undefined : readHead(text, checkpoint);
    const result = await context.request('headScores', { checkpointId: checkpoint.id, seed });
    const heads = result.heads
      .filter((score) => !only || (score.layer === only.layer && score.head === only.head))
      .sort((a, b) => b[sortBy] - a[sortBy]);
    const { length, batch, seed: used, notices } = result;
    return {
      checkpoint: checkpoint.name,
      heads: heads.slice(0, top).map(rowOf),
      ...moreOf('heads', top, heads.length, 'top'),
      measuredOn: { repeatedTokens: length, sequences: batch, seed: used },
      notices,
    };
  },
});

const rowOf = (score: HeadScore): object => ({
  head: headName(score),
  ...Object.fromEntries(scores.map((name) => [name, rounded(score[name])])),
});

export const composition = defineTool({
  name: 'composition',
  title: l10n.t('Composition of Heads'),
  description:
    'How strongly later heads read what earlier heads wrote, through their queries (Q), keys (K) or values (V): ' +
    'Q-, K- and V-composition of pairs of heads, strongest first, beside the score of random matrices. Needs no text.',
  fields: {
    checkpoint: checkpointField,
    kind: maybeChoice('Only this kind. Default: all three.', compositionKinds),
    head: line('Only pairs with this head, such as L1H4.'),
    top: count('Pairs of each kind.', 10, 200),
  },
  units: {
    score: `‖product of the two heads’ matrices‖_F over the product of their norms, ${FRACTION}`,
    aboveRandom: 'score minus that of Gaussian matrices of the same shapes (random)',
  },
  async run(context, { kind, head: text, top }) {
    const checkpoint = await context.checkpoint();
    const only = text === undefined ? undefined : headName(readHead(text, checkpoint));
    const result = await context.request('composition', { checkpointId: checkpoint.id });
    const kinds = kind === undefined ? compositionKinds : [kind];
    const all = Object.fromEntries(kinds.map((each) => [each, pairsOf(result, each, only)]));
    const total = Object.values(all)[0]!.length;
    return {
      checkpoint: checkpoint.name,
      random: Object.fromEntries(kinds.map((each) => [each, rounded(result.baseline[each])])),
      pairs: Object.fromEntries(kinds.map((each) => [each, all[each]!.slice(0, top)])),
      ...moreOf('pairs of each kind', top, total, 'top'),
      foldNorm: result.foldNorm,
      notices: result.notices,
    };
  },
});

/** Strongest first. */
function pairsOf(
  { nLayers, nHeads, scores, baseline }: Composition,
  kind: CompositionKind,
  only: string | undefined,
): object[] {
  const n = nLayers * nHeads;
  const name = (i: number): string => headName({ layer: Math.floor(i / nHeads), head: i % nHeads });
  return Array.from(scores[kind], (score, at) => ({ earlier: Math.floor(at / n), later: at % n, score }))
    .filter(({ score }) => !Number.isNaN(score))
    .map(({ earlier, later, score }) => ({ earlier: name(earlier), later: name(later), score }))
    .filter(({ earlier, later }) => only === undefined || earlier === only || later === only)
    .sort((a, b) => b.score - a.score)
    .map(({ score, ...pair }) => ({ ...pair, score: rounded(score), aboveRandom: rounded(score - baseline[kind]) }));
}

export const logitAttribution = defineTool({
  name: 'logit_attribution',
  title: l10n.t('Logit Attribution'),
  description:
    'Writes the logit of a next token as a sum: what the embedding, every head, every MLP and every bias added to it (direct logit ' +
    'attribution; in attention-only models without norms every path by itself), largest absolute value first.',
  fields: {
    checkpoint: checkpointField,
    ...promptFields,
    position: whole('After which token of the text the next token is looked at, from 0. Default: the last.', 0, 1e6),
    token: line('The next token, exactly one, spaces included. Default: the model’s top prediction.'),
    tokenId: whole('Its id instead.', 0, 1e9),
    top: count('How many terms are given.', 15, 200),
  },
  units: {
    logit: 'logits: the model’s own',
    sum: 'logits: of all terms, equal to logit but for rounding',
    value: 'logits, signed',
  },
  async run(context, { text, ids, position, token, tokenId, top }) {
    const checkpoint = await context.checkpoint();
    const chosen = token === undefined && tokenId === undefined ? undefined : { text: token, id: tokenId };
    const params = { checkpointId: checkpoint.id, text, ids, position, token: chosen };
    const result = await context.request('paths', params);
    const { tokens, terms, form, notices } = result;
    const left = terms.slice(top);
    return {
      checkpoint: checkpoint.name,
      after: { position: result.position, token: tokens[result.position]!.text },
      nextToken: result.token,
      logit: rounded(result.logit),
      sum: rounded(result.sum),
      form: form === 'paths' ? 'every path by itself' : 'through the final norm with its scale frozen',
      terms: terms.slice(0, top).map((term) => termOf(term, tokens)),
      ...(left.length > 0 && {
        rest: { terms: left.length, value: rounded(left.reduce((sum, t) => sum + t.value, 0)) },
      }),
      ...moreOf('terms', top, terms.length, 'top'),
      notices,
    };
  },
});

/** With the source token that most of a head's term came from. */
function termOf({ name, kind, value, bySource }: PathTerm, tokens: Token[]): object {
  const term = { name, kind, value: rounded(value) };
  if (!bySource) return term;
  const most = bySource.reduce((best, each, i) => (Math.abs(each) > Math.abs(bySource[best]!) ? i : best), 0);
  return { ...term, mostFrom: { source: most, token: tokens[most]!.text, value: rounded(bySource[most]!) } };
}
